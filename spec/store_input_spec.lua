--- Nonsense in, a clear error out: roots and databases that can be none, and a fork.
local disks = require "spec.support.disk"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local stat = require "posix.sys.stat"
local tools = require "spec.support.tools"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

local fails, fails_saying = expect.fails, expect.fails_saying

describe("moonsnap.open of a root", function()
    it("that is a file is invalid_argument", function()
        local home <close> = world.bare()
        tree.write(home.dir .. "/file")
        fails("invalid_argument", moonsnap.open { root = home.dir .. "/file" })
    end)

    it("below a file is invalid_argument", function()
        local home <close> = world.bare()
        tree.write(home.dir .. "/file")
        fails("invalid_argument", moonsnap.open { root = home.dir .. "/file/root" })
    end)

    it("that is not there is not_found without create, and is not made", function()
        local home <close> = world.bare()
        fails("not_found", moonsnap.open { root = home.root, create = false })
        assert.is_false(tree.exists(home.root))
    end)

    it("that is an empty directory is not_found without create", function()
        local home <close> = world.bare()
        fails("not_found", moonsnap.open { root = home:directory(), create = false })
    end)

    it("makes it with mode 0700, whatever the umask", function()
        local old = stat.umask(0)
        local home <close> = world.new()
        stat.umask(old)
        assert.equal(448, tree.mode(home.root))
    end)

    for _, character in ipairs { ":", ",", "\\", "\n" } do
        it(("with %q in its path is invalid_argument"):format(character), function()
            local home <close> = world.bare()
            fails("invalid_argument", moonsnap.open { root = home.dir .. "/a" .. character .. "b" })
            assert.same({}, tree.list(home.dir))
        end)
    end

    it("that is empty is an error", function()
        local store, err = moonsnap.open { root = "" }
        assert.is_nil(store)
        assert.is_string(err.kind)
    end)

    it("with NUL in its path is invalid_argument", function()
        fails("invalid_argument", moonsnap.open { root = "/tmp/a\0b" })
    end)

    it("of over 4,096 bytes is invalid_argument", function()
        fails("invalid_argument", moonsnap.open { root = "/tmp/" .. ("a"):rep(5000) })
    end)

    it("through a symbolic link is the store itself", function()
        local home <close> = world.new()
        tree.symlink(home.root, home.dir .. "/link")
        local other <close> = assert(moonsnap.open { root = home.dir .. "/link" })
        assert.equal(home.store.root, other.root)
    end)

    it("that is read-only is permission_denied", needs.mounts(function()
        local home <close> = world.bare()
        local disk <close> = home:tmpfs "ro"
        fails("permission_denied", moonsnap.open { root = disk.at .. "/r" })
    end))

    it("that is full is resource_exhausted", needs.mounts(function()
        local home <close> = world.bare()
        local disk <close> = home:tmpfs "size=64k"
        fails("resource_exhausted", moonsnap.open { root = disk.at .. "/r" })
    end))

    it("on an overlay is failed_precondition", needs.mounts(function()
        local home <close> = world.new()
        home:layer("base")
        assert(home.store:prepare("a", "base"))
        home:mounted("a", function(at)
            fails_saying("failed_precondition", "overlay", moonsnap.open { root = at .. "/r" })
        end)
    end))

    it("on a file system without d_type is failed_precondition", needs.disks(function()
        local home <close> = world.bare()
        local disk <close> = disks.new { megabytes = 16, features = "^filetype", home = home }
        fails_saying("failed_precondition", "d_type", moonsnap.open { root = disk.at .. "/r" })
    end))

    it("with an unknown driver is invalid_argument", function()
        local home <close> = world.bare()
        fails("invalid_argument", moonsnap.open { root = home.root, driver = "zfs" })
    end)

    it("with an unknown durability is invalid_argument", function()
        local home <close> = world.bare()
        fails("invalid_argument", moonsnap.open { root = home.root, durability = "perhaps" })
    end)

    it("with another driver than the store's is failed_precondition", function()
        local home <close> = world.new { driver = "native" }
        fails("failed_precondition", moonsnap.open { root = home.root, driver = "overlay" })
    end)

    it("with an empty or over-long namespace is invalid_argument", function()
        local home <close> = world.bare()
        fails("invalid_argument", moonsnap.open { root = home.root, namespace = "" })
        fails("invalid_argument", moonsnap.open { root = home.root, namespace = ("n"):rep(32769) })
    end)
end)

--- A closed store with one committed snapshot and one active.
local function closed_store()
    local home = world.new()
    assert(home.store:prepare("k"))
    assert(home.store:commit("base", "k"))
    assert(home.store:prepare("a", "base"))
    home.store:close()
    home.store = nil
    return home
end

local function drop_wal(home)
    for _, suffix in ipairs { "-wal", "-shm" } do
        if tree.exists(home.root .. "/metadata.db" .. suffix) then
            tree.unlink(home.root .. "/metadata.db" .. suffix)
        end
    end
end

describe("moonsnap.open of a store whose database", function()
    it("is of a newer version is failed_precondition", function()
        local home <close> = closed_store()
        tools.sql(home.root, "PRAGMA user_version = 99")
        fails_saying("failed_precondition", "newer", moonsnap.open { root = home.root })
    end)

    it("is no database is data_loss", function()
        local home <close> = closed_store()
        drop_wal(home)
        tree.write(home.root .. "/metadata.db", ("no database "):rep(1000))
        fails("data_loss", moonsnap.open { root = home.root })
    end)

    it("is truncated is data_loss", function()
        local home <close> = closed_store()
        tools.sql(home.root, "PRAGMA wal_checkpoint(TRUNCATE)")
        drop_wal(home)
        assert(unistd.truncate(home.root .. "/metadata.db", 8192))
        fails("data_loss", moonsnap.open { root = home.root })
    end)

    it("is empty while layers are there is data_loss", function()
        local home <close> = closed_store()
        drop_wal(home)
        tree.write(home.root .. "/metadata.db", "")
        fails("data_loss", moonsnap.open { root = home.root })
    end)

    it("is gone while layers are there is data_loss, and says what to do", function()
        local home <close> = closed_store()
        drop_wal(home)
        tree.unlink(home.root .. "/metadata.db")
        fails_saying("data_loss", "check --repair", moonsnap.open { root = home.root })
        assert.is_false(tree.exists(home.root .. "/metadata.db"))
    end)
end)

describe("moonsnap.rebuild(root)", function()
    it("finds committed snapshots, their labels and parents again", function()
        local home <close> = world.new()
        assert(home.store:prepare("k"))
        assert(home.store:commit("base", "k", { labels = { x = "1" } }))
        assert(home.store:prepare("k", "base"))
        assert(home.store:commit("top", "k"))
        local before = { assert(home.store:stat("base")).labels, assert(home.store:stat("top")).parent,
            assert(home.store:usage("base")) }
        home.store:close()
        drop_wal(home)
        tree.unlink(home.root .. "/metadata.db")
        assert.equal(2, assert(moonsnap.rebuild(home.root)))
        home.store = assert(home:open())
        assert.same(before, { assert(home.store:stat("base")).labels, assert(home.store:stat("top")).parent,
            assert(home.store:usage("base")) })
    end)

    it("keeps the old database beside the new one", function()
        local home <close> = closed_store()
        drop_wal(home)
        tree.write(home.root .. "/metadata.db", "no database")
        assert(moonsnap.rebuild(home.root))
        local kept = {}
        for _, name in ipairs(tree.list(home.root)) do
            local text = name ~= "metadata.db" and name:find("^metadata%.db") and tree.read(home.root .. "/" .. name)
            kept[#kept + 1] = text == "no database" and text or nil
        end
        assert.same({ "no database" }, kept)
    end)

    it("refuses when the database is fine", function()
        local home <close> = closed_store()
        fails("failed_precondition", moonsnap.rebuild(home.root))
    end)

    it("is not_found where no store is", function()
        local home <close> = world.bare()
        fails("not_found", moonsnap.rebuild(home.root))
    end)
end)

--- What a forked child is told by fn(store), as one line.
local function in_fork(store, fn)
    local out_read, out_write = assert(unistd.pipe())
    local pid = assert(unistd.fork())
    if pid == 0 then
        local _, text = pcall(fn, store)
        unistd.write(out_write, tostring(text))
        unistd._exit(0)
    end
    unistd.close(out_write)
    local text = unistd.read(out_read, 4096)
    unistd.close(out_read)
    require("posix.sys.wait").wait(pid)
    return text
end

local CALLS = {
    prepare = function(store) return store:prepare("b") end,
    stat = function(store) return store:stat("a") end,
    remove = function(store) return store:remove("a") end,
    cleanup = function(store) return store:cleanup() end,
    check = function(store) return store:check() end,
    mounts = function(store) return store:mounts("a") end,
    transaction = function(store) return store:transaction(function() return true end) end,
}

describe("a store carried over a fork", function()
    for name, call in pairs(CALLS) do
        it(("refuses %s in the child"):format(name), function()
            local home <close> = world.new()
            assert(home.store:prepare("a"))
            local told = in_fork(home.store, function(store)
                local _, err = call(store)
                return err.kind
            end)
            assert.equal("failed_precondition", told)
        end)
    end

    it("refuses a walk in the child", function()
        local home <close> = world.new()
        local told = in_fork(home.store, function(store)
            local _, err = pcall(function() return store:walk()() end)
            return err.kind
        end)
        assert.equal("failed_precondition", told)
    end)

    it("goes on in the parent after the child closed it", function()
        local home <close> = world.new()
        in_fork(home.store, function(store) store:close() end)
        assert(home.store:prepare("a"))
        assert.same({}, assert(home.store:check()))
    end)

    it("goes on in the parent's transaction after the child ended", function()
        local home <close> = world.new()
        assert(home.store:transaction(function(store)
            assert(store:prepare("a"))
            in_fork(store, function(carried) carried.engine:close() end)
            return store:prepare("b")
        end))
        assert.same({ "a", "b" }, expect.names(home.store:walk()))
    end)
end)
