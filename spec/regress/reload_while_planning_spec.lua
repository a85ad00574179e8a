--- A service plans with pauses. A reload in one of them ends the plan, whose rules are no more, and nothing else.
local expect = require "spec.support.expect"
local policed = require "spec.support.policed"
local world = require "spec.support.world"

local POLICY = [[retention { rule { "all", match = function(snapshot) return snapshot.labels.class == "x" end,
    expire = { ttl = 0 } } }]]

describe("a plan whose policy is closed meanwhile", function()
    it("is aborted, and says why", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, POLICY)
        assert(store:prepare("a"))
        assert(store:commit("c", "a", { labels = { class = "x" } }))
        local gc = store:gc()
        assert.equal(0, assert(gc:plan { dry = true }).after.count)
        store.shared.policy:close()
        expect.fails_saying("aborted", "the policy was reloaded meanwhile", gc:plan())
    end)
end)
