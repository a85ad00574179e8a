--- What was meant by a word that nobody knows.
local suggest = require "moonsnap.suggest"

describe("suggest.nearest(word, known)", function()
    local WORDS = { "hook", "labels", "retention", "rule", "match", "mode" }

    local MEANT = { hok = "hook", Hook = "hook", retnetion = "retention", label = "labels", mtach = "match" }

    for word, meant in pairs(MEANT) do
        it(("takes %s for %s"):format(word, meant), function()
            assert.equal(meant, suggest.nearest(word, WORDS))
        end)
    end

    it("guesses nothing that is far away", function()
        assert.is_nil(suggest.nearest("zzzz", WORDS))
        assert.is_nil(suggest.nearest("x", { "rule" }))
        assert.is_nil(suggest.nearest("hook", {}))
        assert.is_nil(suggest.nearest(("h"):rep(1000000), { "hook" }))
    end)

    it("takes keys as words, and of two as near the first by its letters", function()
        assert.equal("bat", suggest.nearest("at", { bat = 1, cat = true }))
    end)
end)

describe("suggest.distance(a, b)", function()
    it("counts letters put in, taken out, changed and swapped", function()
        assert.same({ 0, 1, 1, 1, 1, 3, 4 }, {
            suggest.distance("rule", "rule"), suggest.distance("rule", "rules"), suggest.distance("rule", "rul"),
            suggest.distance("rule", "role"), suggest.distance("rule", "rlue"), suggest.distance("", "abc"),
            suggest.distance("abcd", ""),
        })
    end)
end)

describe("suggest.unknown(what, word, known)", function()
    it("says what is unknown, and what may have been meant", function()
        assert.equal("unknown word 'hok': did you mean 'hook'?", suggest.unknown("word", "hok", { "hook" }))
        assert.equal("unknown word 'zebra'", suggest.unknown("word", "zebra", { "hook" }))
    end)
end)
