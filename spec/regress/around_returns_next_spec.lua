--- An around-hook may hand on what next() answered, as one writes it: `return next()`.
local expect = require "spec.support.expect"
local policed = require "spec.support.policed"
local world = require "spec.support.world"

local POLICY = [[
    hook { "wraps", on = { "prepare", "commit", "remove" }, phase = "around", run = function(request, next)
        return next()
    end }
]]

describe("an around-hook that returns next()", function()
    it("answers what the verb answers, and has not failed where the store refuses", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, POLICY)
        assert.equal("bind", assert(store:prepare("a"))[1].type)
        for _ = 1, 6 do
            expect.fails("already_exists", store:prepare("a"))
        end
        assert.is_true(store:commit("c", "a"))
        assert.is_true(store:remove("c"))
        local row = store.shared.hooks:status()[1]
        assert.same({ "wraps", 0, 9, "on" }, { row.name, row.failures, row.calls, row.breaker })
    end)

    it("is one of a script, too", function()
        local home <close> = world.new()
        assert(home.store:hook { "script's", on = "*", phase = "validate", run = function() end })
        assert(home.store:hook { "wraps", on = { "prepare", "touch" }, phase = "around",
            run = function(_, go_on) return go_on() end })
        assert.equal("bind", assert(home.store:prepare("a"))[1].type)
        expect.fails("already_exists", home.store:prepare("a"))
        assert.is_true(home.store:touch("a"))
    end)

    it("answers nonsense all the same when it is something else", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, (POLICY:gsub("return next%(%)", "next() return 42")))
        expect.fails_saying("internal", "it answered a number", store:prepare("a"))
        assert.same({}, expect.names(store:walk()))
    end)
end)
