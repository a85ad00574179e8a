--- Readers of the outbox, handed one event after the other until they take them.
local delivery = require "moonsnap.events.delivery"
local tools = require "spec.support.tools"
local world = require "spec.support.world"

local SECOND = 1000000000

--- A delivery on a store, with readers that the test changes and a clock that stands.
local function deliver(store, readers)
    local self = { now = 1000 * SECOND, readers = readers, failures = {} }
    self.delivery = delivery.new {
        engine = store.engine, store = store, now = function() return self.now end,
        readers = function() return self.readers end,
        write = function(fn) return store:transaction(function() return fn(store.engine) end) end,
        failed = function(name, event, why, attempts, given_up)
            self.failures[#self.failures + 1] = { name, event.key, why, attempts, given_up }
        end,
    }
    return self
end

--- A reader that notes keys and does what act says.
local function noting(name, act)
    local reader = { name = name, seen = {} }
    function reader.run(event, store)
        reader.seen[#reader.seen + 1] = event.key
        if act then
            return act(event, store)
        end
        return true
    end
    return reader
end

local function failing()
    return nil, { kind = "unavailable", message = "not now" }
end

local function given_up(store)
    local found = {}
    for event in store:events { filter = 'topic=="/moonsnap/given_up"' } do
        found[#found + 1] = { event.key, event.data.reader, event.data.topic, event.data.error }
    end
    return found
end

describe("delivery:turn()", function()
    it("begins a new reader behind the newest event, and goes on from there", function()
        local home <close> = world.new()
        assert(home.store:prepare("old"))
        local reader = noting "r"
        local it = deliver(home.store, { reader })
        it.delivery:turn()
        assert(home.store:prepare("new"))
        it.delivery:turn()
        it.delivery:turn()
        assert.same({ "new" }, reader.seen)
    end)

    it("goes on in another process where the last one ended", function()
        local home <close> = world.new()
        local reader = noting "r"
        local first = deliver(home.store, { reader })
        first.delivery:turn()
        assert(home.store:prepare("a"))
        first.delivery:turn()
        first.delivery:close()
        assert(home.store:prepare("b"))
        deliver(home.store, { reader }).delivery:turn()
        assert.same({ "a", "b" }, reader.seen)
    end)

    it("gives the event its labels and data, and the store", function()
        local home <close> = world.new()
        local got
        local it = deliver(home.store, { noting("r", function(event, store) got = { event, store } return true end) })
        it.delivery:turn()
        assert(home.store:prepare("a", nil, { labels = { x = "1" } }))
        assert(home.store:update { name = "a", labels = { x = "2" } })
        it.delivery:turn()
        assert.same({ { x = "2" }, { was = { x = "1" } } }, { got[1].labels, got[1].data })
        assert.equal(home.store, got[2])
    end)

    it("asks match first", function()
        local home <close> = world.new()
        local reader = noting "r"
        reader.match = function(event) return event.key == "b" end
        local it = deliver(home.store, { reader })
        it.delivery:turn()
        for _, key in ipairs { "a", "b", "c" } do
            assert(home.store:prepare(key))
        end
        it.delivery:turn()
        assert.same({ "b" }, reader.seen)
    end)

    it("hands over what budget says, and says that there is more", function()
        local home <close> = world.new()
        local reader = noting "r"
        local it = deliver(home.store, { reader })
        it.delivery:turn()
        for number = 1, 5 do
            assert(home.store:prepare("k" .. number))
        end
        assert.is_true(it.delivery:turn(3))
        assert.equal(3, #reader.seen)
        assert.is_false(it.delivery:turn(3))
        assert.equal(5, #reader.seen)
    end)

    it("does nothing within itself", function()
        local home <close> = world.new()
        local it
        local reader = noting("r", function() return it.delivery:turn() == false end)
        it = deliver(home.store, { reader })
        it.delivery:turn()
        assert(home.store:prepare("a"))
        it.delivery:turn()
        assert.same({ "a" }, reader.seen)
    end)

    it("is for one process at a time, and for the next when that one closes", function()
        local home <close> = world.new()
        local other <close> = assert(home:open())
        local mine, theirs = noting "r", noting "r"
        local first, second = deliver(home.store, { mine }), deliver(other, { theirs })
        first.delivery:turn()
        second.delivery:turn()
        assert(home.store:prepare("a"))
        second.delivery:turn()
        first.delivery:turn()
        first.delivery:close()
        assert(home.store:prepare("b"))
        second.delivery:turn()
        assert.same({ { "a" }, { "b" } }, { mine.seen, theirs.seen })
    end)
end)

describe("a reader that fails", function()
    it("gets the same event again after 1, 2, 4, ... 60 seconds, and nothing before it", function()
        local home <close> = world.new()
        local reader = noting("r", failing)
        local it = deliver(home.store, { reader })
        it.delivery:turn()
        assert(home.store:prepare("a"))
        assert(home.store:prepare("b"))
        local waited = {}
        for _ = 1, 9 do
            it.delivery:turn()
            waited[#waited + 1] = (it.delivery:due() - it.now) // SECOND
            it.now = it.delivery:due() - 1
            it.delivery:turn()
            it.now = it.now + 1
        end
        assert.same({ 1, 2, 4, 8, 16, 32, 60, 60, 60 }, waited)
        assert.same({ "a", "a", "a", "a", "a", "a", "a", "a", "a" }, reader.seen)
        assert.same({ "r", "a", "not now", 9, false }, it.failures[9])
    end)

    it("is given the next one after the tenth failure, which is counted and told", function()
        local home <close> = world.new()
        local reader = noting("r", function(event) return event.key ~= "a" or nil, "broken" end)
        local it = deliver(home.store, { reader })
        it.delivery:turn()
        assert(home.store:prepare("a"))
        assert(home.store:prepare("b"))
        for _ = 1, 10 do
            it.delivery:turn()
            it.now = it.now + 60 * SECOND
        end
        assert.equal("b", reader.seen[11])
        assert.same({ { "a", "r", "/snapshot/prepare", "broken" } }, given_up(home.store))
        it.delivery:turn()
        local cursor = home.store.engine:cursor_get("r")
        assert.same({ 1, 0, 0 }, { cursor.given_up, cursor.attempts, cursor.due })
        assert.equal(1, it.delivery.counts.given_up)
    end)

    it("holds no other one up", function()
        local home <close> = world.new()
        local bad, good = noting("bad", failing), noting "good"
        local it = deliver(home.store, { bad, good })
        it.delivery:turn()
        for _, key in ipairs { "a", "b" } do
            assert(home.store:prepare(key))
            it.delivery:turn()
        end
        assert.same({ { "a" }, { "a", "b" } }, { bad.seen, good.seen })
    end)

    it("may raise, with any value", function()
        local home <close> = world.new()
        local it = deliver(home.store, {
            noting("r", function() error({}) end), noting("s", function() error("no") end),
        })
        it.delivery:turn()
        assert(home.store:prepare("a"))
        it.delivery:turn()
        assert.equal(2, #it.failures)
        assert.is_truthy(it.failures[2][3]:find("no", 1, true))
    end)

    it("goes on with its attempts in another process", function()
        local home <close> = world.new()
        local reader = noting("r", failing)
        local first = deliver(home.store, { reader })
        first.delivery:turn()
        assert(home.store:prepare("a"))
        first.delivery:turn()
        first.delivery:close()
        local second = deliver(home.store, { reader })
        second.delivery:turn()
        assert.same({ "a" }, reader.seen)
        second.now = second.now + SECOND
        second.delivery:turn()
        assert.same({ "r", "a", "not now", 2, false }, second.failures[1])
    end)
end)

describe("a reader who is too far behind", function()
    it("goes on with what is kept; what is gone is counted, and told", function()
        local home <close> = world.new()
        local reader = noting "r"
        local it = deliver(home.store, { reader })
        it.delivery:turn()
        it.delivery:close()
        tools.sql(home.root, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100007) "
            .. "INSERT INTO events (at, topic, namespace, snapshot, key, name, parent) "
            .. "SELECT i, '/moonsnap/view', 'default', 0, 'k' || i, '', '' FROM n")
        assert(home.store:cleanup())
        it = deliver(home.store, { reader })
        it.delivery:turn(1)
        assert.same({ "k8" }, reader.seen)
        assert.same({ 7, 7 }, { it.delivery.counts.given_up, home.store.engine:cursor_get("r").given_up })
        assert.same({ "r", "", "events 1 to 7 were not kept until it took them", 0, true }, it.failures[1])
    end)
end)

describe("delivery with coroutines", function()
    it("lets one that waits hold up no other, and hands it nothing else meanwhile", function()
        local home <close> = world.new()
        local waits = noting("waits", function() coroutine.yield() return true end)
        local good = noting "good"
        local threads, again = {}, 0
        local it = deliver(home.store, { waits, good })
        local options = it.delivery.options
        options.spawn = function(fn)
            threads[#threads + 1] = coroutine.create(fn)
            assert(coroutine.resume(threads[#threads]))
        end
        options.again = function() again = again + 1 end
        it.delivery:turn()
        for _, key in ipairs { "a", "b", "c" } do
            assert(home.store:prepare(key))
            it.delivery:turn()
        end
        assert.same({ { "a" }, { "a", "b", "c" } }, { waits.seen, good.seen })
        local waiting
        for _, thread in ipairs(threads) do
            waiting = coroutine.status(thread) == "suspended" and thread or waiting
        end
        assert(coroutine.resume(waiting))
        it.delivery:turn()
        assert.same({ "a", "b" }, waits.seen)
        assert.equal(0, again)
    end)
end)
