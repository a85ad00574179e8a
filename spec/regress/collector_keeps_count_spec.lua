--- Commits that were counted while their trigger was not listened to were forgotten: what they asked for came never.
local collectors = require "moonsnap.service.collector"
local moonsnap = require "moonsnap"
local policed = require "spec.support.policed"
local world = require "spec.support.world"

local POLICY = [[retention { rule { "old", match = "labels.class==old", expire = { ttl = 0 }, on = { "commit" } } }]]

local function commit(store, name, class)
    assert(store:prepare("w"))
    assert(store:commit(name, "w", { labels = { class = class } }))
end

describe("a service's collector", function()
    it("collects what was committed while its trigger was not listened to", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, POLICY)
        commit(store, "old1", "old")
        local now, told = 0, {}
        local collector = collectors.new {
            backend = { reader = store, writer = store, namespace = function() return store end,
                sweep = function() end },
            timers = { every = function() end, cancel = function() end },
            tasks = { spawn = function(_, fn) fn() end },
            clock = function() return now end, filter = moonsnap.filter, every = 1, commits = 2,
            refused = function(_, err) told[#told + 1] = err.kind end,
            collected = function(_, done) told[#told + 1] = done.removed end,
        }
        collector:look() -- startup
        commit(store, "old2", "old")
        commit(store, "old3", "old")
        collector:look() -- all of the store: refused, and not listened to for a while
        assert.same({ "failed_precondition" }, told)
        for i = 1, 4 do
            commit(store, "new" .. i)
        end
        collector:look()
        assert.same({ "failed_precondition" }, told)
        now = 1000
        collector:look()
        assert.same({ "failed_precondition", 3 }, told)
        collector:look()
        assert.equal(2, #told)
    end)
end)
