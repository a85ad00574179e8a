--- Walk and its filters: the ten cases of the suite and what is easily got wrong.
local assert = require "luassert"
local busted = require "busted"
local expect = require "spec.support.expect"

local describe, it = busted.describe, busted.it

local fails = expect.fails

--- base, base2 on it (l=1), active a (l=2, m), view v (l=1), active b without parent.
local function five(store)
    assert(store:prepare("k1"))
    assert(store:commit("base", "k1"))
    assert(store:prepare("k2", "base"))
    assert(store:commit("base2", "k2", { labels = { l = "1" } }))
    assert(store:prepare("a", "base2", { labels = { l = "2", m = "x", ["dotted.name/x"] = "y" } }))
    assert(store:view("v", "base2", { labels = { l = "1" } }))
    assert(store:prepare("b"))
end

--- What the filters are, what they must give, and what the case is called.
local CASES = {
    { "none", {}, "a b base base2 v" },
    { "by label", { "labels.l==1" }, "base2 v" },
    { "active and label", { "kind==active,labels.l==2" }, "a" },
    { "view and label", { "kind==view,labels.l==1" }, "v" },
    { "committed and label", { "kind==committed,labels.l==1" }, "base2" },
    { "name and presence of a label", { "name==a,labels.m" }, "a" },
    { "an OR list", { "name==a", "name==b" }, "a b" },
    { "parent==", { "parent==base2" }, "a v" },
    { [[parent!=""]], { [[parent!=""]] }, "a base2 v" },
    { "presence of a label", { "labels.l" }, "a base2 v" },
    { "label equality", { "labels.l==2" }, "a" },
    { "parent always exists", { "parent" }, "a b base base2 v" },
    { [[parent=="" finds bases]], { [[parent==""]] }, "b base" },
    { "!= takes an absent label for the empty one", { "labels.l!=1" }, "a b base" },
    { "~= takes an absent label for the empty one", { "labels.m~=^$" }, "b base base2 v" },
    { "kind is lower case", { "kind==ACTIVE" }, "" },
    { "a bad regular expression matches nothing", { "name~=[" }, "" },
    { "an empty string among several matches everything", { "name==a", "" }, "a b base base2 v" },
    { "a quoted label name", { [[labels."dotted.name/x"==y]] }, "a" },
    { "a blank after a comma", { "kind==active, name==a" }, "a" },
    { "an unknown field is absent", { "created_at==x" }, "" },
    { "name==f1||name==f2 is one bare value", { "name==f1||name==f2" }, "" },
    { "an unknown field differs from everything", { "id!=x" }, "a b base base2 v" },
}

local BAD = {
    "name==", "name~=,x", "name==a ", "name==a\t", "a=b", "labels.foo-bar", "name==a,", "name.", "labels.ns/key==v",
    [[name=="a]], "name==/x/", "name===a",
}

return function(new_bench)
    describe("walk", function()
        for _, case in ipairs(CASES) do
            it(("finds by filter: %s (Walk)"):format(case[1]), function()
                local bench <close> = new_bench()
                five(bench.store)
                assert.equal(case[3], table.concat(expect.names(bench.store:walk(table.unpack(case[2]))), " "))
            end)
        end

        for _, text in ipairs(BAD) do
            it(("refuses the filter %q"):format(text), function()
                local bench <close> = new_bench()
                local ok, err = pcall(bench.store.walk, bench.store, text)
                assert.is_false(ok)
                assert.equal("invalid_argument", err.kind)
            end)
        end

        it("refuses all of a list when one filter is bad", function()
            local bench <close> = new_bench()
            five(bench.store)
            local ok = pcall(function() return expect.names(bench.store:walk("name==a", "name==")) end)
            assert.is_false(ok)
        end)

        it("gives nothing in a store that was never written", function()
            local bench <close> = new_bench()
            assert.same({}, expect.names(bench.store:walk()))
        end)

        it("gives each of 250 snapshots once, across its pages", function()
            local bench <close> = new_bench()
            assert(bench.store:transaction(function(store)
                for i = 1, 250 do
                    assert(store:view("v" .. i))
                end
                return true
            end))
            local seen, twice = {}, false
            for info in bench.store:walk() do
                twice = twice or seen[info.name] == true == true
                seen[info.name] = true
            end
            assert.same({ 250, false }, { #expect.names(bench.store:walk()), twice })
        end)

        it("holds up no writer while nobody reads it", function()
            local bench <close> = new_bench()
            five(bench.store)
            local next_info, walk, start, closing = bench.store:walk()
            local _guard <close> = closing
            assert(next_info(walk, start))
            assert(bench.store:prepare("while walking"))
            assert(bench.store:stat("while walking"))
        end)

        it("finds nothing of another namespace", function()
            local bench <close> = new_bench()
            local other = assert(bench.store:namespace("other"))
            assert(other:prepare("theirs"))
            assert.same({}, expect.names(bench.store:walk()))
            fails("not_found", bench.store:stat("theirs"))
        end)
    end)
end
