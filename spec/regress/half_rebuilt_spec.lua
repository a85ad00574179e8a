--- A rebuild that was killed leaves a database without a word in it beside the layers.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local tools = require "spec.support.tools"
local world = require "spec.support.world"

local function half_rebuilt()
    local home = world.new()
    home:layer("base")
    home.store:close()
    tools.sql(home.root, "DELETE FROM events; DELETE FROM snapshots; DELETE FROM settings; DELETE FROM sqlite_sequence")
    return home
end

describe("a database that says nothing, beside layers", function()
    it("is not taken for a new store", function()
        local home <close> = half_rebuilt()
        expect.fails_saying("data_loss", "check --repair", home:open())
    end)

    it("is rebuilt", function()
        local home <close> = half_rebuilt()
        assert.equal(1, assert(moonsnap.rebuild(home.root)))
        home.store = assert(home:open())
        assert(home.store:stat("base"))
    end)
end)
