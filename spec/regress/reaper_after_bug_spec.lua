--- A bug while leases were looked at was the end of looking: `looking` stayed set.
local reapers = require "moonsnap.service.reaper"
local world = require "spec.support.world"

describe("a service's reaper", function()
    it("looks again after a look that raised", function()
        local home <close> = world.new()
        local raises, told = true, {}
        assert(home.store:leases():create("old", { labels = { ["containerd.io/gc.expire"] = "2020-01-01T00:00:00Z" } }))
        local reaper = reapers.new {
            backends = function()
                if raises then
                    error("a bug")
                end
                return { { reader = home.store, namespace = function() return home.store end } }
            end,
            every = 10, timers = { every = function() end, after = function() end },
            tasks = { spawn = function(_, fn)
                local ok, why = pcall(fn)
                told[#told + 1] = not ok and why or nil
            end },
            failed = function(err) told[#told + 1] = err.message end,
        }
        reaper:look()
        assert.matches("a bug", told[1])
        raises = false
        reaper:look()
        assert.same({ 1, {} }, { reaper.reaped, home.store:leases():list() })
        assert.equal(1, #told)
    end)
end)
