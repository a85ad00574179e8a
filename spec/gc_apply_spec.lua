--- Plans that are stored and done: exactly what was shown, but for what came into use since.
local expect = require "spec.support.expect"
local world = require "spec.support.world"

local moonsnap = require "moonsnap"

local fails, fails_saying = expect.fails, expect.fails_saying

local function committed(store, name, parent, labels)
    assert(store:prepare("make " .. name, parent))
    assert(store:commit(name, "make " .. name, { labels = labels }))
end

--- Takes all committed ones of class old.
local OLD = { { name = "old", match = "labels.class==old", expire = { ttl = 0 } } }

--- base, and on it o1 <- o2 of class old, and a young one.
local function family(store)
    committed(store, "base")
    committed(store, "o1", "base", { class = "old" })
    committed(store, "o2", "o1", { class = "old" })
    committed(store, "young", "base")
    committed(store, "younger", "base")
end

local function names(store)
    return expect.names(store:walk())
end

local function outcomes(gc, id)
    local found = {}
    for _, item in ipairs(assert(gc:items(id))) do
        found[item.key] = item.outcome or ""
    end
    return found
end

describe("store:gc()", function()
    it("plans, stores, shows and does exactly that", function()
        local home <close> = world.new()
        family(home.store)
        local gc = home.store:gc(OLD)
        local plan = assert(gc:plan())
        assert.same({ count = 5, size = plan.before.size }, plan.before)
        assert.equal(3, plan.after.count)
        assert.same({ "base", "o1", "o2", "young", "younger" }, names(home.store))
        local shown = assert(gc:load(plan.id))
        assert.same({ plan.id, "default", 2, 0 }, { shown.id, shown.namespace, shown.items, shown.done })
        assert.same({ o2 = "", o1 = "" }, outcomes(gc, plan.id))
        local done = assert(gc:apply(plan.id))
        assert.same({ 2, 0, 0 }, { done.removed, done.failed, done.left })
        assert.same({ "base", "young", "younger" }, names(home.store))
        assert.same({ o2 = "removed", o1 = "removed" }, outcomes(gc, plan.id))
        assert.same({}, home.store:check())
    end)

    it("has nothing to do the second time", function()
        local home <close> = world.new()
        family(home.store)
        local gc = home.store:gc(OLD)
        local plan = assert(gc:plan())
        assert(gc:apply(plan.id))
        assert.equal(0, assert(gc:apply(plan.id)).removed)
        local again = assert(gc:plan())
        assert.same(again.before, again.after)
        assert.is_nil(again.id)
        assert.equal(plan.id, assert(gc:plans())[1].id)
    end)

    it("stores nothing when it is dry, and explains one without storing", function()
        local home <close> = world.new()
        family(home.store)
        local gc = home.store:gc(OLD)
        assert.is_nil(assert(gc:plan { dry = true }).id)
        assert.same({}, gc:plans())
        local item = assert(gc:explain("o1"))
        assert.same({ "remove", "expired", "old", { "o2" } }, { item.verdict, item.reason, item.rule, item.children })
        item = assert(gc:explain("base"))
        assert.same({ "keep", "needed" }, { item.verdict, item.reason })
        fails_saying("not_found", "gc explain 'x'", gc:explain("x"))
    end)

    it("needs rules, right ones", function()
        local home <close> = world.new()
        fails_saying("failed_precondition", "no retention rules", home.store:gc():plan())
        fails_saying("invalid_argument", "rule 'x': keep: unknown word",
            home.store:gc({ { name = "x", keep = { lst = 1 } } }):plan())
        fails("invalid_argument", home.store:gc(OLD):apply("no plan"))
    end)
end)

describe("a stored plan", function()
    it("of another store is refused", function()
        local home <close> = world.new()
        family(home.store)
        local other <close> = assert(home:open { root = home.dir .. "/other" })
        family(other)
        local plan = assert(home.store:gc(OLD):plan())
        fails_saying("failed_precondition", "another store", other:gc(OLD):apply(plan.id, { force = true }))
        assert.equal(5, #names(other))
    end)

    it("tells by an event what came of it", function()
        local home <close> = world.new()
        family(home.store)
        local gc = home.store:gc(OLD)
        local plan = assert(gc:plan())
        assert(home.store:pins():add("o1"))
        assert(gc:apply(plan.id))
        local told
        for event in home.store:events() do
            told = event.topic == "/moonsnap/gc" and event or told
        end
        assert.same({ plan = plan.id, removed = 1, size = plan.items[1].size, left = 1 }, told.data)
    end)

    it("is one of the newest fifty of its namespace", function()
        local home <close> = world.new()
        family(home.store)
        local gc = home.store:gc(OLD)
        local first = assert(gc:plan())
        for _ = 1, 50 do
            assert(gc:plan())
        end
        assert.equal(50, #assert(gc:plans()))
        fails("not_found", gc:apply(first.id))
    end)
end)

describe("apply leaves alone", function()
    --- Plans o1 and o2, changes something, applies; answers outcomes.
    local function with(change, options)
        local home <close> = world.new(options)
        family(home.store)
        local gc = home.store:gc(OLD)
        local plan = assert(gc:plan())
        change(home.store, gc)
        local done = assert(gc:apply(plan.id))
        return outcomes(gc, plan.id), done, names(home.store)
    end

    it("what was built upon since, and its parents", function()
        local found = with(function(store) assert(store:prepare("w", "o2")) end)
        assert.same({ o2 = "changed", o1 = "busy" }, found)
    end)

    it("what was touched, labelled, pinned or leased since", function()
        assert.equal("changed", with(function(store) assert(store:touch("o2")) end).o2)
        assert.equal("changed", with(function(store)
            assert(store:update({ name = "o2", labels = { a = "b" } }, { "labels.a" }))
        end).o2)
        assert.equal("busy", with(function(store) assert(store:pins():add("o2", { reason = "release" })) end).o2)
        local found, done = with(function(store)
            assert(store:leases():create("job"))
            assert(store:leases():add("job", { type = "snapshots/overlayfs", id = "o2" }))
        end)
        assert.same({ o2 = "busy", o1 = "busy" }, found)
        assert.equal("held by lease 'job'", done.skipped[1].text)
    end)

    it("another snapshot that has the name by now", function()
        local found, _, left = with(function(store)
            assert(store:remove("o2"))
            committed(store, "o2", "o1", { class = "old" })
        end)
        assert.same({ o2 = "changed", o1 = "changed" }, found)
        assert.same({ "base", "o1", "o2", "young", "younger" }, left)
    end)

    it("nothing of what somebody else has removed: the rest goes", function()
        assert.same({ o2 = "gone", o1 = "removed" }, with(function(store) assert(store:remove("o2")) end))
    end)

    it("what a hook of evict keeps, which is asked about what would go alone", function()
        local asked = {}
        local found, done = with(function(store)
            store:hook { name = "replicated", on = "evict", run = function(request)
                asked[#asked + 1] = request.key
                return request.key == "o2" and moonsnap.verdict.deny("failed_precondition", "not replicated yet") or nil
            end }
        end)
        assert.same({ o2 = "vetoed", o1 = "busy" }, found)
        assert.same({ "o2" }, asked)
        assert.is_truthy(done.skipped[1].text:find("not replicated yet", 1, true))
    end)
end)

describe("apply without force", function()
    it("refuses a plan that takes more than half", function()
        local home <close> = world.new()
        for i = 1, 4 do
            committed(home.store, "s" .. i, nil, i > 1 and { class = "old" } or nil)
        end
        local gc = home.store:gc(OLD)
        local plan = assert(gc:plan())
        fails_saying("failed_precondition", "3 of 4 snapshots", gc:apply(plan.id))
        assert.equal(4, #names(home.store))
        assert.equal(3, assert(gc:apply(plan.id, { share = 0.8 })).removed)
    end)

    it("refuses rules that would empty the store", function()
        local home <close> = world.new()
        committed(home.store, "only", nil, { class = "old" })
        local gc = home.store:gc(OLD)
        local plan = assert(gc:plan())
        fails_saying("failed_precondition", "all 1 snapshots", gc:apply(plan.id, { share = 1 }))
        assert.equal(1, assert(gc:apply(plan.id, { force = true })).removed)
    end)

    it("refuses a namespace that is containerd's", function()
        local home <close> = world.new()
        family(home.store)
        local gc = home.store:gc(OLD)
        local plan = assert(gc:plan())
        assert(home.store.engine:set_tenant("default", "containerd"))
        fails_saying("failed_precondition", "containerd's", gc:apply(plan.id, { force = true }))
        fails_saying("failed_precondition", "containerd's", gc:plan())
    end)
end)

describe("apply with a pace", function()
    it("does so much and leaves the rest for the next time", function()
        local home <close> = world.new()
        committed(home.store, "stays")
        for i = 1, 10 do
            committed(home.store, "s" .. i, nil, { class = "old" })
        end
        local gc = home.store:gc(OLD)
        local plan = assert(gc:plan())
        local done = assert(gc:apply(plan.id, { force = true, pace = { items = 4 } }))
        assert.same({ 4, 6 }, { done.removed, done.left })
        done = assert(gc:apply(plan.id, { pace = { items = 100 } }))
        assert.same({ 6, 0 }, { done.removed, done.left })
        assert.same({ "stays" }, names(home.store))
    end)

    it("frees at idle priority, and is itself again afterwards", function()
        local home <close> = world.new()
        family(home.store)
        local sys = moonsnap.sys
        local before = assert(sys.io_priority(0))
        local rules = { { name = "old", match = OLD[1].match, expire = OLD[1].expire, pace = { io = "idle" } } }
        local gc, seen = home.store:gc(rules), nil
        function home.store.cleanup()
            seen = sys.io_priority(3 << 13)
            return true
        end
        local plan = assert(gc:plan())
        assert(gc:apply(plan.id))
        home.store.cleanup = nil
        assert.same({ 3 << 13, 0 }, { seen, sys.io_priority(before) })
    end)

    it("tells how far it is, and ends when it is told to", function()
        local home <close> = world.new()
        committed(home.store, "stays")
        for i = 1, 300 do
            assert(home.store:view("v" .. i, "stays", { labels = { class = "old" } }))
        end
        local gc = home.store:gc { { name = "v", match = "kind==view", expire = { ttl = 0 } } }
        local plan = assert(gc:plan())
        local told
        local done = assert(gc:apply(plan.id, { force = true, progress = function(at)
            told = at
            return false
        end }))
        assert.is_true(done.removed > 0 and done.left > 0)
        assert.same({ 300, 300 - done.left }, { told.total, told.entries })
    end)
end)
