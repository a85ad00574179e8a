--- An order that contradicts itself is an error of its rule, and ends no service's collecting.
local expect = require "spec.support.expect"
local world = require "spec.support.world"

describe("a rule whose order contradicts itself", function()
    it("is told by its name", function()
        local home <close> = world.new()
        for i = 1, 40 do
            assert(home.store:prepare("m" .. i))
            assert(home.store:commit("c" .. i, "m" .. i))
        end
        local gc = home.store:gc {
            { name = "odd", order = function() return true end, bounds = { max_count = 1 } },
        }
        expect.fails_saying("invalid_argument", "rule 'odd': order: its function contradicts itself", gc:plan())
    end)
end)
