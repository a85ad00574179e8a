--- Compiled filters as a program uses them. The grammar has its own tests, in C and beside containerd's.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"

local fails, fails_saying = expect.fails, expect.fails_saying

local INFO = {
    name = "web",
    parent = "base",
    kind = "active",
    labels = { ["containerd.io/gc.root"] = "now", tier = "front" },
}

local function matches(...)
    return assert(moonsnap.filter { ... }):match(INFO)
end

describe("moonsnap.filter(filters)", function()
    it("matches everything when the list is empty", function()
        assert.is_true(matches())
    end)

    it("matches when one of its filters does", function()
        assert.is_true(matches("name==db", "name==web"))
    end)

    it("does not match when none of its filters does", function()
        assert.is_false(matches("name==db", "name==cache"))
    end)

    it("wants all selectors of one filter", function()
        assert.is_false(matches("name==web,kind==view"))
    end)

    it("finds labels by quoted keys", function()
        assert.is_true(matches([[labels."containerd.io/gc.root"]]))
    end)

    it("searches with a regular expression anywhere in the field", function()
        assert.is_true(matches("labels.tier~=/r.n/"))
    end)

    it("matches nothing with an expression that RE2 does not have", function()
        assert.is_false(matches([[name~=/(?=w)web/]]))
    end)

    it("answers at once where backtracking would not end", function()
        local filter = assert(moonsnap.filter { "name~=/^(a+)+$/" })
        assert.is_false(filter:match { name = ("a"):rep(60) .. "b", parent = "", kind = "view" })
    end)

    it("takes an info without labels", function()
        local filter = assert(moonsnap.filter { "labels.tier" })
        assert.is_false(filter:match { name = "x", parent = "", kind = "view" })
    end)

    it("refuses a filter that does not parse, and says where", function()
        fails_saying("invalid_argument", [[[name >|=|< web]: unsupported operator "="]],
            moonsnap.filter { "name=web" })
    end)

    it("refuses the whole list for one bad filter", function()
        fails("invalid_argument", moonsnap.filter { "name==web", "name==" })
    end)

    it("refuses a NUL in a filter", function()
        fails_saying("invalid_argument", [[>|\x00|<]], moonsnap.filter { "name==a\0" })
    end)

    it("refuses more than 64 filters", function()
        local list = {}
        for i = 1, 65 do
            list[i] = "name==x"
        end
        fails_saying("invalid_argument", "more than 64 filters", moonsnap.filter(list))
    end)

    it("refuses a filter of more than 16 KiB", function()
        fails_saying("invalid_argument", "more than 16384 bytes", moonsnap.filter { ("a"):rep(16385) })
    end)

    it("refuses more than 64 selectors", function()
        fails_saying("invalid_argument", "more than 64 selectors", moonsnap.filter { ("a,"):rep(64) .. "a" })
    end)
end)
