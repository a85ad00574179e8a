--- Time that a hook waited for the store was counted nowhere: one that asked on and on held up a service for hours.
local expect = require "spec.support.expect"
local policed = require "spec.support.policed"
local world = require "spec.support.world"

--- A store with a hook, to which each question of it takes a tenth of a second.
local function asking(home, body, more)
    local store = policed.open(home, ('hook { "asks", on = "prepare", run = function() %s end } %s'):format(body,
        more or ""))
    local now, hooks = 0, store.shared.hooks
    function hooks.clock()
        now = now + 0.1
        return now
    end
    return store, hooks
end

describe("a hook that asks on and on", function()
    for name, body in pairs {
        ["plainly"] = [[while true do store.count("labels.a~=x.*9") end]],
        ["in pcall"] = [[while true do pcall(store.usage, "labels.a~=x.*9") end]],
    } do
        it("is ended, " .. name, function()
            local home <close> = world.bare()
            local store <close>, hooks = asking(home, body)
            for _ = 1, 5 do
                expect.fails_saying("internal", "policy asks: it failed", store:prepare("a"))
            end
            local status = hooks:status()[1]
            assert.equal("off", status.breaker)
            assert.is_true(status.seconds > 5 and status.seconds < 6, "its time is told")
        end)
    end

    it("has no time of those inside of it counted, around them", function()
        local home <close> = world.bare()
        local store <close>, hooks = asking(home, "for _ = 1, 9 do store.count() end",
            [[hook { "outer", on = "prepare", phase = "around", run = function(_, next)
                for _ = 1, 5 do store.count() end
                local ok, err = next()
                for _ = 1, 4 do store.count() end
                return ok, err
            end }]])
        assert(store:prepare("a"))
        for _, row in ipairs(hooks:status()) do
            assert.is_true(row.seconds < 1.1, row.name)
        end
    end)

    it("has its second anew in each call", function()
        local home <close> = world.bare()
        local store <close> = asking(home, "for _ = 1, 9 do store.count() end")
        for i = 1, 3 do
            assert(store:prepare("a" .. i))
        end
    end)
end)
