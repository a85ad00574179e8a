--- Which call is refused with which kind, to the row; and that a refused call changes nothing.
local assert = require "luassert"
local busted = require "busted"
local expect = require "spec.support.expect"

local describe, it = busted.describe, busted.it

local fails = expect.fails

--- base and top on it (committed), active (on base), lone (active without parent), view (of base).
local function filled(new_bench)
    local bench = new_bench()
    local store = bench.store
    assert(store:prepare("k"))
    assert(store:commit("base", "k"))
    assert(store:prepare("k", "base"))
    assert(store:commit("top", "k"))
    assert(store:prepare("active", "base"))
    assert(store:prepare("lone"))
    assert(store:view("view", "base"))
    return bench
end

local function everything(store)
    local all = {}
    for info in store:walk() do
        all[info.name] = info
    end
    return all
end

local LONG = ("k"):rep(32769)
local NO_KEYS = { { "an empty key", "" }, { "a key of 32,769 bytes", LONG }, { "a key with NUL", "a\0b" },
    { "a key that is no UTF-8", "a\xff" } }

--- Situation, expected kind, the call.
local CREATION = {
    { "the key of an active", "already_exists", "active", "base" },
    { "the key of a view", "already_exists", "view", "base" },
    { "the name of a committed", "already_exists", "top", "base" },
    { "an unknown parent", "not_found", "new", "nobody" },
    { "an active parent", "invalid_argument", "new", "active" },
    { "a view as parent", "invalid_argument", "new", "view" },
    { "a taken key and an unknown parent: the parent is tested first", "not_found", "active", "nobody" },
    { "a taken key and an active parent: the parent is tested first", "invalid_argument", "top", "active" },
    { "itself as parent", "not_found", "new", "new" },
    { "itself as parent, an active", "invalid_argument", "active", "active" },
    { "a parent with NUL", "invalid_argument", "new", "a\0b" },
}

local COMMITS = {
    { "an unknown key", "not_found", "new", "nobody" },
    { "an unknown key to a taken name: the key is tested first", "not_found", "top", "nobody" },
    { "an active to a committed name", "already_exists", "top", "active" },
    { "an active to its own key", "already_exists", "active", "active" },
    { "an active to the key of a view", "already_exists", "view", "active" },
    { "a committed to a free name", "failed_precondition", "new", "top" },
    { "a view to a free name", "failed_precondition", "new", "view" },
    { "a committed to a taken name: the name is tested before the kind", "already_exists", "base", "top" },
    { "a view to a taken name: the name is tested before the kind", "already_exists", "top", "view" },
    { "a committed to its own name", "already_exists", "top", "top" },
    { "an empty name", "invalid_argument", "", "active" },
    { "a name of 32,769 bytes", "invalid_argument", LONG, "active" },
    { "a name with NUL", "invalid_argument", "a\0b", "active" },
    { "another parent than it has", "invalid_argument", "new", "active", "top" },
    { "an unknown parent", "not_found", "new", "lone", "nobody" },
    { "an active as parent", "failed_precondition", "new", "lone", "active" },
    { "a view as parent", "failed_precondition", "new", "lone", "view" },
    { "itself as parent", "failed_precondition", "new", "lone", "lone" },
}

local function creation(new_bench)
    for _, verb in ipairs { "prepare", "view" } do
        for _, case in ipairs(CREATION) do
            it(("%s refuses %s"):format(verb, case[1]), function()
                local bench <close> = filled(new_bench)
                local before = everything(bench.store)
                fails(case[2], bench.store[verb](bench.store, case[3], case[4]))
                assert.same(before, everything(bench.store))
            end)
        end
        for _, case in ipairs(NO_KEYS) do
            it(("%s refuses %s"):format(verb, case[1]), function()
                local bench <close> = filled(new_bench)
                fails("invalid_argument", bench.store[verb](bench.store, case[2]))
            end)
        end
        it(("%s takes a key of 32,768 bytes"):format(verb), function()
            local bench <close> = new_bench()
            local key = ("k"):rep(32768)
            assert(bench.store[verb](bench.store, key))
            assert.equal(key, assert(bench.store:stat(key)).name)
        end)
        it(("%s takes a key with slashes, blanks, colons and newlines"):format(verb), function()
            local bench <close> = new_bench()
            local key = "k8s.io/17/../extract 5-YkqH sha256:d0a2,\\\n'%"
            assert(bench.store[verb](bench.store, key))
            assert.equal(key, assert(bench.store:stat(key)).name)
        end)
    end
end

local function commits(new_bench, front)
    for _, case in ipairs(COMMITS) do
        it("commit refuses " .. case[1], function()
            local bench <close> = filled(new_bench)
            local before = everything(bench.store)
            local kind = front and case[2] == "not_found" and case[3] == "top" and "already_exists" or case[2]
            fails(kind, bench.store:commit(case[3], case[4], { parent = case[5] }))
            assert.same(before, everything(bench.store))
        end)
    end

    it("commit a second time is not_found, or already_exists at the front", function()
        local bench <close> = filled(new_bench)
        assert(bench.store:commit("new", "active"))
        fails(front and "already_exists" or "not_found", bench.store:commit("new", "active"))
    end)
end

--- Situation, kind, and the call as a function of the store.
local OTHERS = {
    { "remove of an unknown key", "not_found", function(s) return s:remove("nobody") end },
    { "remove of a parent of committed, active and view", "failed_precondition", function(s)
        return s:remove("base")
    end },
    { "mounts of an unknown key", "not_found", function(s) return s:mounts("nobody") end },
    { "mounts of a committed", "failed_precondition", function(s) return s:mounts("top") end },
    { "stat of an unknown key", "not_found", function(s) return s:stat("nobody") end },
    { "usage of an unknown key", "not_found", function(s) return s:usage("nobody") end },
    { "touch of an unknown key", "not_found", function(s) return s:touch("nobody") end },
    { "layers of an unknown key", "not_found", function(s) return s:layers("nobody") end },
    { "diff of an unknown key", "not_found", function(s) return s:diff("nobody") end },
    { "update of an unknown name", "not_found", function(s) return s:update { name = "nobody", labels = {} } end },
    { "update of an unknown name with a bad mask", "not_found", function(s)
        return s:update({ name = "nobody", labels = {} }, { "parent" })
    end },
    { "seal of a committed", "failed_precondition", function(s) return s:seal("top") end },
    { "seal of an unknown key", "not_found", function(s) return s:seal("nobody") end },
}

--- Verbs that look a key up, and what they say of one that can be none.
local LOOKING = { "stat", "usage", "mounts", "remove", "touch", "layers" }

local function others(new_bench, shared)
    for _, case in ipairs(OTHERS) do
        it("answers " .. case[2] .. " to " .. case[1], function()
            local bench <close> = filled(new_bench)
            local before = everything(bench.store)
            fails(case[2], case[3](bench.store))
            assert.same(before, everything(bench.store))
        end)
    end

    for _, verb in ipairs(LOOKING) do
        it(("%s of an empty key fails"):format(verb), function()
            local bench <close> = filled(new_bench)
            local value, err = bench.store[verb](bench.store, "")
            assert.is_nil(value)
            assert.is_truthy(err.kind == "not_found" or err.kind == "invalid_argument")
        end)
        it(("%s of a key with NUL is invalid_argument"):format(verb), function()
            local bench <close> = filled(new_bench)
            fails("invalid_argument", bench.store[verb](bench.store, "top\0"))
        end)
    end

    if not shared then
        it("cleanup of a store that was never written has nothing to do", function()
            local bench <close> = new_bench()
            assert.equal(0, assert(bench.store:cleanup()).entries)
        end)
    end
end

return function(new_bench, traits)
    describe("refusals:", function()
        creation(new_bench)
        commits(new_bench, traits.front)
        others(new_bench, traits.shared)
    end)
end
