--- Rules: what is said of a wrong one, and whom a match is about.
local expect = require "spec.support.expect"
local facts = require "spec.support.facts"

local match = require "moonsnap.gc.match"
local rules = require "moonsnap.gc.rules"

--- What check says of a rule with these fields.
local function wrong(fields)
    fields.name = fields.name or "r"
    local ok, text = rules.check(fields)
    assert.is_nil(ok)
    return text
end

describe("check(rule)", function()
    it("finds nothing wrong with what the pages show", function()
        for _, fields in ipairs {
            { keep = { last = { min = 3, max = 20 }, used_within = "7d" }, bounds = { max_used = "40GiB" },
                order = "cheapest", hard = true, group_by = "labels.project" },
            { match = "tag~=^v", keep = { yearly = 5, monthly = 12, tagged = { "v*" } },
                monitor = { newest_max_age = "40d", level = "warn" } },
            { bounds = { min_free = "10%", reserved = "5GiB" }, order = "mixed", on = { "pressure" } },
            { match = "labels.class==scratch,kind==active", expire = { ttl = "6h" }, every = "1m" },
            { min_age = "10m" }, { containerd = { snapshotter = "overlayfs" } },
        } do
            fields.name = "r"
            assert.is_true(rules.check(fields))
        end
    end)

    it("names unknown words and the known one that is near", function()
        assert.equal("unknown word 'kep': did you mean 'keep'?", wrong { kep = {} })
        assert.equal("keep: unknown word 'dayly': did you mean 'daily'?", wrong { keep = { dayly = 7 } })
        assert.equal("bounds: unknown word 'max_use': did you mean 'max_used'?", wrong { bounds = { max_use = 1 } })
        assert.equal("on: unknown trigger 'preassure': did you mean 'pressure'?",
            wrong { keep = { last = 1 }, on = { "preassure" } })
        assert.equal("order: unknown order 'lur': did you mean 'lru'?",
            wrong { bounds = { max_count = 1 }, order = "lur" })
    end)

    it("names fields of a wrong type, shape or unit", function()
        for fragment, fields in pairs {
            ["name: a text expected"] = { name = 7, min_age = 1 },
            ["keep: last: a number"] = { keep = { last = "3" } },
            ["keep: daily: min needs a max"] = { keep = { daily = { min = 3, max = 2 } } },
            ["keep: within: '7 days' is no duration"] = { keep = { within = "7 days" } },
            ["keep: both: 2: last: a number"] = { keep = { both = { { last = 1 }, { last = -1 } } } },
            ["keep: it holds nothing"] = { keep = { zone = "UTC" } },
            ["keep: zone: UTC or a distance"] = { keep = { daily = 1, zone = "Mars" } },
            ["keep: frequently: every"] = { keep = { frequently = { n = 1 } } },
            ["bounds: max_used: '1 XB' is no size"] = { bounds = { max_used = "1 XB" } },
            ["bounds: max_count: a whole number"] = { bounds = { max_count = 1.5 } },
            ["expire: ttl"] = { expire = { ttl = {} } },
            ["expire: it is empty"] = { expire = {} },
            ["match: 'age==7d': age is compared"] = { match = "age==7d", min_age = 1 },
            ["match: 'age>x': 'x' is no duration"] = { match = { "name==a", "age>x" }, min_age = 1 },
            ["match: no kind 'actives'"] = { match = { kind = "actives" }, min_age = 1 },
            ["match: no field 'label'"] = { match = { label = "x" }, min_age = 1 },
            ["match: a filter, a list"] = { match = 7, min_age = 1 },
            ["group_by: a label's name"] = { group_by = 7, min_age = 1 },
            ["pace: io: idle expected"] = { pace = { io = "fast" }, min_age = 1 },
            ["action: remove, notify"] = { action = "explode", min_age = 1 },
        } do
            expect.fails_saying("x", fragment, nil, { kind = "x", message = wrong(fields) })
        end
        assert.equal("a rule is a table", select(2, rules.check("keep all")))
    end)

    it("finds contradictions", function()
        assert.equal("bounds: reserved: more than max_used",
            wrong { bounds = { max_used = "1GiB", reserved = "2GiB" } })
        assert.equal("bounds: low: high is where it begins, and cannot be less",
            wrong { bounds = { high = 80, low = 90 } })
        assert.is_truthy(wrong({ keep = { last = 1 }, hard = true }):find("^hard:"))
        assert.is_truthy(wrong({ keep = { last = 1 }, order = "lru" }):find("^order:"))
        assert.is_truthy(wrong({ min_age = "1m", rest = "stay" }):find("^rest:"))
        assert.is_truthy(wrong({ match = "name==a" }):find("^it says nothing"))
    end)

    it("refuses to let labels of images decide", function()
        local text = "label 'containerd.io/snapshot/x' comes from images, which must not decide what stays"
        assert.equal("expire: at_label: " .. text, wrong { expire = { at_label = "containerd.io/snapshot/x" } })
        assert.equal("keep: label: " .. text, wrong { keep = { label = { ["containerd.io/snapshot/x"] = "*" } } })
    end)
end)

describe("plan with a wrong rule", function()
    it("answers invalid_argument, naming it", function()
        expect.fails_saying("invalid_argument", "rule 'n': keep: unknown word", facts.plan({}, { { name = "n",
            keep = { lst = 1 } } }))
        expect.fails_saying("invalid_argument", "rule 'n': match: ", facts.plan({}, { { name = "n",
            match = "name=a", min_age = 1 } }))
        expect.fails_saying("invalid_argument", "rule 'n': name: there are two of it", facts.plan({},
            { { name = "n", min_age = 1 }, { name = "n", min_age = 2 } }))
    end)
end)

describe("match", function()
    local words = {
        { "ci/1", age = "2d", size = 100, depth = 3, labels = { class = "cache", ["a.b/c"] = "x y" } },
        { "ci/2", age = "9d", idle = "1h", size = 10, labels = { class = "cache", ["moonsnap/tags"] = "v1.2, lts" } },
        { "base", parent = "ci/1", age = "1h", labels = { class = "", ["a.b"] = "1" } },
        { "work", kind = "active", parent = "base", labels = { class = "cache" } },
    }

    local function about(what)
        local test = assert(match.compile(what, facts.state()))
        local found = {}
        for i, word in ipairs(words) do
            found[#found + 1] = test(facts.fact(word, i)) and word[1] or nil
        end
        return table.concat(found, " ")
    end

    it("speaks containerd's grammar, about committed ones unless it names a kind", function()
        assert.equal("ci/1 ci/2 base", about(nil))
        assert.equal("ci/1 ci/2", about "labels.class==cache")
        assert.equal("ci/1 ci/2 work", about { "labels.class==cache", "kind==active" })
        assert.equal("work", about "labels.class==cache,kind==active")
        assert.equal("work", about "kind!=committed")
        assert.equal("base", about "labels.class!=cache")
        assert.equal("ci/1", about 'labels."a.b/c"=="x y"')
        assert.equal("base", about "labels.a.b==1")
        assert.equal("base", about 'labels."a.b"')
        assert.equal("ci/2 base", about "name~=/2|^b/")
        assert.equal("ci/1 ci/2", about "name~=^ci,labels.class")
        assert.equal("base", about "parent==ci/1")
    end)

    it("agrees with containerd's compiler where selectors are told apart", function()
        local moonsnap = require "moonsnap"
        for _, text in ipairs { "labels.class==cache", "labels.class", "labels.class==", 'labels.class==""', "name",
            "name==ci/1", "parent", 'parent==""', "labels.a.b", 'labels."a.b"==1', "labels.nothing", "kind", "labels",
            "labels.class!=cache", "name~=ci,labels.class==cache" } do
            local filter = moonsnap.filter { text }
            local test = match.compile(text .. (text:find("kind") and "" or ",kind"), facts.state())
            for i, word in ipairs(filter and words or {}) do
                local fact = facts.fact(word, i)
                assert.equal(filter:match(fact), test(fact), ("%s of '%s'"):format(text, word[1]))
            end
            assert.equal(filter ~= nil, test ~= nil, text)
        end
    end)

    it("knows age, idle, size, depth and tag, beside the rest", function()
        assert.equal("ci/1 ci/2", about "age>1d")
        assert.equal("ci/1", about "idle>1d")
        assert.equal("ci/2 base", about "idle<=1h")
        assert.equal("ci/1", about "size>=100,labels.class==cache")
        assert.equal("ci/1", about "depth>2")
        assert.equal("ci/2", about "tag==lts")
        assert.equal("ci/2", about "tag~=^v")
        assert.equal("ci/1 base", about "tag!=lts")
        assert.equal("ci/2", about "tag")
    end)

    it("may be a table of terms", function()
        assert.equal("ci/1", about { ["labels.class"] = "cache", age = "<3d" })
        assert.equal("ci/2", about { ["labels.class"] = "cache", tag = "v?.*" })
        assert.equal("work", about { kind = "active" })
        assert.equal("ci/1 work", about { kind = { "active", "committed" }, filter = { "name==work", "name==ci/1" } })
        assert.equal("base", about { ["labels.a.b"] = true })
        assert.equal("work", about { kind = "active", test = function(fact) return fact.parent == "base" end })
    end)

    it("may be a function, which is asked about committed ones", function()
        assert.equal("ci/1 ci/2 base", about(function() return true end))
    end)
end)
