--- The command told where a rule's function failed, and not what was wrong.
local command = require "spec.support.command"
local policed = require "spec.support.policed"
local world = require "spec.support.world"

describe("moonsnap gc with a function that fails", function()
    for body, says in pairs {
        ["error('boom')"] = "policy.lua:1: boom\n",
        ["while true do end"] = "policy.lua:1: over its limit of ",
    } do
        it("says what was wrong: " .. body, function()
            local home <close> = world.bare()
            policed.open(home, ("retention { rule { 'f', expire = { ttl = 0 }, match = function() %s end } }")
                :format(body)):close()
            policed.without(home, function(store)
                assert(store:prepare("a"))
                assert(store:commit("c", "a"))
            end)
            local answer = command.on(home.root)("gc")
            assert.is_truthy(answer.err:find(says, 1, true), answer.err)
            assert.is_true(answer.code > 0)
        end)
    end
end)
