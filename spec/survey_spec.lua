--- The survey: what a planner reads of all snapshots of a namespace.
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local posix_wait = require "posix.sys.wait"
local unistd = require "posix.unistd"
local signal = require "posix.signal"
local world = require "spec.support.world"

--- All facts by name.
local function surveyed(store, at_once)
    local survey = assert(store.engine:survey(store.name_space))
    local facts, count = {}, 0
    local page = survey:take(at_once or 1000)
    while page do
        for _, fact in ipairs(page) do
            facts[fact.name], count = fact, count + 1
        end
        page = survey:take(at_once or 1000)
    end
    assert.equal(survey:count(), count)
    survey:close()
    return facts
end

local function committed(store, name, parent, options)
    assert(store:prepare("make " .. name, parent))
    assert(store:commit(name, "make " .. name, options))
end

describe("engine:survey(namespace)", function()
    it("has every field of every info, the usage and the depth", function()
        local home <close> = world.new()
        local store = home.store
        committed(store, "base", nil, { labels = { a = "1", ["b/ü"] = ("x"):rep(500) } })
        committed(store, ("long name "):rep(20), "base")
        assert(store:prepare("work", ("long name "):rep(20), { labels = { c = "3" } }))
        assert(store:view("seen", "base"))
        assert(store:touch("base"))
        local facts, walked = surveyed(store), 0
        for info in store:walk() do
            walked = walked + 1
            local fact = facts[info.name]
            for field, value in pairs(info) do
                assert.same(value, fact[field], ("%s of %s"):format(field, info.name))
            end
            if info.kind == "committed" then
                local usage = assert(store:usage(info.name))
                assert.same(usage, { size = fact.size, inodes = fact.inodes })
            end
        end
        assert.equal(4, walked)
        assert.same({ 1, 2, 3, 2 },
            { facts.base.depth, facts[("long name "):rep(20)].depth, facts.work.depth, facts.seen.depth })
    end)

    it("is of one namespace, and empty of an empty one", function()
        local home <close> = world.new()
        local other = assert(home.store:namespace("other"))
        assert(home.store:prepare("a"))
        assert(other:prepare("b"))
        assert.is_nil(surveyed(home.store).b)
        assert.is_truthy(surveyed(other).b)
        assert.same({}, surveyed(assert(home.store:namespace("empty"))))
    end)

    it("is of one moment, however slowly it is taken", function()
        local home <close> = world.new()
        local store = home.store
        for i = 1, 5 do
            assert(store:prepare("a" .. i))
        end
        local survey = assert(store.engine:survey("default"))
        assert.equal("a1", survey:take(1)[1].name)
        assert(store:remove("a3"))
        assert(store:prepare("a6"))
        local rest = survey:take(100)
        assert.same({ 4, "a3", "a5" }, { #rest, rest[2].name, rest[4].name })
        assert.is_nil(survey:take(1))
        assert.is_nil(survey:take(1))
    end)

    it("names a parent that is younger than its child, and one of a later page", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:prepare("first"))
        committed(store, "late base")
        assert(store:commit("rebased", "first", { parent = "late base" }))
        assert.same({ "late base", 2 }, { surveyed(store, 1).rebased.parent, surveyed(store, 1).rebased.depth })
    end)

    it("says what is pinned, for as long as the pin holds", function()
        local home <close> = world.new()
        local store = home.store
        for _, key in ipairs { "a", "b", "c", "d" } do
            assert(store:prepare(key))
        end
        assert(store:pins():add("b", { reason = "mine" }))
        assert(store:pins():add("c", { until_ = moonsnap.sys.now() - 1 }))
        assert(store:pins():add("d", { until_ = 4102444800000000000 }))
        local facts = surveyed(store)
        assert.same({ reason = "mine" }, facts.b.pinned)
        assert.same({ reason = "", until_ = 4102444800000000000 }, facts.d.pinned)
        assert.same({}, { facts.a.pinned, facts.c.pinned })
    end)

    it("says which lease holds it, of those that live", function()
        local home <close> = world.new()
        local store, leases = home.store, home.store:leases()
        assert(leases:create("l"))
        assert(leases:create("flat", { labels = { ["containerd.io/gc.flat"] = "yes" } }))
        assert(leases:create("over", { labels = { ["containerd.io/gc.expire"] = "2020-01-01T00:00:00Z" } }))
        assert(store:prepare("a", nil, { lease = "l" }))
        assert(store:prepare("b", nil, { lease = "flat" }))
        assert(store:prepare("c", nil, { lease = "over" }))
        assert(store:prepare("d", nil, { lease = "flat" }))
        assert(leases:add("l", { type = "snapshots/overlayfs", id = "d" }))
        assert(leases:add("l", { type = "content", id = "c" }))
        local facts = surveyed(store)
        assert.same({ "l", nil }, { facts.a.leased, facts.a.leased_flat })
        assert.same({ "flat", true }, { facts.b.leased, facts.b.leased_flat })
        assert.is_nil(facts.c.leased)
        assert.is_string(facts.d.leased)
        assert.is_nil(facts.d.leased_flat)
    end)

    it("says whether the owner is there", function()
        local home <close> = world.new()
        local store = home.store
        local pid = assert(unistd.fork())
        if pid == 0 then
            unistd.execp("sleep", { "1000" })
            unistd._exit(1)
        end
        assert(store:prepare("a", nil, { owner = pid }))
        assert(store:prepare("b"))
        assert.same({ "alive", nil }, { surveyed(store).a.owner, surveyed(store).b.owner })
        signal.kill(pid, signal.SIGKILL)
        posix_wait.wait(pid)
        assert.equal("dead", surveyed(store).a.owner)
    end)

    it("says where this store has it mounted #mounts", needs.mounts(function()
        local home <close> = world.new()
        local store = home.store
        committed(store, "base")
        assert(store:prepare("a", "base"))
        local target = home:mounted("a", function(at)
            assert.same({ at, nil }, { surveyed(store).a.mounted, surveyed(store).base.mounted })
            return at
        end)
        assert.is_string(target)
        assert.is_nil(surveyed(store).a.mounted)
    end))

    it("sees what its transaction has done", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:prepare("a"))
        store:transaction(function()
            assert(store:remove("a"))
            assert(store:prepare("b"))
            assert.same({ nil, "b" }, { surveyed(store).a, surveyed(store).b.name })
            return true
        end)
        assert(store:stat("b"))
    end)

    it("counts no use", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local before = assert(home.store:stat("a"))
        surveyed(home.store)
        assert.same(before, home.store:stat("a"))
    end)
end)
