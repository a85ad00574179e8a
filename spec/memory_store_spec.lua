--- The store in memory under the contract of all stores, as far as it speaks of rows.
local expect = require "spec.support.expect"
local memory = require "moonsnap.testing.memory"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local snapshotter = require "moonsnap.snapshotter"
local tree = require "spec.support.tree"

local fails, fails_saying = expect.fails, expect.fails_saying

local Bench = {}
Bench.__index = Bench

function Bench:layer(name, parent)
    local key = "making " .. name
    assert(self.store:prepare(key, parent))
    assert(self.store:commit(name, key))
    return name
end

function Bench:__close()
    self.store:close()
end

local function new_bench(options)
    options = options or {}
    options.core = moonsnap
    local engine = memory.new(options)
    return setmetatable({ engine = engine, store = snapshotter.new(moonsnap, engine, "default") }, Bench)
end

describe("snapshotter contract, a store in memory:", function()
    for _, part in ipairs { "rows", "metastore", "refusals", "labels", "walk" } do
        require("spec.contract." .. part)(new_bench, { driver = "memory" })
    end
end)

describe("a store in memory", function()
    it("rolls back everything, savepoint by savepoint", function()
        local bench <close> = new_bench()
        local store = bench.store
        bench:layer("base")
        local function all()
            local rows, events = {}, {}
            for info in store:walk() do
                rows[#rows + 1] = info
            end
            for event in store:events() do
                events[#events + 1] = event
            end
            return { rows, events, store:leases():list(), bench.engine:pins("default") }
        end
        assert(store:leases():create("l"))
        local before = all()
        local raised = { pcall(store.transaction, store, function()
            assert(store:prepare("a", "base", { lease = "l", labels = { x = "1" } }))
            local middle = all()
            store:transaction(function()
                assert(store:commit("b", "a", { lease = "l" }))
                assert(bench.engine:pin("default", "b", "why"))
                assert(bench.engine:unpin("default", "b"))
                assert.same({ "b" }, store:leases():delete("l"))
                return nil, moonsnap.error("aborted", "on purpose")
            end)
            assert.same(middle, all())
            assert(store:update { name = "base", labels = { y = "1" } })
            error("on purpose", 0)
        end) }
        assert.same({ false, "on purpose" }, raised)
        assert.same(before, all())
        assert.same(2, assert(store:prepare("next")) and store:stat("next").number)
    end)

    it("keeps what a transaction has committed", function()
        local bench <close> = new_bench()
        assert(bench.store:transaction(function(store)
            assert(store:prepare("a"))
            return store:commit("b", "a")
        end))
        assert.same({ "b" }, expect.names(bench.store:walk()))
    end)

    it("tells events as the engine does", function()
        local bench <close> = new_bench()
        local store = bench.store
        bench:layer("base")
        assert(store:view("v", "base"))
        assert(store:remove("v"))
        local told = {}
        for event in store:events { since = 1 } do
            told[#told + 1] = table.concat({ event.sequence, event.topic, event.key, event.name, event.parent }, " ")
        end
        assert.same({ "2 /snapshot/commit making base base ",
            "3 /moonsnap/view v  base", "4 /snapshot/remove v  " }, told)
    end)

    it("holds what is mounted, and lets it go", function()
        local bench <close> = new_bench()
        local store = bench.store
        assert(store:prepare("a"))
        assert(store:mount("a", "/mnt"))
        fails_saying("failed_precondition", "mounted (on /mnt", store:remove("a"))
        fails_saying("failed_precondition", "mounted (on /mnt", store:commit("b", "a"))
        fails("failed_precondition", store:mount("a", "/other"))
        assert.same("a", assert(store:mounted())[1].key)
        assert(store:unmount("/mnt"))
        assert(store:remove("a"))
    end)

    it("holds what is pinned, until the time that was said", function()
        local now = 1000
        local bench <close> = new_bench { clock = function() return now end }
        assert(bench.store:prepare("a"))
        assert(bench.engine:pin("default", "a", "release", 2000000000000))
        fails_saying("failed_precondition", "pinned until 1970-01-01T00:33:20Z: release", bench.store:remove("a"))
        now = 2000000000001
        assert(bench.store:remove("a"))
    end)

    it("removes with a lease what was made under it and is held by nothing else", function()
        local bench <close> = new_bench()
        local store = bench.store
        local leases = store:leases()
        assert(leases:create("one"))
        assert(leases:create("two"))
        assert(store:prepare("a", nil, { lease = "one" }))
        assert(store:commit("base", "a", { lease = "one" }))
        assert(store:prepare("b", "base", { lease = "one" }))
        assert(store:prepare("c", nil, { lease = "one" }))
        assert(leases:add("two", { type = "snapshots/overlayfs", id = "c" }))
        assert.same({ "b", "base" }, leases:delete("one"))
        assert.same({ "c" }, expect.names(store:walk()))
    end)

    it("removes what belongs to a process that is gone", function()
        local alive = { [10] = true, [11] = true }
        local bench <close> = new_bench { alive = function(pid) return alive[pid] end }
        assert(bench.store:prepare("a", nil, { owner = 10 }))
        assert(bench.store:prepare("b", nil, { owner = 11 }))
        alive[10] = nil
        assert.equal(1, assert(bench.store:cleanup()).abandoned)
        assert.same({ "b" }, expect.names(bench.store:walk()))
    end)

    it("says what a test said of usage", function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        assert(bench.engine:set_usage("default", "a", 5000000, 7))
        assert.same({ size = 5000000, inodes = 7 }, assert(bench.store:usage("a")))
        assert(bench.store:commit("b", "a"))
        assert.same({ size = 5000000, inodes = 7 }, assert(bench.store:usage("b")))
    end)

    it("imports a row and reads no source; has no files to show", function()
        local bench <close> = new_bench()
        assert(bench.store:import("base", "/nonexistent", { labels = { x = "1" } }))
        assert.same({ x = "1" }, assert(bench.store:stat("base")).labels)
        fails_saying("unimplemented", "no files", bench.store:diff("base"))
    end)

    it("has namespaces with labels", function()
        local bench <close> = new_bench()
        local spaces = bench.store:namespace_records()
        assert.same({ name = "blue", labels = { x = "1" } }, (function(record)
            record.created = nil
            return record
        end)(assert(spaces:create("blue", { labels = { x = "1" } }))))
        fails("already_exists", spaces:create("blue"))
        assert(bench.store:prepare("a"))
        assert.same({ "blue", "default" }, { spaces:list()[1].name, spaces:list()[2].name })
        assert.same({ y = "2" }, assert(spaces:update({ name = "blue", labels = { y = "2" } })).labels)
        fails_saying("failed_precondition", "still has snapshots", spaces:delete("default"))
        assert(spaces:delete("blue"))
        fails("not_found", spaces:get("blue"))
    end)

    it("has every verb that Lua asks of an engine", function()
        local bench <close> = new_bench()
        local missing, paths = {}, {}
        for path in process.must("find", "lua/moonsnap", "-maxdepth", "1", "-name", "*.lua"):gmatch("[^\n]+") do
            paths[#paths + 1] = path
        end
        for _, dir in ipairs { "hooks", "events", "gc", "policy", "program" } do
            for path in process.must("find", "lua/moonsnap/" .. dir, "-name", "*.lua"):gmatch("[^\n]+") do
                paths[#paths + 1] = path
            end
        end
        for _, path in ipairs(paths) do
            for verb in tree.read(path):gmatch("engine:([%l_]+)%(") do
                missing[#missing + 1] = not bench.engine[verb] and verb or nil
            end
        end
        assert.same({}, missing)
    end)

    it("refuses all when it is closed", function()
        local bench <close> = new_bench()
        bench.store:close()
        assert.has_error(function() bench.store:prepare("a") end)
    end)
end)
