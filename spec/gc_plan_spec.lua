--- The planner: what goes, what stays, and the one reason of each.
local expect = require "spec.support.expect"
local facts = require "spec.support.facts"

local plan, reasons, removed, kept = facts.plan, facts.reasons, facts.removed, facts.kept

--- A rule by name.
local function rule(name, fields)
    fields.name = name
    return fields
end

describe("a plan", function()
    it("keeps what no rule is about", function()
        local made = assert(plan({ { "a" }, { "b", parent = "a", kind = "active" } }, {}))
        assert.same({ a = "needed", b = "no_rule" }, (reasons(made)))
        assert.same({ { count = 2, size = 0 }, { count = 2, size = 0 } }, { made.before, made.after })
    end)

    it("has children before their parents, and counts what is left", function()
        local made = assert(plan({ { "a", size = 1 }, { "b", parent = "a", size = 2 }, { "c", parent = "b", size = 4 },
            { "d", size = 8 } }, { rule("old", { match = "name~=^[abc]$", expire = { ttl = "30m" } }) }))
        assert.same({ "c", "b", "a" }, removed(made))
        assert.same({ count = 4, size = 15 }, made.before)
        assert.same({ count = 1, size = 8 }, made.after)
    end)

    it("says who needs an ancestor: one that stays for a reason of its own", function()
        local made = assert(plan({ { "a", age = "9d" }, { "b", parent = "a", age = "9d" },
            { "c", parent = "b", held = "pinned" } }, { rule("old", { expire = { ttl = "1d" } }) }))
        local why, texts = reasons(made)
        assert.same({ a = "needed", b = "needed", c = "pinned" }, why)
        assert.equal("needed by 'c'", texts.a)
    end)

    it("leaves actives and views alone unless a rule names their kind", function()
        local words = { { "w", kind = "active", age = "9d" }, { "v", kind = "view", age = "9d" } }
        assert.same({}, removed(assert(plan(words, { rule("all", { expire = { ttl = "1d" } }) }))))
        assert.same({}, removed(assert(plan(words, { rule("fn", { match = function() return true end,
            expire = { ttl = "1d" } }) }))))
        assert.same({ "w" }, removed(assert(plan(words, { rule("scratch", { match = "kind==active",
            expire = { ttl = "1d" } }) }))))
        assert.same({ "w", "v" }, removed(assert(plan(words, { rule("both", { match = { kind = { "active", "view" } },
            expire = { ttl = "1d" } }) }))))
    end)

    it("never takes what is held, whatever a rule says", function()
        local words, wanted = {}, {}
        for i, why in ipairs { "pinned", "leased", "mounted", "maybe_mounted", "owned", "referenced", "tenant" } do
            words[i] = { why, held = why, age = "9d", size = 100 }
            wanted[why] = why
        end
        local made = assert(plan(words, { rule("x", { expire = { ttl = "1d" }, keep = { last = 0 },
            bounds = { max_count = 0, max_used = 0 }, hard = true }) }))
        assert.same(wanted, (reasons(made)))
        assert.equal("max_used 0 B cannot be met, 700 B too many: 1 leased, 1 maybe mounted, 1 mounted, 1 owned, "
            .. "1 pinned, 1 referenced, 1 tenant", made.unmet[1].text)
    end)

    it("touches nothing younger than min_age, though another rule would", function()
        local made = assert(plan({ { "young", age = "5m" }, { "old", age = "15m" } }, {
            rule("all", { expire = { ttl = "1m" } }), rule("grace", { min_age = "10m" }) }))
        assert.same({ young = "min_age", old = "expired" }, (reasons(made)))
    end)

    it("is the same for the same facts in any order", function()
        local words = { { "a", age = "3d" }, { "b", parent = "a", age = "2d" }, { "c", age = "1d" } }
        local rules = { rule("n", { keep = { last = 1 } }) }
        local turned = { words[3], words[2], words[1] }
        for i, word in ipairs(words) do
            word.number = i
        end
        assert.same(reasons(assert(plan(words, rules))), reasons(assert(plan(turned, rules))))
    end)

    it("has a number over the words of its rules", function()
        local one = assert(plan({}, { rule("n", { keep = { last = 1 } }) }))
        local same = assert(plan({ { "a" } }, { rule("n", { keep = { last = 1 } }) }))
        local other = assert(plan({}, { rule("n", { keep = { last = 2 } }) }))
        assert.equal(one.rules, same.rules)
        assert.not_equal(one.rules, other.rules)
        assert.is_truthy(one.rules:find("^%x+$") and #one.rules == 16)
    end)
end)

describe("expiry", function()
    it("is stronger than keep", function()
        local made = assert(plan({ { "a", age = "9d" } },
            { rule("n", { keep = { last = 5 }, expire = { ttl = "1d" } }) }))
        assert.same({ "a" }, removed(made))
        local _, texts = reasons(made)
        assert.equal("made 9d ago (ttl 1d) (rule n)", texts.a)
    end)

    it("reads a time from a label, and keeps what it cannot read", function()
        local made = assert(plan({
            { "past", labels = { ["moonsnap/expires"] = "2026-11-24T11:59:59Z" } },
            { "future", labels = { ["moonsnap/expires"] = "2026-11-24T12:00:01Z" } },
            { "odd", labels = { ["moonsnap/expires"] = "soon" } }, { "none" },
        }, { rule("e", { expire = { at_label = "moonsnap/expires" } }) }))
        assert.same({ "past" }, removed(made))
    end)

    it("counts idle from the last use, and dead only without children", function()
        local words = { { "base", age = "9d", idle = "8d" }, { "leaf", parent = "base", age = "9d", idle = "8d" },
            { "used", age = "9d", idle = "1h" }, { "never", age = "9d" } }
        assert.same({ "leaf", "base", "never" },
            removed(assert(plan(words, { rule("i", { expire = { idle = "7d" } }) }))))
        assert.same({ "leaf", "never" }, removed(assert(plan(words, { rule("d", { expire = { dead = "7d" } }) }))))
    end)

    it("takes nobody's place among those that are kept", function()
        local made = assert(plan({ { "new", labels = { ["moonsnap/expires"] = "2026-01-01T00:00:00Z" } },
            { "next", age = "2h" }, { "last", age = "3h" } },
            { rule("n", { keep = { last = 1 }, expire = { at_label = "moonsnap/expires" } }) }))
        assert.same({ new = "expired", next = "kept", last = "released" }, (reasons(made)))
    end)
end)

describe("keep", function()
    it("is what any rule keeps; a rule with keep and no bounds lets the rest go", function()
        local words = { { "a", age = "1h" }, { "b", age = "2h" }, { "c", age = "3h", labels = { important = "yes" } },
            { "d", age = "4h" } }
        local made = assert(plan(words, { rule("last", { keep = { last = 1 } }),
            rule("label", { keep = { label = { important = "yes" } } }) }))
        assert.same({ a = "kept", b = "released", c = "kept", d = "released" }, (reasons(made)))
        local _, texts = reasons(made)
        assert.equal("last 1 of 1 (rule last)", texts.a)
        assert.equal("label important=yes (rule label)", texts.c)
        assert.equal("no keep holds it (rule last)", texts.b)
    end)

    it("with rest = stay lets nothing go", function()
        local made = assert(plan({ { "a" }, { "b", age = "2h" } },
            { rule("n", { keep = { last = 1 }, rest = "stay" }) }))
        assert.same({ a = "kept", b = "no_rule" }, (reasons(made)))
    end)

    it("counts in groups", function()
        local words = {}
        for i = 1, 6 do
            words[i] = { "s" .. i, age = i .. "h", labels = { project = i % 2 == 0 and "even" or "odd" } }
        end
        local made = assert(plan(words, { rule("n", { group_by = "project", keep = { last = 1 } }) }))
        assert.same({ "s1", "s2" }, kept(made))
        made = assert(plan(words,
            { rule("n", { group_by = function(fact) return fact.name end, keep = { last = 1 } }) }))
        assert.equal(6, #kept(made))
    end)

    it("of a rule that is not asked now holds all the same", function()
        local words = { { "a", age = "9d" }, { "b", age = "9d" } }
        local rules = { rule("n", { match = "name==a", keep = { last = 1 }, on = { "timer" } }),
            rule("m", { keep = { last = 0 }, on = { "manual" } }) }
        assert.same({ a = "kept", b = "released" }, (reasons(assert(plan(words, rules, { trigger = "manual" })))))
        assert.same({ a = "kept", b = "no_rule" }, (reasons(assert(plan(words, rules, { trigger = "timer" })))))
        assert.same({ a = "kept", b = "no_rule" }, (reasons(assert(plan(words, rules, { trigger = "timer",
            due = {} })))))
    end)

    it("takes nothing for a trigger that no rule is on, whatever its part", function()
        local rules = { { name = "r", expire = { ttl = "1d" }, on = { "timer" } },
            { name = "s", bounds = { max_count = 1 }, on = { "pressure" } },
            { name = "t", containerd = true, on = { "startup" } } }
        for trigger, wanted in pairs { timer = "expired", pressure = "demand", startup = "unreferenced",
            commit = "no_rule" } do
            local list = { { "a", age = "2d" }, { "b", labels = { ["containerd.io/gc.root"] = "x" } } }
            assert.equal(wanted, reasons(assert(plan(list, rules, { trigger = trigger }))).a, trigger)
        end
    end)

    it("holds what both of two keeps hold, with both", function()
        local words = { { "a", age = "1d" }, { "b", age = "2d" }, { "c", age = "3d" }, { "d", age = "4d" } }
        local made = assert(plan(words, { rule("n", { keep = { both = { { last = 3 }, { within = "60h" } } } }) }))
        assert.same({ "a", "b" }, kept(made))
        local _, texts = reasons(made)
        assert.equal("last 1 of 3 and made within 60h (rule n)", texts.a)
    end)
end)

describe("action", function()
    it("notify only tells", function()
        local made = assert(plan({ { "a", age = "9d" } },
            { rule("n", { expire = { ttl = "1d" }, action = "notify" }) }))
        local why, texts = reasons(made)
        assert.same({ a = "no_rule" }, why)
        assert.equal("rule n would let it go, and only tells", texts.a)
    end)

    it("as a function decides", function()
        local made = assert(plan({ { "a", age = "9d", size = 1 }, { "b", age = "9d", size = 2 } },
            { rule("n", { expire = { ttl = "1d" }, action = function(fact)
                return fact.size > 1 and "remove" or "keep"
            end }) }))
        assert.same({ "b" }, removed(made))
    end)
end)

describe("a function of a rule that fails", function()
    it("fails the plan with its error value", function()
        local broken = require("moonsnap").error("internal", "policy.lua:3: oops")
        expect.fails_saying("internal", "policy.lua:3: oops",
            plan({ { "a" } }, { rule("n", { match = function() error(broken) end, expire = { ttl = "1d" } }) }))
    end)
end)

describe("monitor", function()
    it("tells of what is missing and removes nothing", function()
        local words = { { "a1", age = "30h", labels = { host = "a" } }, { "b1", age = "2h", labels = { host = "b" } },
            { "b2", age = "3h", labels = { host = "b" } } }
        local made = assert(plan(words, {
            rule("nightly", { group_by = "host", monitor = { newest_max_age = "26h", min_count = 2, level = "crit" } }),
            rule("weekly", { match = "name==x", monitor = { newest_max_age = "8d" } }),
        }))
        assert.same({}, removed(made))
        assert.same({
            { rule = "nightly", level = "crit", text = "rule nightly, group 'a': the newest, 'a1', is 1d6h "
                .. "old (at most 1d2h)" },
            { rule = "nightly", level = "crit", text = "rule nightly, group 'a': 1 are there (at least 2)" },
            { rule = "weekly", level = "warn", text = "rule weekly: it has no snapshot" },
        }, made.monitors)
    end)
end)
