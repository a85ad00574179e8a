--- The cases of containerd's metadata suite, under their names.
local assert = require "luassert"
local busted = require "busted"
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"

local describe, it = busted.describe, busted.it

local fails, fails_saying = expect.fails, expect.fails_saying

--- What that suite works on: committed-1, committed-2 on it, actives and views on both kinds.
local function populated(new_bench)
    local bench = new_bench()
    local store = bench.store
    local function commit(name, parent)
        assert(store:prepare("key of " .. name, parent))
        assert(store:commit(name, "key of " .. name))
    end
    commit("committed-1")
    commit("committed-2", "committed-1")
    assert(store:prepare("active-1"))
    assert(store:prepare("active-2", "committed-1"))
    assert(store:prepare("active-3", "committed-2"))
    assert(store:view("view-1"))
    assert(store:view("view-2", "committed-1"))
    return bench, store
end

local function information(new_bench)
    local KINDS = {
        { "committed-1", "", "committed" }, { "committed-2", "committed-1", "committed" },
        { "active-1", "", "active" }, { "active-2", "committed-1", "active" },
        { "active-3", "committed-2", "active" }, { "view-1", "", "view" }, { "view-2", "committed-1", "view" },
    }

    it("GetInfo: tells name, parent and kind of each", function()
        local bench <close>, store = populated(new_bench)
        for _, want in ipairs(KINDS) do
            local info = assert(store:stat(want[1]))
            assert.same(want, { info.name, info.parent, info.kind })
        end
        assert.is_table(bench)
    end)

    it("GetInfoNotExist: is not_found", function()
        local _bench <close>, store = populated(new_bench)
        fails("not_found", store:stat("active-not-exist"))
    end)

    it("GetInfoEmptyDB: is not_found in a new store", function()
        local bench <close> = new_bench()
        fails("not_found", bench.store:stat("active-1"))
    end)

    it("Walk: gives all kinds, as stat tells them", function()
        local _bench <close>, store = populated(new_bench)
        local walked, told = {}, {}
        for info in store:walk() do
            walked[info.name] = info
        end
        for _, want in ipairs(KINDS) do
            told[want[1]] = assert(store:stat(want[1]))
        end
        assert.same(told, walked)
    end)

    it("GetSnapshot: gives mounts of every active and view", function()
        local _bench <close>, store = populated(new_bench)
        for _, key in ipairs { "active-1", "active-2", "active-3", "view-1", "view-2" } do
            assert.equal(1, #assert(store:mounts(key)))
        end
    end)

    it("GetSnapshotNotExist: is not_found", function()
        local _bench <close>, store = populated(new_bench)
        fails("not_found", store:mounts("active-not-exist"))
    end)

    it("GetSnapshotCommitted: is failed_precondition", function()
        local _bench <close>, store = populated(new_bench)
        fails("failed_precondition", store:mounts("committed-1"))
    end)

    it("GetSnapshotEmptyDB: is not_found in a new store", function()
        local bench <close> = new_bench()
        fails("not_found", bench.store:mounts("active-1"))
    end)
end

local function creation(new_bench)
    it("CreateActive: gives each a number of its own", function()
        local _bench <close>, store = populated(new_bench)
        local seen, count = {}, 0
        for info in store:walk() do
            seen[info.number], count = true, count + 1
        end
        local different = 0
        for _ in pairs(seen) do
            different = different + 1
        end
        assert.same({ 7, 7 }, { count, different })
    end)

    it("CreateActive: keeps the number over commit", function()
        local _bench <close>, store = populated(new_bench)
        local before = assert(store:stat("active-2")).number
        assert(store:commit("committed-3", "active-2"))
        assert.equal(before, assert(store:stat("committed-3")).number)
    end)

    it("CreateActiveNotExist: is not_found without that parent", function()
        local _bench <close>, store = populated(new_bench)
        fails("not_found", store:prepare("new", "does-not-exist"))
    end)

    for _, key in ipairs { "active-1", "committed-1", "view-1" } do
        it(("CreateActiveExist: is already_exists against %s"):format(key), function()
            local _bench <close>, store = populated(new_bench)
            fails("already_exists", store:prepare(key, "committed-1"))
        end)
    end

    it("CreateActiveFromActive: is invalid_argument", function()
        local _bench <close>, store = populated(new_bench)
        fails("invalid_argument", store:prepare("new", "active-1"))
    end)
end

local function commits(new_bench)
    it("Commit: is found under its name, with its usage", function()
        local _bench <close>, store = populated(new_bench)
        assert(store:commit("committed-3", "active-1"))
        assert.equal(1, assert(store:usage("committed-3")).inodes)
        fails("not_found", store:stat("active-1"))
    end)

    it("CommitNotExist: is not_found", function()
        local _bench <close>, store = populated(new_bench)
        fails("not_found", store:commit("committed-3", "active-not-exist"))
    end)

    it("CommitExist: is already_exists", function()
        local _bench <close>, store = populated(new_bench)
        fails("already_exists", store:commit("committed-1", "active-1"))
    end)

    it("CommitCommitted: is failed_precondition", function()
        local _bench <close>, store = populated(new_bench)
        fails("failed_precondition", store:commit("committed-3", "committed-1"))
    end)

    it("CommitViewFails: is failed_precondition", function()
        local _bench <close>, store = populated(new_bench)
        fails("failed_precondition", store:commit("committed-3", "view-1"))
    end)
end

local function removals(new_bench)
    it("Remove: takes every kind, and it is not_found afterwards", function()
        local _bench <close>, store = populated(new_bench)
        for _, key in ipairs { "active-1", "view-1", "active-3", "committed-2" } do
            assert(store:remove(key))
            fails("not_found", store:stat(key))
        end
    end)

    it("RemoveNotExist: is not_found", function()
        local _bench <close>, store = populated(new_bench)
        fails("not_found", store:remove("does-not-exist"))
    end)

    for _, kind in ipairs { "prepare", "view" } do
        it(("RemoveWithChildren: refuses below a child made by %s"):format(kind), function()
            local bench <close> = new_bench()
            bench:layer("base")
            assert(bench.store[kind](bench.store, "child", "base"))
            fails_saying("failed_precondition", "remove", bench.store:remove("base"))
        end)
    end
end

local function rebases(new_bench)
    it("Rebase: gives an active without parent the parent it names", function()
        local _bench <close>, store = populated(new_bench)
        assert(store:commit("new", "active-1", { parent = "committed-2" }))
        assert.equal("committed-2", assert(store:stat("new")).parent)
    end)

    it("Rebase: counts as a child of the new parent", function()
        local bench <close> = new_bench()
        bench:layer("base")
        assert(bench.store:prepare("a"))
        assert(bench.store:commit("new", "a", { parent = "base" }))
        fails_saying("failed_precondition", "remove", bench.store:remove("base"))
    end)

    for _, parent in ipairs { "committed-1", "" } do
        it(("Rebase: keeps the parent of an active that has one, given %q"):format(parent), function()
            local _bench <close>, store = populated(new_bench)
            assert(store:commit("new", "active-2", { parent = parent }))
            assert.equal("committed-1", assert(store:stat("new")).parent)
        end)
    end

    it("Rebase: refuses another parent than it has", function()
        local _bench <close>, store = populated(new_bench)
        fails("invalid_argument", store:commit("new", "active-2", { parent = "committed-2" }))
    end)

    it("Rebase: is not_found for an unknown parent", function()
        local _bench <close>, store = populated(new_bench)
        fails("not_found", store:commit("new", "active-1", { parent = "unknown" }))
    end)

    it("Rebase: is failed_precondition for an active parent", function()
        local _bench <close>, store = populated(new_bench)
        fails("failed_precondition", store:commit("new", "active-1", { parent = "active-2" }))
    end)
end

--- On overlay the layers of all ancestors make up a snapshot; native keeps each whole.
local function parent_ids(new_bench)
    it("ParentIDs: tells the layers, nearest first", function()
        local _bench <close>, store = populated(new_bench)
        local function number(key)
            return tostring(assert(store:stat(key)).number)
        end
        local names = {}
        for i, path in ipairs(assert(store:layers("active-3"))) do
            names[i] = path:match("[^/]+$")
        end
        local chain = { number("active-3"), number("committed-2"), number("committed-1") }
        local copies = store.driver == "native" -- each layer is a whole tree
        assert.same(copies and { chain[1] } or chain, names)
    end)
end

--- On overlay a rebased layer lies on the new parent's; native keeps the tree it has.
local function rebased_files(new_bench)
    it("Rebase: shows the new parent's files below its own #mounts", needs.mounts(function()
        local bench <close> = new_bench()
        bench:layer("base", nil, function(at) tree.write(at .. "/f", "base") end)
        assert(bench.store:prepare("a"))
        bench:mounted("a", function(at) tree.write(at .. "/g", "own") end)
        assert(bench.store:commit("new", "a", { parent = "base" }))
        local seen = bench:see("new")
        assert.same({ '"base"', '"own"' }, { seen.f:match('".*"'), seen.g:match('".*"') })
    end))
end

return function(new_bench, traits)
    describe("metadata", function()
        information(new_bench)
        creation(new_bench)
        commits(new_bench)
        removals(new_bench)
        rebases(new_bench)
        if traits.driver == "overlay" then
            parent_ids(new_bench)
            rebased_files(new_bench)
        end
    end)
end
