local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local stat = require "posix.sys.stat"
local tar = require "spec.support.tar"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

local fails, fails_saying = expect.fails, expect.fails_saying

--- Imports a tar of these entries as NAME ("it").
local function import(home, entries, options, name)
    local path = tar.write(("%s/%s.tar"):format(home.dir, name or "it"), entries)
    return home.store:import(name or "it", path, options)
end

--- The directory of what was imported.
local function layer(home, name)
    return assert(home.store:layers(name or "it"))[1]
end

--- A few kinds of entries that need no privilege.
local function sample()
    return {
        { "etc/", mode = 448, uid = unistd.geteuid(), gid = unistd.getegid() },
        { "etc/motd", "hello\n", mode = 416, uid = unistd.geteuid(), gid = unistd.getegid() },
        { "etc/link", kind = "2", link = "motd", uid = unistd.geteuid(), gid = unistd.getegid() },
    }
end

describe("store:import(name, tar)", function()
    it("makes a committed snapshot", function()
        local home <close> = world.new()
        assert(import(home, sample()))
        assert.equal("committed", assert(home.store:stat("it")).kind)
    end)

    it("keeps names, modes and content", function()
        local home <close> = world.new()
        assert(import(home, sample()))
        local me = ("%d:%d"):format(unistd.geteuid(), unistd.getegid())
        assert.same({
            ["etc"] = "directory 0700 " .. me,
            ["etc/motd"] = ("file 0640 %s %q"):format(me, "hello\n"),
            ["etc/link"] = "symlink to motd",
        }, tree.describe(layer(home)))
    end)

    it("keeps times to the nanosecond", function()
        local home <close> = world.new()
        assert(import(home, { { "f", pax = { mtime = "1234567890.123456789" } } }))
        local time = process.must("stat", "-c", "%.9Y", layer(home) .. "/f")
        assert.equal("1234567890.123456789\n", time)
    end)

    it("keeps the time of a directory that was filled later", function()
        local home <close> = world.new()
        assert(import(home, { { "d/", mtime = 1000 }, { "d/f" } }))
        assert.equal(1000, tree.lstat(layer(home) .. "/d").st_mtime)
    end)

    it("keeps owners", needs.owners(function()
        local home <close> = world.new()
        assert(import(home, { { "f", uid = 1234, gid = 5678 } }))
        local found = tree.lstat(layer(home) .. "/f")
        assert.same({ 1234, 5678 }, { found.st_uid, found.st_gid })
    end))

    it("keeps set-id bits", needs.owners(function()
        local home <close> = world.new()
        assert(import(home, { { "f", uid = 1234, gid = 5678, mode = 3565 } }))
        assert.equal(3565, tree.mode(layer(home) .. "/f"))
    end))

    it("keeps extended attributes", function()
        local home <close> = world.new()
        assert(import(home, { { "f", pax = { ["SCHILY.xattr.user.colour"] = "red" } } }))
        local packed = process.must("tar", "--format=pax", "--xattrs", "--xattrs-include=*", "-cf", "-", "-C",
            layer(home), "f")
        assert.is_truthy(packed:find("SCHILY.xattr.user.colour=red", 1, true))
    end)

    it("keeps hard links", function()
        local home <close> = world.new()
        assert(import(home, { { "a", "x" }, { "b", kind = "1", link = "a" } }))
        assert.equal(tree.lstat(layer(home) .. "/a").st_ino, tree.lstat(layer(home) .. "/b").st_ino)
    end)

    it("keeps devices", needs.owners(function()
        local home <close> = world.new()
        assert(import(home, { { "null", kind = "3", major = 1, minor = 3 } }))
        local found = tree.lstat(layer(home) .. "/null")
        assert.is_true(stat.S_ISCHR(found.st_mode) ~= 0 and found.st_rdev == 0x103)
    end))

    it("keeps fifos", function()
        local home <close> = world.new()
        assert(import(home, { { "pipe", kind = "6" } }))
        assert.is_true(stat.S_ISFIFO(tree.lstat(layer(home) .. "/pipe").st_mode) ~= 0)
    end)

    it("keeps symbolic links wherever they point", function()
        local home <close> = world.new()
        assert(import(home, {
            { "up", kind = "2", link = "../../../etc/passwd" },
            { "away", kind = "2", link = "/etc/passwd" },
            { "nowhere", kind = "2", link = "no such thing" },
        }))
        assert.same({
            up = "symlink to ../../../etc/passwd",
            away = "symlink to /etc/passwd",
            nowhere = "symlink to no such thing",
        }, tree.describe(layer(home)))
    end)

    it("keeps names that are longer than a header has room for", function()
        local home <close> = world.new()
        local name = ("d"):rep(120) .. "/" .. ("f"):rep(200)
        assert(import(home, { { "short", "x", pax = { path = name } } }))
        assert.equal("x", tree.read(layer(home) .. "/" .. name))
    end)

    it("reads what tar compressed", function()
        local home <close> = world.new()
        tree.write(home.dir .. "/f", "x")
        process.must("tar", "-czf", home.dir .. "/t.tgz", "-C", home.dir, "f")
        assert(home.store:import("it", home.dir .. "/t.tgz"))
        assert.equal("x", tree.read(layer(home) .. "/f"))
    end)

    it("reads an open file", function()
        local home <close> = world.new()
        local file <close> = assert(io.open(tar.write(home.dir .. "/t.tar", sample())))
        assert(home.store:import("it", file))
        assert.equal("hello\n", tree.read(layer(home) .. "/etc/motd"))
    end)

    it("reads standard input, a pipe too", function()
        local home <close> = world.new()
        local path = tar.write(home.dir .. "/t.tar", sample())
        local script = ("cat '%s' | lua5.4 %s script '%s' 'assert(store:import(\"it\", io.stdin))'"):format(path,
            process.WORKER, home.root)
        assert.equal("done\n", process.must("sh", "-c", script))
        assert.equal("hello\n", tree.read(layer(home) .. "/etc/motd"))
    end)

    it("answers what it did", function()
        local home <close> = world.new()
        local imported = assert(import(home, sample()))
        assert.same({ 3, 6, 0, "" }, { imported.entries, imported.bytes, imported.whiteouts, imported.note })
    end)

    it("records usage", function()
        local home <close> = world.new()
        assert(import(home, sample()))
        assert.same(tree.usage(layer(home)), assert(home.store:usage("it")))
    end)

    it("records labels", function()
        local home <close> = world.new()
        assert(import(home, sample(), { labels = { a = "b" } }))
        assert.same({ a = "b" }, assert(home.store:stat("it")).labels)
    end)

    it("lies on its parent", needs.mounts(function()
        local home <close> = world.new()
        assert(import(home, { { "a", "from below" } }, nil, "base"))
        assert(import(home, { { "b", "from above" } }, { parent = "base" }))
        local seen = home:see("it")
        assert.is_truthy(seen.a:find("from below", 1, true) and seen.b:find("from above", 1, true))
    end))

    it("lets the later of two entries win", function()
        local home <close> = world.new()
        assert(import(home, { { "f", "first" }, { "f", "second" } }))
        assert.equal("second", tree.read(layer(home) .. "/f"))
    end)
end)

for _, driver in ipairs { "overlay", "native" } do
    describe(("whiteouts of an import (%s)"):format(driver), function()
        --- What a child of d/{a,b} and e/f shows that hides some of it.
        local function seen(entries)
            local home <close> = world.new { driver = driver }
            assert(import(home, { { "d/" }, { "d/a", "a" }, { "d/b", "b" }, { "e/" }, { "e/f", "f" } }, nil, "base"))
            local imported = assert(import(home, entries, { parent = "base" }))
            local names = {}
            for name in pairs(home:see("it")) do
                names[#names + 1] = name
            end
            table.sort(names)
            return names, imported
        end

        it("hide a file", needs.mounts(function()
            assert.same({ "d", "d/b", "e", "e/f" }, (seen { { "d/" }, { "d/.wh.a" } }))
        end))

        it("hide a directory with all that is in it", needs.mounts(function()
            assert.same({ "e", "e/f" }, (seen { { ".wh.d" } }))
        end))

        it("are counted", needs.mounts(function()
            local _, imported = seen { { ".wh.d" }, { "e/" }, { "e/.wh.f" } }
            assert.equal(2, imported.whiteouts)
        end))

        it("hide what was there but not what comes with them", needs.mounts(function()
            assert.same({ "d", "d/c", "e", "e/f" }, (seen { { "d/" }, { "d/c" }, { "d/.wh..wh..opq" } }))
        end))

        it("without a parent leave nothing behind", function()
            local home <close> = world.new { driver = driver }
            assert(import(home, { { "d/" }, { "d/.wh.a" }, { ".wh.b" }, { "d/c", "c" } }))
            local left = tree.list(layer(home))
            assert.same({ "d" }, left)
            assert.same({ "c" }, tree.list(layer(home) .. "/d"))
        end)

        it("of something that is not there hide nothing", needs.mounts(function()
            assert.same({ "d", "d/a", "d/b", "e", "e/f" }, (seen { { ".wh.x" } }))
        end))
    end)
end

--- For tests of what an ordinary user cannot keep.
local function without_owners(fn)
    if unistd.geteuid() == 0 and moonsnap.sys.in_initial_user_namespace() then
        return function() pending("needs to be an ordinary user") end
    end
    return fn
end

describe("store:import(name, tar) by an ordinary user #user", function()
    it("refuses with strict owners that it cannot keep", without_owners(function()
        local home <close> = world.new()
        fails_saying("permission_denied", "f", import(home, { { "f", uid = 12345, gid = 12345 } }, { strict = true }))
    end))

    it("counts owners that it could not keep", without_owners(function()
        local home <close> = world.new()
        assert.equal(1, assert(import(home, { { "f", uid = 12345, gid = 12345 } })).squashed_owners)
    end))

    it("says what it could not keep", without_owners(function()
        local home <close> = world.new()
        assert.not_equal("", assert(import(home, { { "f", uid = 12345, gid = 12345 } })).note)
    end))

    it("skips devices that it cannot make", without_owners(function()
        local home <close> = world.new()
        assert.equal(1, assert(import(home, { { "null", kind = "3", major = 1, minor = 3 } })).skipped_devices)
    end))
end)

describe("store:import(name, tar, { strict = true })", function()
    it("brings in what can be kept", function()
        local home <close> = world.new()
        assert(import(home, sample(), { strict = true }))
    end)
end)

describe("store:import(name, directory)", function()
    local function source(home)
        local from = home.dir .. "/source"
        tree.mkdir(from, 488)
        tree.mkdir(from .. "/bin", 493)
        tree.write(from .. "/bin/tool", "#!/bin/sh\n", 493)
        tree.link(from .. "/bin/tool", from .. "/bin/alias")
        tree.symlink("/nowhere", from .. "/link")
        return from
    end

    it("keeps the tree", function()
        local home <close> = world.new()
        local from = source(home)
        assert(home.store:import("it", from))
        assert.same(tree.describe(from), tree.describe(layer(home)))
    end)

    it("keeps the mode of the directory itself", function()
        local home <close> = world.new()
        assert(home.store:import("it", source(home)))
        assert.equal(488, tree.mode(layer(home)))
    end)

    it("keeps hard links", function()
        local home <close> = world.new()
        assert(home.store:import("it", source(home)))
        assert.equal(tree.lstat(layer(home) .. "/bin/tool").st_ino, tree.lstat(layer(home) .. "/bin/alias").st_ino)
    end)

    it("keeps times", function()
        local home <close> = world.new()
        local from = source(home)
        process.must("touch", "-d", "2001-02-03 04:05:06.789012345", from .. "/bin/tool")
        assert(home.store:import("it", from))
        local times = process.must("stat", "-c", "%.9Y", from .. "/bin/tool", layer(home) .. "/bin/tool")
        local first, second = times:match("^(%S+)\n(%S+)\n$")
        assert.equal(first, second)
    end)

    it("does not cross mounts", needs.mounts(function()
        local home <close> = world.new()
        local from = source(home)
        tree.mkdir(from .. "/mnt")
        process.must("mount", "-t", "tmpfs", "tmpfs", from .. "/mnt")
        tree.write(from .. "/mnt/f", "x")
        local imported = assert(home.store:import("it", from))
        process.must("umount", from .. "/mnt")
        assert.same({ 1, false }, { imported.skipped_mounts, tree.exists(layer(home) .. "/mnt/f") })
    end))

    it("refuses a directory that holds the store", function()
        local home <close> = world.new()
        fails("failed_precondition", home.store:import("it", home.dir))
    end)

    it("refuses a directory that is not there", function()
        local home <close> = world.new()
        fails("not_found", home.store:import("it", home.dir .. "/nothing"))
    end)
end)
