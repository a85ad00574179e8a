--- A policy's tests saw a lease take what the store leaves: what was made under it, but committed without one.
local memory = require "moonsnap.testing.memory"
local moonsnap = require "moonsnap"
local snapshotter = require "moonsnap.snapshotter"
local world = require "spec.support.world"

local function in_memory()
    local store = snapshotter.new(moonsnap, memory.new { core = moonsnap }, "default")
    return { store = store, close = function() store:close() end }
end

for name, new in pairs { ["a store"] = world.new, ["a store in memory"] = in_memory } do
    describe(name, function()
        it("leaves what was made under a lease and committed without one", function()
            local home = new()
            local store, leases = home.store, home.store:leases()
            assert(leases:create("l"))
            assert(store:prepare("a", nil, { lease = "l" }))
            assert(store:commit("left", "a"))
            assert(store:prepare("b", nil, { lease = "l" }))
            assert(store:commit("taken", "b", { lease = "l" }))
            assert.same({ "taken" }, leases:delete("l"))
            assert.equal("left", assert(store:stat("left")).name)
            home:close()
        end)
    end)
end
