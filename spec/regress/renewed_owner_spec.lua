--- The layer of an active that never reached the disk belongs to whom it belonged before.
local needs = require "spec.support.needs"
local stdlib = require "posix.stdlib"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

local MAPPED = {
    ["containerd.io/snapshot/uidmapping"] = "0:100000:65536",
    ["containerd.io/snapshot/gidmapping"] = "0:200000:65536",
}

--- The owner of the layer of an active with these labels after a boot that lost it.
local function owner_after_boot(home, labels)
    assert(home.store:prepare("a", nil, { labels = MAPPED }))
    assert(home.store:update { name = "a", labels = labels })
    local layer = assert(home.store:layers("a"))[1]
    home.store:close()
    assert(unistd.rmdir(layer))
    stdlib.setenv("MOONSNAP_BOOT_ID", "the next boot")
    local store, err = home:open()
    stdlib.setenv("MOONSNAP_BOOT_ID")
    home.store = assert(store, err)
    local found = tree.lstat(layer)
    return { found.st_uid, found.st_gid }
end

describe("open after a power cut that lost the layer of a mapped active", function()
    it("gives the new one to the mapped root", needs.owners(function()
        local home <close> = world.new()
        assert.same({ 100000, 200000 }, owner_after_boot(home, MAPPED))
    end))

    it("makes it all the same when the mapping has become none", needs.owners(function()
        local home <close> = world.new()
        local nonsense = { ["containerd.io/snapshot/uidmapping"] = "nonsense" }
        assert.same({ unistd.geteuid(), unistd.getegid() }, owner_after_boot(home, nonsense))
    end))
end)
