--- Pins: what stays, until when, and who is told.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local world = require "spec.support.world"

local fails = expect.fails
local SECOND = 1000000000

local function committed(store, name, parent)
    assert(store:prepare("make " .. name, parent))
    assert(store:commit(name, "make " .. name))
end

describe("pins:add(key)", function()
    it("keeps a snapshot from being removed, and says until when and why", function()
        local home <close> = world.new()
        local store = home.store
        committed(store, "base")
        assert(store:pins():add("base", { reason = "release 1.4", until_ = 4102444800 * SECOND }))
        expect.fails_saying("failed_precondition", "pinned until 2100-01-01T00:00:00Z: release 1.4; unpin it first",
            store:remove("base"))
        assert(store:stat("base"))
        assert(store:pins():remove("base"))
        assert(store:remove("base"))
    end)

    it("changes the pin that is there", function()
        local home <close> = world.new()
        local pins = home.store:pins()
        assert(home.store:prepare("a"))
        assert(pins:add("a", { reason = "one", until_ = 5 }))
        assert(pins:add("a", { reason = "two" }))
        local all = assert(pins:list())
        assert.same({ 1, "a", "two", nil }, { #all, all[1].key, all[1].reason, all[1].until_ })
    end)

    it("holds nothing once its time is over", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:prepare("a"))
        assert(store:pins():add("a", { until_ = moonsnap.sys.now() - SECOND }))
        assert.is_true(assert(store:pins():list())[1].ended)
        assert(store:remove("a"))
        assert.same({}, store:pins():list())
    end)

    it("follows an active through its commit", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:prepare("work"))
        assert(store:pins():add("work", { reason = "wanted" }))
        assert(store:commit("kept", "work"))
        assert.equal("kept", assert(store:pins():list())[1].key)
        fails("failed_precondition", store:remove("kept"))
    end)

    it("is of one namespace", function()
        local home <close> = world.new()
        local other = assert(home.store:namespace("other"))
        assert(home.store:prepare("a"))
        assert(other:prepare("a"))
        assert(other:pins():add("a"))
        assert.same({}, home.store:pins():list())
        assert(home.store:remove("a"))
        fails("failed_precondition", other:remove("a"))
    end)

    it("refuses what is not there, a bad reason, a bad end", function()
        local home <close> = world.new()
        local pins = home.store:pins()
        fails("not_found", pins:add("nobody"))
        assert(home.store:prepare("a"))
        fails("invalid_argument", pins:add("a", { reason = ("x"):rep(1025) }))
        fails("invalid_argument", pins:add("a", { reason = "\xff" }))
        fails("invalid_argument", pins:add("a", { reason = "a\0b" }))
        fails("invalid_argument", pins:add("a", { until_ = -1 }))
        assert.has_error(function() pins:add("a", { ["until"] = 5 }) end)
        assert.same({}, pins:list())
    end)

    it("is one with its transaction", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:prepare("a"))
        store:transaction(function(inside)
            assert(inside:pins():add("a"))
            fails("failed_precondition", inside:remove("a"))
            return nil, moonsnap.error("aborted", "no")
        end)
        assert.same({}, store:pins():list())
    end)

    it("holds against a lease's end", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:leases():create("l"))
        assert(store:prepare("leased", nil, { lease = "l" }))
        assert(store:pins():add("leased"))
        assert.same({}, store:leases():delete("l"))
        assert(store:stat("leased"))
    end)

    it("holds against its owner's end", function()
        local home <close> = world.new()
        local store = home.store
        local child = process.start { "sleep", "1000" }
        assert(store:prepare("kept", nil, { owner = child.pid }))
        assert(store:prepare("gone", nil, { owner = child.pid }))
        assert(store:pins():add("kept"))
        child:kill()
        child:finish()
        assert.equal(1, assert(store:cleanup()).abandoned)
        assert.same({ "kept" }, expect.names(store:walk()))
        assert(store:pins():remove("kept"))
        assert.equal(1, assert(store:cleanup()).abandoned)
    end)

    it("is told in the outbox", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:prepare("a"))
        assert(store:pins():add("a", { reason = 'so "be" it', until_ = 4102444800000000000 }))
        assert(store:pins():remove("a"))
        local topics, data = {}, {}
        for event in store:events() do
            topics[#topics + 1], data[event.topic] = event.topic .. " " .. event.key, event.data
        end
        assert.same({ "/snapshot/prepare a", "/moonsnap/pin a", "/moonsnap/unpin a" }, topics)
        assert.same({ reason = 'so "be" it', ["until"] = 4102444800000000000 }, data["/moonsnap/pin"])
    end)
end)

describe("pins:remove(key)", function()
    it("fails for what is not pinned", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        fails("not_found", home.store:pins():remove("a"))
        fails("not_found", home.store:pins():remove("b"))
    end)
end)
