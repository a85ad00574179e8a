--- The native driver under the contract, and what is special about it: a child is a whole copy of its
--- parent.
local contract = require "spec.contract.snapshotter"
local expect = require "spec.support.expect"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local utime = require "posix.utime"
local world = require "spec.support.world"

contract("the engine with native", function(options)
    local open = { driver = "native" }
    for name, value in pairs(options or {}) do
        open[name] = value
    end
    local bench = world.new(open)
    bench.driver = "native"
    return bench
end, { driver = "native" })

--- A store whose base holds a file, two names of another, a link and a directory.
local function native()
    local home = world.new { driver = "native" }
    local store = home.store
    assert(store:prepare("k"))
    local layer = assert(store:layers("k"))[1]
    tree.mkdir(layer .. "/d", 448)
    tree.write(layer .. "/d/f", "base", 416)
    tree.write(layer .. "/one", "linked")
    tree.link(layer .. "/one", layer .. "/d/two")
    tree.symlink("d/f", layer .. "/s")
    assert(utime.utime(layer .. "/d/f", 1000000000, 1000000000))
    assert(utime.utime(layer .. "/d", 1100000000, 1100000000))
    assert(store:commit("base", "k"))
    return home, store, layer
end

local function own(store, key)
    return assert(store:layers(key))[1]
end

describe("the native driver", function()
    it("starts a child as an equal copy of its parent", function()
        local home <close>, store, layer = native()
        assert(store:prepare("a", "base"))
        assert.same(tree.describe(layer), tree.describe(own(store, "a")))
        assert.is_table(home)
    end)

    it("keeps the parent when the child is written", function()
        local _home <close>, store, layer = native()
        assert(store:prepare("a", "base"))
        tree.write(own(store, "a") .. "/d/f", "changed")
        assert.equal("base", tree.read(layer .. "/d/f"))
    end)

    it("shows nothing of a child's deletion in another child", function()
        local _home <close>, store = native()
        assert(store:prepare("a", "base"))
        assert(store:prepare("b", "base"))
        tree.remove(own(store, "a") .. "/d")
        assert.equal("base", tree.read(own(store, "b") .. "/d/f"))
    end)

    it("keeps the times of files and directories", function()
        local _home <close>, store = native()
        assert(store:prepare("a", "base"))
        local layer = own(store, "a")
        assert.same({ 1000000000, 1100000000 },
            { tree.lstat(layer .. "/d/f").st_mtime, tree.lstat(layer .. "/d").st_mtime })
    end)

    it("keeps hard links within the tree, and none to the parent", function()
        local _home <close>, store, parent = native()
        assert(store:prepare("a", "base"))
        local layer = own(store, "a")
        local one, two = tree.lstat(layer .. "/one"), tree.lstat(layer .. "/d/two")
        assert.equal(one.st_ino, two.st_ino)
        assert.is_not.equal(one.st_ino, tree.lstat(parent .. "/one").st_ino)
        assert.equal(2, one.st_nlink)
    end)

    it("keeps symbolic links as they are", function()
        local _home <close>, store = native()
        assert(store:prepare("a", "base"))
        assert.equal("d/f", unistd.readlink(own(store, "a") .. "/s"))
    end)

    it("counts the whole tree as usage", function()
        local _home <close>, store, layer = native()
        assert(store:prepare("a", "base"))
        assert.same({ tree.usage(layer).inodes, tree.usage(own(store, "a")) },
            { assert(store:usage("base")).inodes, assert(store:usage("a")) })
    end)

    it("gives one bind of the child's own tree, rw", function()
        local _home <close>, store = native()
        local mounts = assert(store:prepare("a", "base"))
        assert.same({ 1, "bind", own(store, "a"), true },
            { #mounts, mounts[1].type, mounts[1].source, expect.has_option(mounts[1], "rw") })
    end)

    it("has no work directories", function()
        local home <close>, store = native()
        assert(store:prepare("a", "base"))
        assert.same({}, tree.list(home.root .. "/work"))
    end)

    it("makes nothing when the parent is missing", function()
        local home <close>, store = native()
        expect.fails("not_found", store:prepare("a", "nobody"))
        assert.same({ {}, 2 }, { tree.list(home.root .. "/new"), #tree.list(home.root .. "/layers") })
    end)

    it("undoes the copy with its transaction", function()
        local home <close>, store = native()
        local before = tree.list(home.root .. "/layers")
        pcall(store.transaction, store, function()
            assert(store:prepare("a", "base"))
            error("no")
        end)
        assert.same(before, tree.list(home.root .. "/layers"))
    end)

    it("tells by diff what a child changed, added and removed", function()
        local _home <close>, store = native()
        assert(store:prepare("a", "base"))
        local layer = own(store, "a")
        tree.write(layer .. "/d/f", "changed")
        tree.write(layer .. "/new", "x")
        tree.unlink(layer .. "/s")
        local told = {}
        for change in assert(store:diff("a")) do
            told[#told + 1] = change.change .. " " .. change.path
        end
        table.sort(told)
        assert.same({ "added new", "changed d/f", "removed s" }, told)
    end)
end)
