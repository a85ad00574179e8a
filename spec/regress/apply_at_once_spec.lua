--- Two that apply one plan at once: each item is done by one of them, and the plan tells what came of it.
local moonsnap = require "moonsnap"
local policed = require "spec.support.policed"
local process = require "spec.support.process"
local world = require "spec.support.world"

local COUNT = 300

describe("a plan that two processes apply at once", function()
    it("tells of each item what became of it", function()
        local home <close> = world.bare()
        local id
        do
            local store <close> = policed.open(home,
                [[retention { rule { "all", match = "labels.class==x", expire = { ttl = "0s" } } }]])
            for i = 1, COUNT do
                assert(store:prepare("m" .. i))
                assert(store:commit("c" .. i, "m" .. i, { labels = { class = "x" } }))
            end
            id = assert(store:gc():plan()).id
        end
        local workers, removed = {}, 0
        for i = 1, 3 do
            workers[i] = process.worker("script", home.root, ([[
                local done = assert(store:gc():apply(%q, { force = true }))
                assert(done.gone == 0 and done.left == 0 and done.failed == 0, "it met what others did")
                print("removed " .. done.removed)
            ]]):format(id))
        end
        for _, worker in ipairs(workers) do
            local text = worker:finish()
            removed = removed + assert(tonumber(text:match("removed (%d+)")), text)
        end
        local store <close> = assert(moonsnap.open { root = home.root, durability = "metadata" })
        local told = 0
        for _, item in ipairs(assert(store:gc():items(id, 0, COUNT))) do
            told = told + (item.outcome == "removed" and 1 or 0)
        end
        assert.same({ COUNT, COUNT }, { removed, told })
    end)
end)
