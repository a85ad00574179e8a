--- In a log of both outputs the error stood before what had been said before it.
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

describe("an error behind what was said", function()
    it("stands behind it in a file of both outputs", function()
        local home <close> = world.new()
        for i = 1, 2 do
            assert(home.store:prepare("work"))
            assert(home.store:commit("night-" .. i, "work"))
        end
        tree.write(home.root .. "/policy.lua", [[retention { rule { "all", expire = { idle = "0s" } } }]], 384)
        local text = process.start({ "bin/moonsnap", "--root", home.root, "gc" }):finish()
        assert.matches("^goes: .*stays: .*\nmoonsnap: gc: apply .*\ntry: ", text)
    end)
end)
