--- Bounds: who goes first, how far it goes, and what is said when it is not enough.
local expect = require "spec.support.expect"
local facts = require "spec.support.facts"

local plan, reasons, removed, kept = facts.plan, facts.reasons, facts.removed, facts.kept

local function bounded(bounds, more)
    local rule = { name = "room", bounds = bounds }
    for name, value in pairs(more or {}) do
        rule[name] = value
    end
    return { rule }
end

--- Five of 10 bytes each, s1 the newest.
local function five()
    local words = {}
    for i = 1, 5 do
        words[i] = { "s" .. i, age = i .. "d", size = 10, inodes = i }
    end
    return words
end

describe("bounds", function()
    it("take only what they need, and say why", function()
        local made = assert(plan(five(), bounded { max_used = 25 }))
        assert.same({ "s3", "s4", "s5" }, removed(made))
        local _, texts = reasons(made)
        assert.equal("max_used 25 B (rule room)", texts.s5)
        assert.equal("no rule takes it", texts.s1)
        assert.same({}, made.unmet)
        assert.same({}, removed(assert(plan(five(), bounded { max_used = 50 }))))
    end)

    it("count snapshots and inodes", function()
        assert.same({ "s1", "s2" }, kept(assert(plan(five(), bounded { max_count = 2 }))))
        assert.same({ "s1", "s2", "s3" }, kept(assert(plan(five(), bounded { max_inodes = 6 }))))
    end)

    it("leave reserved bytes, and skip who would take them", function()
        local words = { { "small", size = 10 }, { "less", size = 10, age = "5d" }, { "big", size = 30, age = "9d" } }
        assert.same({ "small", "less" }, removed(assert(plan(words, bounded { max_used = 30, reserved = 30 }))))
        local made = assert(plan(words, bounded { max_used = 25, reserved = 25 }))
        assert.same({ size = 30, count = 1 }, made.after)
        assert.equal(5, made.unmet[1].short)
    end)

    it("free the file system to min_free, in bytes or a share of it", function()
        local disk = { filesystem = { size = 1000, free = 85 } }
        assert.same({ "s4", "s5" }, removed(assert(plan(five(), bounded { min_free = 100 }, disk))))
        assert.same({ "s4", "s5" }, removed(assert(plan(five(), bounded { min_free = "10%" }, disk))))
    end)

    it("begin above high and end at low", function()
        local function at(free) return { filesystem = { size = 1000, free = free } } end
        local rules = bounded { high = 90, low = 88 }
        assert.same({}, removed(assert(plan(five(), rules, at(100)))))
        assert.same({ "s3", "s4", "s5" }, removed(assert(plan(five(), rules, at(95)))))
    end)

    it("tell that low was not reached, also when high is not exceeded any more", function()
        local words = five()
        words[1].held, words[2].held, words[3].held = "pinned", "pinned", "mounted"
        local made = assert(plan(words, bounded { high = 90, low = 86 }, { filesystem = { size = 1000, free = 95 } }))
        assert.same({ "s4", "s5" }, removed(made))
        assert.equal("high 90% cannot be met, 25 B too many: 1 mounted, 2 pinned", made.unmet[1].text)
    end)

    it("need a file system where they speak of one", function()
        expect.fails_saying("invalid_argument", "bounds.min_free", plan(five(), bounded { min_free = "10%" }))
        expect.fails_saying("invalid_argument", "bounds.max_used", plan(five(), bounded { max_used = "10%" }))
    end)

    it("shorten chains that are too deep, from their ends", function()
        local words = {}
        for i = 1, 5 do
            words[i] = { "l" .. i, parent = i > 1 and "l" .. i - 1 or nil, depth = i }
        end
        local made = assert(plan(words, bounded { max_depth = 3 }))
        assert.same({ "l5", "l4" }, removed(made))
        words[6] = { "w", parent = "l5", kind = "active", depth = 6 }
        made = assert(plan(words, bounded { max_depth = 3 }))
        assert.equal("max_depth 3 cannot be met, 2 too many: 5 needed", made.unmet[1].text)
        assert.equal(2, made.unmet[1].short)
    end)

    it("count the whole namespace with of = all", function()
        local words = five()
        for i = 1, 5 do
            words[i].labels = i > 3 and { class = "cache" } or nil
        end
        local match = { match = "labels.class==cache" }
        assert.same({}, removed(assert(plan(words, bounded({ max_used = 40 }, match)))))
        assert.same({ "s5" }, removed(assert(plan(words, bounded({ max_used = 40, of = "all" }, match)))))
    end)

    it("go leaf first, and take a parent once its child is gone", function()
        local words = { { "base", age = "9d", size = 10 }, { "top", parent = "base", age = "1d", size = 10 },
            { "other", age = "5d", size = 10 } }
        assert.same({ "base" }, kept(assert(plan(words, bounded { max_used = 10 }))))
        assert.same({ "top", "base", "other" }, removed(assert(plan(words, bounded { max_used = 5 }))))
    end)
end)

describe("bounds against keep", function()
    local keeping = { keep = { last = 2 } }

    it("stop before what keep holds, and name it", function()
        local made = assert(plan(five(), bounded({ max_used = 5 }, keeping)))
        assert.same({ "s1", "s2" }, kept(made))
        assert.same({ rule = "room", bound = "max_used", short = 15,
            text = "max_used 5 B cannot be met, 15 B too many: 2 kept by rule room" }, made.unmet[1])
    end)

    it("go on into it with hard, last of all", function()
        local hard = { keep = { last = 2 }, hard = true }
        assert.same({ "s1" }, kept(assert(plan(five(), bounded({ max_used = 10 }, hard)))))
        assert.same({ "s1", "s2" }, kept(assert(plan(five(), bounded({ max_used = 20 }, hard)))))
    end)

    it("never go into what another rule keeps", function()
        local rules = bounded({ max_used = 0 }, { keep = { last = 2 }, hard = true })
        rules[2] = { name = "label", match = "name==s2", keep = { last = 1 } }
        assert.same({ "s2" }, kept(assert(plan(five(), rules))))
    end)

    it("give up the part of a range between min and max", function()
        local range = { keep = { last = { min = 1, max = 3 } } }
        assert.same({ "s1", "s2", "s3" }, kept(assert(plan(five(), bounded({ max_used = 30 }, range)))))
        assert.same({ "s1", "s2" }, kept(assert(plan(five(), bounded({ max_used = 20 }, range)))))
        assert.same({ "s1" }, kept(assert(plan(five(), bounded({ max_used = 0 }, range)))))
    end)

    it("of another rule press on a range, too", function()
        local rules = bounded { max_used = 20 }
        rules[2] = { name = "n", keep = { last = { min = 1, max = 4 } } }
        assert.same({ "s1", "s2" }, kept(assert(plan(five(), rules))))
    end)
end)

describe("order", function()
    local function first(name, words)
        return removed(assert(plan(words, bounded({ max_count = #words - 1 }, { order = name }))))[1]
    end

    it("lru takes whose last use is longest ago", function()
        assert.equal("b", first("lru", { { "a", age = "9d", idle = "1h" }, { "b", age = "3d" }, { "c", age = "2d" } }))
    end)

    it("lfu takes who was used least, then lru", function()
        assert.equal("c", first("lfu", { { "a", uses = 3, age = "9d" }, { "b", uses = 1, age = "8d", idle = "1d" },
            { "c", uses = 1, age = "2d" } }))
    end)

    it("mixed weighs both ranks", function()
        assert.equal("b", first("mixed", { { "a", idle = "9d", age = "9d", uses = 50 }, { "b", age = "8d", uses = 1 },
            { "c", age = "1h", uses = 2 } }))
    end)

    it("oldest takes who was made first", function()
        assert.equal("a", first("oldest", { { "a", age = "9d", idle = "1h" }, { "b", age = "3d" } }))
    end)

    it("largest takes who frees most", function()
        assert.equal("b", first("largest", { { "a", size = 1 }, { "b", size = 3 }, { "c", size = 2 } }))
    end)

    it("cheapest takes the least cost for a byte, and who frees nothing last", function()
        local words = { { "dear", size = 100, labels = { ["moonsnap/cost"] = "500" } },
            { "cheap", size = 100, labels = { ["moonsnap/cost"] = "20" } },
            { "small", size = 1, labels = { ["moonsnap/cost"] = "1" } }, { "empty", size = 0 },
            { "odd", size = 100, labels = { ["moonsnap/cost"] = "nan" } } }
        assert.equal("odd", first("cheapest", words))
        table.remove(words)
        assert.equal("cheap", first("cheapest", words))
    end)

    it("may be a function", function()
        assert.equal("z", first(function(a, b) return a.name > b.name end, { { "a" }, { "z" }, { "m" } }))
    end)
end)
