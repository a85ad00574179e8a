--- containerd's marking as a rule: what no root reaches goes; without the rule nothing goes for lacking one.
local facts = require "spec.support.facts"

local plan, reasons, removed = facts.plan, facts.reasons, facts.removed

local ROOT, EXPIRE = "containerd.io/gc.root", "containerd.io/gc.expire"
local REF, BREF = "containerd.io/gc.ref.snapshot.overlayfs", "containerd.io/gc.bref.snapshot.overlayfs"

local MARKS = { { name = "containerd", containerd = true } }

local function why(words, rules)
    return (reasons(assert(plan(words, rules or MARKS))))
end

describe("containerd's marking", function()
    it("collects what lacks a root, and only where the rule is there", function()
        assert.same({ a = "unreferenced" }, why { { "a" } })
        assert.same({ a = "no_rule" }, why({ { "a" } }, {}))
        assert.same({ a = "no_rule" }, why({ { "a", labels = { [ROOT] = "x" } } }, {}))
    end)

    it("takes labels that begin with gc.root as roots, whatever they say, and their parents stay", function()
        assert.same({ base = "needed", a = "referenced", b = "referenced", c = "unreferenced" }, why {
            { "base" }, { "a", parent = "base", labels = { [ROOT] = "" } },
            { "b", labels = { [ROOT .. ".mine"] = "2026" } }, { "c", labels = { ["containerd.io/gc.toor"] = "x" } },
        })
    end)

    it("follows references forward and backward, of its own snapshotter", function()
        assert.same({ root = "referenced", ref = "referenced", suffix = "referenced", back = "referenced",
            far = "referenced", other = "unreferenced", lost = "unreferenced" }, why {
            { "root", labels = { [ROOT] = "x", [REF] = "ref", [REF .. "/1"] = "suffix", [REF .. "/2"] = "not there",
                ["containerd.io/gc.ref.snapshot.native"] = "other" } },
            { "ref", labels = { [REF] = "far" } }, { "suffix" }, { "far" }, { "back", labels = { [BREF] = "root" } },
            { "other" }, { "lost", labels = { [REF] = "root" } },
        })
        assert.same({ root = "referenced", other = "referenced" }, why({
            { "root", labels = { [ROOT] = "x", ["containerd.io/gc.ref.snapshot.native"] = "other" } }, { "other" },
        }, { { name = "n", containerd = { snapshotter = "native" } } }))
    end)

    it("says who refers", function()
        local _, texts = reasons(assert(plan({ { "root", labels = { [ROOT] = "x", [REF] = "ref" } }, { "ref" } },
            MARKS)))
        assert.equal("label containerd.io/gc.root", texts.root)
        assert.equal("referenced by 'root'", texts.ref)
    end)

    it("takes gc.expire as a root until its time", function()
        assert.same({ past = "unreferenced", future = "referenced", odd = "unreferenced" }, why {
            { "past", labels = { [EXPIRE] = "2026-11-24T11:00:00Z" } },
            { "future", labels = { [EXPIRE] = "2026-11-24T13:00:00Z" } }, { "odd", labels = { [EXPIRE] = "soon" } },
        })
    end)

    it("marks from what is held and from actives, of flat leases only the parents", function()
        assert.same({ base = "needed", held = "leased", ref = "referenced", flat = "leased", below = "needed",
            unref = "unreferenced", work = "no_rule", workref = "referenced" }, why {
            { "base" }, { "held", parent = "base", held = "leased", labels = { [REF] = "ref" } }, { "ref" },
            { "below" }, { "flat", parent = "below", held = "leased", flat = true, labels = { [REF] = "unref" } },
            { "unref" }, { "work", kind = "active", labels = { [REF] = "workref" } }, { "workref" },
        })
    end)

    it("stands beside other rules: their keeps hold, their expiry does not take what is referenced", function()
        local rules = { MARKS[1], { name = "keep", match = "name==kept", keep = { last = 1 } },
            { name = "old", expire = { ttl = "1m" }, match = "name~=^r" } }
        assert.same({ kept = "kept", root = "referenced", rest = "expired" },
            why({ { "kept" }, { "root", labels = { [ROOT] = "x" } }, { "rest" } }, rules))
    end)

    it("collects no circle of references that no root reaches", function()
        assert.same({ "b", "a" }, (function(list)
            table.sort(list, function(a, b) return a > b end)
            return list
        end)(removed(assert(plan({ { "a", labels = { [REF] = "b" } }, { "b", labels = { [REF] = "a" } } }, MARKS)))))
    end)
end)
