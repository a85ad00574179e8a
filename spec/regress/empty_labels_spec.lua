--- An event without labels has an object of labels in JSON, whoever encodes it.
local automation = require "moonsnap.automation.words"
local dkjson = require "dkjson"
local world = require "spec.support.world"

describe("an event of a snapshot without labels", function()
    it("is written with labels as an object", function()
        local home <close> = world.new()
        local told = {}
        assert(home.store:hook {
            "audit", on = "*", phase = "after",
            run = function(event) told[#told + 1] = automation.json { key = event.key, labels = event.labels } end,
        })
        assert(home.store:prepare("a"))
        assert(home.store:prepare("b", nil, { labels = { x = "1" } }))
        assert.same({ '{"key":"a","labels":{}}', '{"key":"b","labels":{"x":"1"}}' }, told)
        local first = assert(home.store:events {})()
        assert.matches('"labels":{}', dkjson.encode(first), 1, true)
    end)
end)
