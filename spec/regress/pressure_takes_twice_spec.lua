--- A service under pressure planned anew while what it had removed was not freed yet, and so took more than was needed:
--- what took longer to free than pressure is muted, and what a kill had left in the trash.
local collectors = require "moonsnap.service.collector"
local moonsnap = require "moonsnap"
local policed = require "spec.support.policed"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

describe("a service that collects", function()
    it("frees what has gone before it plans", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, [[retention { rule { "r", bounds = { high = 0 } } }]])
        local done = {}
        local function note(what)
            return function()
                done[#done + 1] = what
            end
        end
        local collector = collectors.new {
            backend = { reader = store, writer = store, sweep = function(_, wait)
                note(wait and "freed" or "not waited")()
            end, namespace = function()
                return { gc = function() return { plan = note "planned" } end }
            end },
            timers = { every = function() end, cancel = function() end },
            tasks = { spawn = function(_, fn) fn() end },
            clock = function() return 0 end, filter = moonsnap.filter, every = 1, commits = 0,
            refused = function() end, collected = function() end,
        }
        assert(store:prepare("a"))
        assert.is_true(collector:start("pressure"))
        assert.same({ "freed", "planned" }, done)
    end)

    it("has freed what an apply removed when that answers", function()
        local served = service.new { mode = "direct", config = 'disable "io.moonsnap.gc.v1.retention"' }
        policed.write(served.root,
            [[retention { rule { "old", match = "labels.class==old", expire = { ttl = 0 } } }]])
        local _ending <close> = served:start()
        local store <close> = assert(moonsnap.connect { address = served.address })
        local direct <close> = assert(moonsnap.open { root = served.root, policy = false })
        for _, name in ipairs { "a", "b", "old" } do
            assert(direct:prepare("make " .. name))
            local upper = assert(direct:layers("make " .. name))[1]
            for i = 1, name == "old" and 4000 or 1 do
                tree.write(("%s/%d"):format(upper, i), "x")
            end
            assert(direct:commit(name, "make " .. name, { labels = { class = name }, durability = "metadata" }))
        end
        local gc = store:gc()
        assert.equal(1, assert(gc:apply(assert(gc:plan()).id, { force = true })).removed)
        assert.same({}, tree.list(served.root .. "/trash"))
    end)
end)
