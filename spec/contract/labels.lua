--- Labels: what is stored, what is dropped, what a mask names.
local assert = require "luassert"
local busted = require "busted"
local expect = require "spec.support.expect"

local describe, it = busted.describe, busted.it

local fails = expect.fails

local function labels_of(store, key)
    return assert(store:stat(key)).labels
end

local LABEL_MAX = 262144 -- bytes of name and value, where traits say nothing

local function storing(new_bench, label_max)
    it("stores labels of prepare and view", function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a", nil, { labels = { x = "1" } }))
        assert(bench.store:view("v", nil, { labels = { ["containerd.io/gc.root"] = "now" } }))
        assert.same({ { x = "1" }, { ["containerd.io/gc.root"] = "now" } },
            { labels_of(bench.store, "a"), labels_of(bench.store, "v") })
    end)

    it("never stores a label with an empty value, not even by prepare", function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a", nil, { labels = { x = "", y = "1" } }))
        assert.same({ y = "1" }, labels_of(bench.store, "a"))
    end)

    it("gives a committed only the labels of the commit", function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a", nil, { labels = { old = "1" } }))
        assert(bench.store:commit("c", "a", { labels = { new = "2" } }))
        assert.same({ new = "2" }, labels_of(bench.store, "c"))
    end)

    it("lets children inherit nothing", function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        assert(bench.store:commit("c", "a", { labels = { x = "1" } }))
        assert(bench.store:prepare("b", "c"))
        assert.same({}, labels_of(bench.store, "b"))
    end)

    it("sets created and updated to now at commit", function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        local before = assert(bench.store:stat("a")).created
        assert(bench.store:commit("c", "a"))
        local info = assert(bench.store:stat("c"))
        assert.is_true(info.created > before)
        assert.equal(info.created, info.updated)
    end)

    it("takes a label of exactly as many bytes as are allowed", function()
        local bench <close> = new_bench()
        local value = ("v"):rep(label_max - 1)
        assert(bench.store:prepare("a", nil, { labels = { x = value } }))
        assert.same({ x = value }, labels_of(bench.store, "a"))
    end)
end

local BAD = {
    { "with an empty name", { [""] = "v" } },
    { "with NUL in its value", { x = "a\0b" } },
    { "with NUL in its name", { ["x\0"] = "a" } },
    { "that is no UTF-8", { x = "\xff" } },
}

local function refusing(new_bench, label_max)
    local cases = table.move(BAD, 1, #BAD, 2, { { "of one byte too many", { x = ("v"):rep(label_max) } } })
    for _, case in ipairs(cases) do
        for _, verb in ipairs { "prepare", "view" } do
            it(("refuses %s with a label %s, making nothing"):format(verb, case[1]), function()
                local bench <close> = new_bench()
                fails("invalid_argument", bench.store[verb](bench.store, "a", nil, { labels = case[2] }))
                fails("not_found", bench.store:stat("a"))
            end)
        end

        it(("refuses commit with a label %s, changing nothing"):format(case[1]), function()
            local bench <close> = new_bench()
            assert(bench.store:prepare("a"))
            fails("invalid_argument", bench.store:commit("c", "a", { labels = case[2] }))
            assert.equal("active", assert(bench.store:stat("a")).kind)
        end)

        it(("refuses update with a label %s, changing nothing"):format(case[1]), function()
            local bench <close> = new_bench()
            assert(bench.store:prepare("a", nil, { labels = { y = "1" } }))
            fails("invalid_argument", bench.store:update { name = "a", labels = case[2] })
            assert.same({ y = "1" }, labels_of(bench.store, "a"))
        end)
    end
end

--- Labels before, labels given, mask, labels after.
local MASKS = {
    { "deletes what a mask names and the map lacks", { r = "1", s = "2" }, {}, { "labels.r" }, { s = "2" } },
    { "deletes by an empty value", { r = "1" }, { r = "" }, { "labels.r" }, {} },
    { "takes everything after the first dot as the name", {}, { ["a.b/c d"] = "1" }, { "labels.a.b/c d" },
        { ["a.b/c d"] = "1" } },
    { "takes labels.x,labels.y as one name", {}, { ["x,labels.y"] = "1", x = "2" }, { "labels.x,labels.y" },
        { ["x,labels.y"] = "1" } },
    { "lets labels in the middle replace everything", { old = "1", r = "0" }, { r = "1", s = "2" },
        { "labels.r", "labels", "labels.s" }, { r = "1", s = "2" } },
    { "does nothing for labels. without a name", { r = "1" }, {}, { "labels." }, { r = "1" } },
    { "replaces all without a mask", { r = "1" }, { s = "2" }, nil, { s = "2" } },
    { "replaces all with an empty mask", { r = "1" }, { s = "2" }, {}, { s = "2" } },
}

local function masks(new_bench)
    for _, case in ipairs(MASKS) do
        it("update " .. case[1], function()
            local bench <close> = new_bench()
            assert(bench.store:prepare("a", nil, { labels = case[2] }))
            local info = assert(bench.store:update({ name = "a", labels = case[3] }, case[4]))
            assert.same({ case[5], case[5] }, { info.labels, labels_of(bench.store, "a") })
        end)
    end

    for _, mask in ipairs { "", "Labels", "labels/x", "parent", "kind", "created_at" } do
        it(("update refuses the mask %q and applies nothing"):format(mask), function()
            local bench <close> = new_bench()
            assert(bench.store:prepare("a", nil, { labels = { r = "1" } }))
            fails("invalid_argument",
                bench.store:update({ name = "a", labels = { s = "2" } }, { "labels.s", mask }))
            assert.same({ r = "1" }, labels_of(bench.store, "a"))
        end)
    end

    it("update moves updated even when nothing changed", function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        local before = assert(bench.store:stat("a"))
        local after = assert(bench.store:update { name = "a", labels = {} })
        assert.is_true(after.updated > before.updated)
        assert.equal(before.created, after.created)
    end)
end

--- traits.label_max: what name and value of a label have together at most.
return function(new_bench, traits)
    local label_max = traits and traits.label_max or LABEL_MAX
    describe("labels", function()
        storing(new_bench, label_max)
        refusing(new_bench, label_max)
        masks(new_bench)
    end)
end
