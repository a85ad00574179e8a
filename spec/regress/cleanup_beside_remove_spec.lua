--- Cleanup meets a removal of another process between its COMMIT and its move to trash.
local process = require "spec.support.process"
local world = require "spec.support.world"

--- Many at once, so that the others see the time between.
local REMOVING = [[
    for _ = 1, 10 do
        for _, verb in ipairs { "prepare", "remove" } do
            assert(store:transaction(function()
                for i = 1, 200 do
                    assert(store[verb](store, "w" .. i))
                end
                return true
            end))
        end
    end
]]

describe("store:cleanup() beside a process that removes without pause", function()
    it("never stumbles over what the other moves away", function()
        local home <close> = world.new()
        local worker <close> = process.worker("script", home.root, REMOVING)
        for _ = 1, 300 do
            assert(home.store:cleanup())
        end
        assert.equal("done\n", (worker:finish()))
        assert.same({}, assert(home.store:check()))
    end)
end)
