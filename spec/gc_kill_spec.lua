--- kill -9 in the midst of applying a plan: nothing is half done, and applying again does the rest.
local expect = require "spec.support.expect"
local process = require "spec.support.process"
local world = require "spec.support.world"

local COUNT = 500

--- Applies the plan; a hook that is asked kills the process when it is asked the n-th time.
local DYING = [[
    local plan, at = %q, %d
    local signal, unistd = require "posix.signal", require "posix.unistd"
    local asked = 0
    store:hook { name = "dies", on = "evict", run = function()
        asked = asked + 1
        if asked == at then
            signal.kill(unistd.getpid(), signal.SIGKILL)
        end
    end }
    local gc = store:gc { { name = "views", match = "kind==view", expire = { ttl = 0 } } }
    assert(gc:apply(plan, { force = true }))
]]

describe("apply that is killed", function()
    it("leaves rows and outcomes that agree, and the next one does the rest", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:prepare("k"))
        assert(store:commit("base", "k"))
        assert(store:transaction(function()
            for i = 1, COUNT do
                assert(store:view("v" .. i, "base"))
            end
            return true
        end))
        local gc = store:gc { { name = "views", match = "kind==view", expire = { ttl = 0 } } }
        local plan = assert(gc:plan())
        for _, at in ipairs { 1, 250, 3 } do
            local before = assert(gc:load(plan.id)).done
            process.run({ "lua5.4", process.WORKER, "script", home.root, DYING:format(plan.id, at) })
            local loaded = assert(gc:load(plan.id))
            local names = expect.names(store:walk("kind==view"))
            assert.equal(COUNT - loaded.done, #names)
            assert.is_true(loaded.done >= before and loaded.done - before < at)
        end
        local removed = {}
        for _, item in ipairs(assert(gc:items(plan.id))) do
            removed[item.key] = item.outcome == "removed" or nil
        end
        for info in store:walk() do
            assert.is_nil(removed[info.name], info.name)
        end
        assert.is_true(next(removed) ~= nil)
        local done = assert(gc:apply(plan.id))
        assert.same({ 0, 0 }, { done.left, done.failed })
        assert.same({ "base" }, expect.names(store:walk()))
        assert(store:cleanup())
        assert.same({}, store:check())
    end)
end)
