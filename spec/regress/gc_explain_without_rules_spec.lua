--- Rules were taken out of the policy, and nobody could ask any more why something had gone, or was held.
local command = require "spec.support.command"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

describe("gc explain in a store without rules", function()
    it("still tells what a collection took, and what holds the others", function()
        local home <close> = world.new()
        local moonsnap = command.on(home.root)
        for i = 1, 3 do
            assert(home.store:prepare("work"))
            assert(home.store:commit("night-" .. i, "work"))
        end
        local policy = home.root .. "/policy.lua"
        tree.write(policy, [[retention { rule { "nightly", keep = { last = 2 } } }]], 384)
        assert.equal(0, moonsnap("gc").code)
        assert(os.remove(policy))

        assert.matches("^night%-1 was removed: no keep holds it", moonsnap("gc", "explain", "night-1").out)
        assert.equal("night-2 stays: no rule takes it\n", moonsnap("gc", "explain", "night-2").out)
        assert(home.store:pins():add("night-3", { reason = "release" }))
        assert.equal("night-3 stays: pinned: release\n", moonsnap("gc", "explain", "night-3").out)
        assert.matches("there are no retention rules", moonsnap("gc").err)
    end)

    it("leads to the events where nothing is known", function()
        local home <close> = world.new()
        local answer = command.on(home.root)("gc", "explain", "none")
        assert.equal(3, answer.code)
        assert.matches([[try: moonsnap watch %-%-once %-%-filter 'key=="none"']], answer.err)
    end)
end)
