--- The cases of the suite that look at files: layers are really mounted, written and compared.
local assert = require "luassert"
local busted = require "busted"
local fcntl = require "posix.fcntl"
local stat = require "posix.sys.stat"
local time = require "posix.time"
local unistd = require "posix.unistd"
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"

local describe, it = busted.describe, busted.it

local fails_saying = expect.fails_saying

--- Commits two layers and answers what a view of the second shows.
local function two_layers(bench, first, second)
    bench:layer("one", nil, first)
    bench:layer("two", "one", second)
    return bench:see("two")
end

local function basic_first(at)
    tree.write(at .. "/foo", "foo\n", 511)
    tree.mkdir(at .. "/a/b/c")
    tree.write(at .. "/a/b/c/hello", "hello")
end

local function basic_second(at)
    assert.equal("foo\n", tree.read(at .. "/foo"))
    tree.write(at .. "/bar", "bar\n", 420)
    tree.write(at .. "/a/b/c/hello", "hello again")
end

local function basic(new_bench)
    it("shows in a view what two layers made (Basic)", needs.mounts(function()
        local bench <close> = new_bench()
        local seen = two_layers(bench, basic_first, basic_second)
        assert.same({ [["foo\
"]], [["bar\
"]], [["hello again"]] }, {
            seen.foo:match('".*"'), seen.bar:match('".*"'), seen["a/b/c/hello"]:match('".*"'),
        })
    end))

    it("forgets the key and tells the name after commit (Basic)", needs.mounts(function()
        local bench <close> = new_bench()
        bench:layer("one", nil, basic_first)
        expect.fails("not_found", bench.store:stat("making one"))
        assert.equal("", assert(bench.store:stat("one")).parent)
    end))

    it("walks exactly what stat tells (Basic)", needs.mounts(function()
        local bench <close> = new_bench()
        two_layers(bench, basic_first, basic_second)
        local walked = {}
        for info in bench.store:walk() do
            walked[info.name] = info
        end
        assert.same({ one = assert(bench.store:stat("one")), two = assert(bench.store:stat("two")) }, walked)
    end))

    it("removes from the top down only (Basic)", needs.mounts(function()
        local bench <close> = new_bench()
        two_layers(bench, basic_first, basic_second)
        fails_saying("failed_precondition", "remove", bench.store:remove("one"))
        assert(bench.store:remove("two"))
        assert(bench.store:remove("one"))
    end))
end

local function overwriting(new_bench)
    it("shows the newest of files that five layers overwrote (LayerFileupdate)", needs.mounts(function()
        local bench <close> = new_bench()
        local parent
        for i = 1, 5 do
            parent = bench:layer("layer" .. i, parent, function(at)
                tree.write(at .. "/f", ("%05d"):format(i))
                tree.write(at .. "/g" .. i, "same")
            end)
            if i == 3 then -- across the boundary of a second, too
                local now = time.clock_gettime(time.CLOCK_REALTIME)
                time.nanosleep { tv_sec = 0, tv_nsec = 999999999 - now.tv_nsec }
            end
        end
        local seen = bench:see(parent)
        assert.same({ '"00005"', '"same"' }, { seen.f:match('".*"'), seen.g1:match('".*"') })
    end))

    it("lets nothing shine through a directory made anew (RemoveDirectoryInLowerLayer)", needs.mounts(function()
        local bench <close> = new_bench()
        local seen = two_layers(bench, function(at)
            tree.mkdir(at .. "/dir1")
            tree.write(at .. "/dir1/f1", "one")
            tree.mkdir(at .. "/dir2")
            tree.write(at .. "/dir2/f2", "two")
        end, function(at)
            tree.remove(at .. "/dir1")
            tree.mkdir(at .. "/dir1")
            tree.write(at .. "/dir1/f2", "new")
            tree.remove(at .. "/dir2")
        end)
        assert.same({ "dir1", "dir1/f2" }, (function()
            local names = {}
            for name in pairs(seen) do
                names[#names + 1] = name
            end
            table.sort(names)
            return names
        end)())
    end))

    it("shows what a child deleted as gone (DeletedFilesInChildSnapshot)", needs.mounts(function()
        local bench <close> = new_bench()
        local seen = two_layers(bench, function(at)
            tree.write(at .. "/foo", "foo")
            tree.write(at .. "/bar", "bar")
        end, function(at)
            tree.unlink(at .. "/foo")
            tree.write(at .. "/baz", "baz")
        end)
        assert.is_nil(seen.foo)
        assert.is_string(seen.bar)
        assert.is_string(seen.baz)
    end))

    it("keeps a file of a lower layer under its new name only (MoveFileFromLowerLayer)", needs.mounts(function()
        local bench <close> = new_bench()
        local seen = two_layers(bench, function(at)
            tree.mkdir(at .. "/dir1")
            tree.mkdir(at .. "/dir2")
            tree.write(at .. "/dir1/f1", "hello")
            tree.write(at .. "/dir2/f2", "bye")
        end, function(at)
            tree.mkdir(at .. "/dir3")
            for _, name in ipairs { "1", "2" } do
                tree.link(at .. "/dir" .. name .. "/f" .. name, at .. "/dir3/f" .. name)
                tree.unlink(at .. "/dir" .. name .. "/f" .. name)
            end
        end)
        assert.same({ nil, nil, '"hello"', '"bye"' },
            { seen["dir1/f1"], seen["dir2/f2"], seen["dir3/f1"]:match('".*"'), seen["dir3/f2"]:match('".*"') })
    end))

    it("keeps a file renamed in a child (Rename)", needs.mounts(function()
        local bench <close> = new_bench()
        local seen = two_layers(bench, function(at)
            tree.write(at .. "/foo1", "foo")
            tree.mkdir(at .. "/some")
        end, function(at)
            tree.rename(at .. "/foo1", at .. "/some/foo2")
        end)
        assert.same({ nil, '"foo"' }, { seen.foo1, seen["some/foo2"]:match('".*"') })
    end))

    it("keeps a directory renamed in the layer that made it (Rename)", needs.mounts(function()
        local bench <close> = new_bench()
        local seen = two_layers(bench, nil, function(at)
            tree.mkdir(at .. "/dir1")
            tree.write(at .. "/dir1/f", "x")
            tree.rename(at .. "/dir1", at .. "/dir2")
        end)
        assert.same({ nil, '"x"' }, { seen["dir1/f"], seen["dir2/f"]:match('".*"') })
    end))
end

local function owners(new_bench)
    it("keeps a change of owner (Chown)", needs.owners(function()
        local bench <close> = new_bench()
        local seen = two_layers(bench, function(at)
            tree.write(at .. "/f", "x", 420)
            tree.chown(at .. "/f", 1, 1)
        end, function(at)
            tree.chown(at .. "/f", 2, 3)
        end)
        assert.equal('file 0644 2:3 "x"', seen.f)
    end))

    it("keeps a change of mode (Chmod)", needs.mounts(function()
        local bench <close> = new_bench()
        local seen = two_layers(bench, function(at)
            tree.write(at .. "/f", "x", 420)
        end, function(at)
            tree.chmod(at .. "/f", 2541) -- 04755
        end)
        assert.equal("file 4755", seen.f:match("^file %d+"))
    end))

    it("keeps mode and owner of directories over three layers (DirectoryPermissionOnCommit)", needs.owners(function()
        local bench <close> = new_bench()
        bench:layer("one", nil, function(at)
            for i = 1, 5 do
                tree.mkdir(("%s/dir%d"):format(at, i), 448)
            end
        end)
        bench:layer("two", "one", function(at)
            tree.chmod(at .. "/dir1", 493)
            tree.chown(at .. "/dir2", 1, 1)
            tree.write(at .. "/dir3/f", "x")
        end)
        bench:layer("three", "two", function(at)
            tree.write(at .. "/dir1/f", "x")
            tree.write(at .. "/dir2/f", "x")
            tree.chmod(at .. "/dir4", 511)
        end)
        local seen = bench:see("three")
        assert.same({
            "directory 0755 0:0", "directory 0700 1:1", "directory 0700 0:0", "directory 0777 0:0",
            "directory 0700 0:0",
        }, { seen.dir1, seen.dir2, seen.dir3, seen.dir4, seen.dir5 })
    end))

    it("mounts with a root of mode 0755 (RootPermission)", needs.mounts(function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        assert.equal(493, bench:mounted("a", tree.mode))
    end))
end

local function views(new_bench)
    for _, layers in ipairs { 0, 1, 2 } do
        it(("refuses to write into a view of %d layers (ViewReadonly)"):format(layers), needs.mounts(function()
            local bench <close> = new_bench()
            local parent
            for i = 1, layers do
                parent = bench:layer("layer" .. i, parent)
            end
            assert(bench.store:view("v", parent))
            local ok, why = bench:mounted("v", function(at)
                local file, text = io.open(at .. "/testfile", "w")
                return { file ~= nil, text }
            end), nil
            assert.is_nil(why)
            assert.is_false(ok[1])
            assert.is_truthy(ok[2]:find("Read-only file system", 1, true))
        end))
    end
end

local function liveness(new_bench)
    it("carries a unix socket in a layer (UnixDomainSockets)", needs.mounts(function()
        local socket = require "posix.sys.socket"
        local bench <close> = new_bench()
        bench:layer("one", nil, function(at)
            local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
            assert(socket.bind(fd, { family = socket.AF_UNIX, path = at .. "/s" }))
            unistd.close(fd)
        end)
        assert.equal("special 140000", bench:see("one").s:match("^special %d+"))
    end))

    it("keeps a directory's inode while it is changed (DirectoryInodeStability)", needs.mounts(function()
        local bench <close> = new_bench()
        bench:layer("one", nil, function(at) tree.mkdir(at .. "/d") end)
        assert(bench.store:prepare("a", "one"))
        bench:mounted("a", function(at)
            local before = tree.lstat(at .. "/d").st_ino
            tree.write(at .. "/d/f", "x")
            assert.equal(before, tree.lstat(at .. "/d").st_ino)
        end)
    end))

    it("keeps an open file's inode while it is renamed (OpenFileInodeStability)", needs.mounts(function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        bench:mounted("a", function(at)
            tree.write(at .. "/f", "x")
            local fd = assert(fcntl.open(at .. "/f", fcntl.O_RDWR))
            tree.rename(at .. "/f", at .. "/g")
            local same = assert(stat.fstat(fd)).st_ino == tree.lstat(at .. "/g").st_ino
            unistd.close(fd)
            assert.is_true(same)
        end)
    end))

    it("tells the current directory inside a mount (GetCWD)", needs.mounts(function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        bench:mounted("a", function(at)
            local here = unistd.getcwd()
            tree.mkdir(at .. "/d")
            assert(unistd.chdir(at .. "/d"))
            local told = unistd.getcwd()
            assert(unistd.chdir(here))
            assert.equal(at .. "/d", told)
        end)
    end))
end

return function(new_bench)
    describe("trees #mounts", function()
        basic(new_bench)
        overwriting(new_bench)
        owners(new_bench)
        views(new_bench)
        liveness(new_bench)
    end)
end
