--- What a caller gives is a value in a hook's question, whatever it looks like: filters may be tables.
local expect = require "spec.support.expect"
local policed = require "spec.support.policed"
local world = require "spec.support.world"

local POLICY = [[
    hook { "quota", on = "prepare", run = function(request)
        local mine = { ["labels.a/tenant"] = request.labels["a/tenant"], kind = "active" }
        if store.count(mine) >= 1 or store.usage(mine).inodes > 1000 or #store.list(mine) >= 1 then
            return deny("resource_exhausted", "one is enough")
        end
    end }
]]

describe("a table as the filter of a hook's question", function()
    it("finds exactly these values, and none of them breaks out", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, POLICY)
        local odd = { "blue", "blue,kind==view", '"', "\\", "a\"b", "\1\31\127", "ä", "==", "labels.x" }
        for i, value in ipairs(odd) do
            local labels = { labels = { ["a/tenant"] = value } }
            assert(store:prepare("first" .. i, nil, labels))
            expect.fails_saying("resource_exhausted", "one is enough", store:prepare("second" .. i, nil, labels))
        end
        assert.equal(0, store.shared.hooks:status()[1].failures)
    end)

    it("is refused where it has something else than texts", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home,
            [[hook { "asks", on = "prepare", run = function() return store.count { key = 1 } end }]])
        expect.fails_saying("internal", "fields with the text that each must have", store:prepare("a"))
    end)
end)
