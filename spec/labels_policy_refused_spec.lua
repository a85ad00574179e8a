--- Label policies that say nothing, two things, or what cannot be: each is told when its file is loaded.

local labels = require "moonsnap.policy.labels"
local moonsnap = require "moonsnap"
local words = require "moonsnap.policy.labels.words"

local function wrong_in(kind, fields)
    local set = labels.new { filter = moonsnap.filter, now = moonsnap.sys.now }
    local hook, wrong = set:add(kind, fields)
    assert.is_nil(hook)
    return wrong
end

describe("a label policy", function()
    for name, case in pairs {
        ["without a label"] = { "require", {}, "its first value is the label's name" },
        ["with a number for a label"] = { "require", { 1 }, "its first value is the label's name" },
        ["with an unknown field"] = { "require", { "x", patern = "a" }, "unknown field 'patern': did you mean" },
        ["with a third value"] = { "default", { "x", "y", "z" }, "there is a 3. value" },
        ["with an unknown verb"] = { "require", { "x", verbs = { "prepair" } }, "unknown verb 'prepair': did" },
        ["for no verb"] = { "require", { "x", verbs = {} }, "it would never act" },
        ["with a match that does not parse"] = { "require", { "x", match = "kind=active" }, "unsupported operator" },
        ["with a match of a field that is none"] = { "require", { "x", match = "size==1" }, "no field 'size'" },
        ["with a pattern that is none"] = { "require", { "x", pattern = "a(" }, "no regular expression" },
        ["with an open name where one is needed"] = { "require", { "x*" }, "without *" },
        ["with an empty list"] = { "require", { "x", one_of = {} }, "nothing could pass" },
        ["with values that its own pattern refuses"] = { "require", { "x", one_of = { "A" }, pattern = "^[a-z]$" },
            "one_of has 'A'" },
        ["with peers of no kind"] = { "require", { "x", peer = { user = 0 } }, "peer: { uid = ..., gid = ... }" },
        ["with peers that are no numbers"] = { "require", { "x", peer = { uid = "root" } }, "peer: " },
        ["with a list of other things"] = { "require", { "x", namespace = { 1 } }, "namespace: text or a list" },
        ["that defaults to nothing"] = { "default", { "x" }, "it needs a value" },
        ["that defaults to a table"] = { "default", { "x", {} }, "value: text or a function expected" },
        ["that rewrites nothing"] = { "rewrite", { "x" }, "it says nothing" },
        ["that rewrites to two things"] = { "rewrite", { "x", to = "a", map = {} }, "say two things" },
        ["that bounds nothing"] = { "bound", { "x" }, "it bounds nothing" },
        ["with bounds that cross"] = { "bound", { "x", min = 2, max = 1 }, "min 2 is above max 1" },
        ["with a bound that is none"] = { "bound", { "x", type = "size", max = "big" }, "max is no size: big" },
        ["with a type that is none"] = { "bound", { "x", type = "text" }, "type is 'text'" },
        ["with an outcome that is none"] = { "bound", { "x", max = 1, on = "ignore" }, "on is 'ignore'" },
        ["that clamps to a pattern"] = { "bound", { "x", pattern = "a", on = "clamp" }, "has no nearest value" },
        ["with a default beyond its most"] = { "expire", { "ttl", default = "2d", max = "1d" }, "is longer than max" },
        ["with a duration that is none"] = { "expire", { "ttl", max = "soon" }, "max: 'soon' is no duration" },
        ["that reads what it writes"] = { "expire", { "moonsnap/expires" }, "name the label that says how long" },
        ["that trusts an image's ttl"] = { "expire", { "containerd.io/snapshot/ttl" }, "come from images" },
        ["that trusts an image's mark"] = { "protect", { "containerd.io/snapshot/x", snapshot = true },
            "come from images" },
        ["that protects from nobody"] = { "protect", { "x" }, "it protects from nobody" },
        ["with a door that is none"] = { "protect", { "x", doors = { "window" } }, "doors has 'window'" },
    } do
        it(name .. " is refused", function()
            local wrong = wrong_in(case[1], case[2])
            assert.is_truthy(wrong:find(case[3], 1, true), wrong)
            assert.is_truthy(wrong:find("label." .. case[1], 1, true), wrong)
        end)
    end

    it("is called by its label, the second one of a label by a number", function()
        local set = labels.new { filter = moonsnap.filter, now = moonsnap.sys.now }
        assert.equal("label.require x", set:add("require", { "x" }).name)
        assert.equal("label.require x (2)", set:add("require", { "x", one_of = { "1" } }).name)
        assert.equal("label.bound x", set:add("bound", { "x", max = 1 }).name)
    end)
end)

describe("words.glob(pattern)", function()
    it("takes * for any text", function()
        for pattern, cases in pairs {
            ["abc"] = { abc = true, abcd = false }, ["a*"] = { a = true, abc = true, ba = false },
            ["*c"] = { c = true, abc = true, cb = false }, ["a*c"] = { ac = true, abbc = true, a = false },
            ["*b*"] = { b = true, abc = true, ac = false }, ["a*b*c"] = { abc = true, axbxc = true, acb = false },
            ["ab*ba"] = { aba = false, abba = true }, ["*"] = { [""] = true, x = true },
            ["a.*"] = { ["a.b"] = true, axb = false }, ["**"] = { x = true },
        } do
            local fits = words.glob(pattern)
            for text, expected in pairs(cases) do
                assert.equal(expected, fits(text), pattern .. " on " .. text)
            end
        end
    end)

    it("is quick where backtracking would not be", function()
        assert.is_false(words.glob("*a*a*a*a*a*a*a*a*b")(("a"):rep(4096)))
    end)
end)

describe("words.expression(text)", function()
    it("searches as filters do, with quotes and backslashes in it", function()
        local fits = assert(words.expression([[^"a\.b"$]], moonsnap.filter))
        assert.is_true(fits('"a.b"'))
        assert.is_false(fits('"axb"'))
    end)
end)
