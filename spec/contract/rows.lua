--- The rows of the suite that need no mount: what is listed, what may be removed, which words come back.
local assert = require "luassert"
local busted = require "busted"
local expect = require "spec.support.expect"

local describe, it = busted.describe, busted.it

local fails, fails_saying = expect.fails, expect.fails_saying

--- c1, c2 on c1, active a1 on c2, a2, view v1 on c2, v2: what the suite's Update works on.
local function six(store)
    local function commit(name, parent)
        assert(store:prepare(name .. " key", parent))
        assert(store:commit(name, name .. " key"))
    end
    commit("c1")
    commit("c2", "c1")
    assert(store:prepare("a1", "c2"))
    assert(store:prepare("a2"))
    assert(store:view("v1", "c2"))
    assert(store:view("v2"))
    return {
        c1 = { parent = "", kind = "committed" }, c2 = { parent = "c1", kind = "committed" },
        a1 = { parent = "c2", kind = "active" }, a2 = { parent = "", kind = "active" },
        v1 = { parent = "c2", kind = "view" }, v2 = { parent = "", kind = "view" },
    }
end

local now = require("moonsnap").sys.now -- os.time is some milliseconds behind it

local function information(new_bench)
    it("tells parent and kind of an active (StatActive)", function()
        local bench <close> = new_bench()
        bench:layer("base")
        assert(bench.store:prepare("a", "base"))
        local info = assert(bench.store:stat("a"))
        assert.same({ "a", "base", "active" }, { info.name, info.parent, info.kind })
    end)

    it("tells parent and kind of a committed (StatComitted)", function()
        local bench <close> = new_bench()
        bench:layer("base")
        bench:layer("top", "base")
        local info = assert(bench.store:stat("top"))
        assert.same({ "top", "base", "committed" }, { info.name, info.parent, info.kind })
    end)

    it("tells the parent of the parent (TransitivityTest)", function()
        local bench <close> = new_bench()
        bench:layer("a")
        bench:layer("b", "a")
        bench:layer("c", "b")
        local parent = assert(bench.store:stat("c")).parent
        assert.same({ "b", "a" }, { parent, assert(bench.store:stat(parent)).parent })
    end)

    it("answers stat inside a walk with the walk's own info (StatInWalk)", function()
        local bench <close> = new_bench()
        six(bench.store)
        local seen = 0
        for info in bench.store:walk() do
            assert.same(info, assert(bench.store:stat(info.name)))
            seen = seen + 1
        end
        assert.equal(6, seen)
    end)

    it("walks on when what it showed is removed (RemoveInWalk)", function()
        local bench <close> = new_bench()
        for i = 1, 5 do
            assert(bench.store:prepare("a" .. i))
        end
        local seen = 0
        for info in bench.store:walk() do
            assert(bench.store:remove(info.name))
            seen = seen + 1
        end
        assert.same({ 5, {} }, { seen, expect.names(bench.store:walk()) })
    end)

    it("closes twice (CloseTwice)", function()
        local bench <close> = new_bench()
        bench.store:close()
        assert.has_no_error(function() bench.store:close() end)
    end)
end

local function creation(new_bench)
    for _, pair in ipairs { { "prepare", "view" }, { "prepare", "prepare" }, { "view", "view" } } do
        it(("refuses the same key by %s, then %s (PreareViewFailingtest)"):format(pair[1], pair[2]), function()
            local bench <close> = new_bench()
            local store = bench.store
            bench:layer("base")
            assert(store[pair[1]](store, "key", "base"))
            fails("already_exists", store[pair[2]](store, "key", "base"))
        end)
    end

    it("lets a key be used again after each removal (Remove)", function()
        local bench <close> = new_bench()
        local store = bench.store
        bench:layer("base")
        for _, verb in ipairs { "prepare", "view", "prepare" } do
            assert(store[verb](store, "key", "base"))
            assert(store:remove("key"))
        end
        fails("not_found", store:stat("key"))
    end)

    it("lets a name be used by a new commit after removal (Remove, RemoveAfterCommit)", function()
        local bench <close> = new_bench()
        for _ = 1, 2 do
            bench:layer("name")
            assert(bench.store:remove("name"))
        end
        fails("not_found", bench.store:stat("name"))
    end)

    it("removes a middle layer only after what stands on it (RemoveIntermediateSnapshot)", function()
        local bench <close> = new_bench()
        local store = bench.store
        bench:layer("base")
        bench:layer("middle", "base")
        assert(store:prepare("top", "middle"))
        fails_saying("failed_precondition", "remove", store:remove("middle"))
        for _, key in ipairs { "top", "middle", "base" } do
            assert(store:remove(key))
        end
        assert.same({}, expect.names(store:walk()))
    end)
end

local function update(new_bench)
    it("creates within the test's time, updated equal to created (Update)", function()
        local before = now()
        local bench <close> = new_bench()
        local all = six(bench.store)
        for name in pairs(all) do
            local info = assert(bench.store:stat(name))
            assert.equal(info.created, info.updated)
            assert.is_true(info.created >= before and info.created <= now(), name)
        end
    end)

    it("without a mask replaces labels and nothing else (Update)", function()
        local bench <close> = new_bench()
        local store = bench.store
        for name, want in pairs(six(store)) do
            local old = assert(store:stat(name))
            local info = assert(store:update {
                name = name, parent = "bogus", kind = "view", created = 1, labels = { l1 = "v1", l2 = "v2" },
            })
            assert.same({ want.parent, want.kind, old.created }, { info.parent, info.kind, info.created })
            assert.same({ l1 = "v1", l2 = "v2" }, info.labels)
            assert.is_true(info.updated > old.updated)
        end
    end)

    it("with labels.l1 and labels.l2 sets one and deletes the other (Update)", function()
        local bench <close> = new_bench()
        local store = bench.store
        assert(store:prepare("a", nil, { labels = { l1 = "v1", l2 = "v2", l3 = "v3" } }))
        local info = assert(store:update(
            { name = "a", labels = { l1 = "new", l4 = "ignored" } }, { "labels.l1", "labels.l2" }))
        assert.same({ l1 = "new", l3 = "v3" }, info.labels)
    end)

    it("with labels replaces the map (Update)", function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a", nil, { labels = { l1 = "v1" } }))
        local info = assert(bench.store:update({ name = "a", labels = { l5 = "v5" } }, { "labels" }))
        assert.same({ l5 = "v5" }, info.labels)
    end)

    it("with parent refuses (Update)", function()
        local bench <close> = new_bench()
        bench:layer("base")
        assert(bench.store:prepare("a", "base"))
        fails("invalid_argument", bench.store:update({ name = "a", parent = "x", labels = {} }, { "parent" }))
        assert.equal("base", assert(bench.store:stat("a")).parent)
    end)
end

return function(new_bench)
    describe("information", function() information(new_bench) end)
    describe("creation and removal", function() creation(new_bench) end)
    describe("update", function() update(new_bench) end)
end
