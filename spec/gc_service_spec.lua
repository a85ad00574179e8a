--- Collection behind a service: through Control, and by what asks for it: start, clock, disk, commits.
local command = require "spec.support.command"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local service = require "spec.support.service"
local tree = require "spec.support.tree"

local fails, fails_saying = expect.fails, expect.fails_saying

--- A service whose store has rules; base and two of class old are there.
local function started(policy, options)
    options = options or {}
    options.mode = options.mode or "direct"
    local served = service.new(options)
    do
        local store <close> = assert(moonsnap.open { root = served.root, durability = "metadata",
            namespace = options.namespace })
        for _, name in ipairs { "base", "old1", "old2", "other" } do
            assert(store:prepare("make " .. name))
            local labels = name:find("^old") and { class = "old" } or nil
            assert(store:commit(name, "make " .. name, { labels = labels }))
        end
    end
    tree.write(served.root .. "/policy.lua", policy)
    assert(served:start())
    return served
end

local OLD = [[retention { rule { "old", match = "labels.class==old", expire = { ttl = 0 }%s } }]]
local QUIET = 'disable "io.moonsnap.gc.v1.retention"'

local function names(store)
    return expect.names(store:walk())
end

--- Waits until only these are left.
local function left(store, wanted)
    local from = moonsnap.sys.steady()
    local found
    repeat
        found = table.concat(names(store), " ")
        require("posix.time").nanosleep({ tv_sec = 0, tv_nsec = 20000000 })
    until found == wanted or moonsnap.sys.steady() - from > 30
    assert.equal(wanted, found)
end

describe("a service's store:gc()", function()
    it("plans, explains, lists and applies by the service's rules", function()
        local served <close> = started(OLD:format(""), { config = QUIET })
        local store <close> = assert(moonsnap.connect { address = served.address })
        local gc = store:gc()
        local plan = assert(gc:plan())
        assert.same({ 4, 2, 2 }, { plan.before.count, plan.after.count, #plan.items })
        local item = assert(gc:explain("old1"))
        assert.same({ "remove", "expired", "old" }, { item.verdict, item.reason, item.rule })
        fails("not_found", gc:explain("nothing"))
        assert.equal(plan.id, assert(gc:plans())[1].id)
        local done = assert(gc:apply(plan.id))
        assert.same({ 2, {} }, { done.removed, done.skipped })
        assert.same({ "base", "other" }, names(store))
        assert.equal("removed", assert(gc:items(plan.id))[1].outcome)
        assert.equal(2, assert(gc:load(plan.id)).done)
        fails("invalid_argument", gc:apply("no plan"))
    end)

    it("asks the hooks of the policy, and refuses too much without force", function()
        local served <close> = started(OLD:format("") .. [[
            hook { "mine", on = "evict", match = "key==old1", run = function()
                return deny("failed_precondition", "replicas first") end }]], { config = QUIET })
        local store <close> = assert(moonsnap.connect { address = served.address })
        assert(store:remove("other"))
        local plan = assert(store:gc():plan())
        fails_saying("failed_precondition", "2 of 3 snapshots", store:gc():apply(plan.id))
        local done = assert(store:gc():apply(plan.id, { force = true }))
        assert.same({ 1, 1 }, { done.removed, done.vetoed })
        assert.is_truthy(done.skipped[1].text:find("replicas first", 1, true))
        assert.same({ "base", "old1" }, names(store))
    end)

    it("is what the command has, too", function()
        local served <close> = started(OLD:format(""), { config = QUIET })
        local on = command.on(served.root)
        local function moonsnap_at(...)
            return on("--address", served.address, ...)
        end
        local shown = moonsnap_at("gc", "--plan", "--json"):json()
        assert.same({ 4, 2 }, { shown.before.count, #shown.items })
        assert.equal(0, moonsnap_at("gc", "--apply", shown.id).code)
        assert.equal(3, moonsnap_at("gc", "explain", "nothing").code)
        assert.equal(2, moonsnap_at("gc", "--rules", "x.lua").code)
    end)
end)

describe("a service collects", function()
    it("at its start", function()
        local served <close> = started(OLD:format(', on = { "startup" }'),
            { config = 'plugin "io.moonsnap.gc.v1.retention" { every = 0.1 }' })
        local store <close> = assert(moonsnap.connect { address = served.address })
        left(store, "base other")
    end)

    it("when a rule's time has come", function()
        local served <close> = started(OLD:format(', on = { "timer" }, every = "300ms"'),
            { config = 'plugin "io.moonsnap.gc.v1.retention" { every = 0.1 }' })
        local store <close> = assert(moonsnap.connect { address = served.address })
        left(store, "base other")
        assert(store:prepare("w"))
        assert(store:commit("old3", "w", { labels = { class = "old" } }))
        left(store, "base other")
    end)

    it("when the disk is full", function()
        local served <close> = started([[retention { rule { "room", match = "labels.class==old",
            bounds = { high = 0 }, on = { "pressure" } } }]],
            { config = 'plugin "io.moonsnap.gc.v1.retention" { every = 0.1 }' })
        local store <close> = assert(moonsnap.connect { address = served.address })
        left(store, "base other")
    end)

    it("after so many commits", function()
        local served <close> = started(OLD:format(', on = { "commit" }'),
            { config = 'plugin "io.moonsnap.gc.v1.retention" { every = 0.1, commits = 2 }' })
        local store <close> = assert(moonsnap.connect { address = served.address })
        assert.equal(4, #names(store))
        for i = 1, 2 do
            assert(store:prepare("w" .. i))
            assert(store:commit("new" .. i, "w" .. i))
        end
        left(store, "base new1 new2 other")
    end)

    it("nothing in a namespace that is containerd's", function()
        local served <close> = started(OLD:format(', every = "100ms"'), { mode = "proxy", namespace = "containerd",
            config = 'plugin "io.moonsnap.gc.v1.retention" { every = 0.1 }' })
        do
            local store <close> = assert(moonsnap.open { root = served.root, policy = false })
            for _, name in ipairs { "a", "b", "c", "ours" } do
                assert(store:prepare("make " .. name))
                local labels = name == "ours" and { class = "old" } or nil
                assert(store:commit(name, "make " .. name, { labels = labels }))
            end
            left(store, "a b c") -- of the namespace default: the collector is at work
        end
        local store <close> = assert(moonsnap.open { root = served.root, namespace = "containerd", look = true })
        assert.same({ "base", "old1", "old2", "other" }, names(store))
    end)
end)
