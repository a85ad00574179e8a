--- What a dead owner left went although a lease held it, but not where hooks of evict were there to be asked.
local memory = require "moonsnap.testing.memory"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local snapshotter = require "moonsnap.snapshotter"
local world = require "spec.support.world"

local function on_disk()
    local home = world.new()
    local owner = process.start { "cat" }
    return home.store, owner.pid, function() owner:finish() end, function() home:close() end
end

local function in_memory()
    local there = true
    local engine = memory.new { core = moonsnap, alive = function() return there end }
    local store = snapshotter.new(moonsnap, engine, "default")
    return store, 10, function() there = false end, function() store:close() end
end

for name, new in pairs { ["a store"] = on_disk, ["a store in memory"] = in_memory } do
    for _, hooked in ipairs { false, true } do
        describe(name .. (hooked and " with a hook of evict" or ""), function()
            it("leaves what a lease holds when its owner has gone, until the lease goes, too", function()
                local store, owner, ends, close = new()
                if hooked then
                    store:hook { name = "none", on = "evict", run = function() end }
                end
                assert(store:leases():create("job"))
                assert(store:prepare("both", nil, { owner = owner, lease = "job" }))
                assert(store:prepare("owned", nil, { owner = owner }))
                ends()
                assert.equal(1, assert(store:cleanup()).abandoned)
                assert(store:stat("both"))
                assert.same({ "both" }, store:leases():delete("job"))
                close()
            end)
        end)
    end
end
