--- Native copies on a file system that can share: content is not written a second time.
local disks = require "spec.support.disk"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local MEGABYTE = ("x"):rep(1048576)

--- A native store on btrfs: "base" with one file of a megabyte, and "child" prepared on it.
local function shared(home, disk)
    home.root = disk.at .. "/r"
    home.store = assert(home:open { driver = "native" })
    assert(home.store:prepare("k"))
    tree.write(assert(home.store:layers("k"))[1] .. "/f", MEGABYTE)
    assert(home.store:commit("base", "k", { durability = "full" }))
    assert(home.store:prepare("child", "base"))
    return assert(home.store:layers("child"))[1] .. "/f"
end

describe("the native driver on btrfs", function()
    it("shares a child's content with its parent", needs.disks(function()
        local home <close> = world.bare()
        local disk <close> = disks.new { home = home, megabytes = 256, btrfs = true }
        local file = shared(home, disk)
        assert.equal(MEGABYTE, tree.read(file))
        assert.truthy(process.must("filefrag", "-v", file):find("shared", 1, true))
        home.store:close()
    end))

    it("keeps the parent when the child's file is written", needs.disks(function()
        local home <close> = world.bare()
        local disk <close> = disks.new { home = home, megabytes = 256, btrfs = true }
        tree.write(shared(home, disk), "changed")
        assert.equal(MEGABYTE, tree.read(assert(home.store:layers("base"))[1] .. "/f"))
        home.store:close()
    end))
end)
