--- Cursors, what a reader is asked for, and what it is told when it comes too late.
local dkjson = require "dkjson"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local tools = require "spec.support.tools"
local world = require "spec.support.world"

local FILL = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
    .. "INSERT INTO events (at, topic, namespace, snapshot, key, name, parent) "
    .. "SELECT i, '/moonsnap/view', 'default', 0, 'k' || i, '', '' FROM n"

local function keys(iterator)
    local found = {}
    for event in iterator do
        found[#found + 1] = event.key
    end
    return found
end

local function filled()
    local home = world.new()
    for _, key in ipairs { "a", "b", "c" } do
        assert(home.store:prepare(key, nil, { labels = { team = key == "b" and "blue" or nil } }))
    end
    return home
end

describe("a cursor", function()
    it("says of which store it is", function()
        local home <close> = filled()
        local id, number = assert(home.store:cursor()):match("^(%x+)%-(%d+)$")
        assert.same({ home.store.engine:store_id(), "3", 16 }, { id, number, #id })
    end)

    it("is where a reader goes on, be it an event's or the newest", function()
        local home <close> = filled()
        local first = home.store:events()()
        assert.same({ "b", "c" }, keys(assert(home.store:events { since = first.cursor })))
        local newest = assert(home.store:cursor())
        assert.same({}, keys(assert(home.store:events { since = newest })))
        assert(home.store:prepare("d"))
        assert.same({ "d" }, keys(assert(home.store:events { since = newest })))
        assert.same({}, keys(assert(home.store:events { since = "now" })))
    end)

    it("of another store is refused, saying which", function()
        local home <close> = filled()
        local other <close> = filled()
        local err = expect.fails_saying("failed_precondition", home.store.engine:store_id(),
            other.store:events { since = assert(home.store:cursor()) })
        assert.is_truthy(err.message:find(other.store.engine:store_id(), 1, true))
    end)

    it("of a store that was rebuilt since is refused", function()
        local home <close> = filled()
        assert(home.store:commit("base", "a"))
        local before = assert(home.store:cursor())
        home.store:close()
        tools.sql(home.root, "PRAGMA wal_checkpoint(TRUNCATE)")
        assert(os.remove(home.root .. "/metadata.db"))
        assert(moonsnap.rebuild(home.root))
        home.store = assert(moonsnap.open { root = home.root })
        expect.fails("failed_precondition", home.store:events { since = before })
    end)

    it("ahead of the newest event is refused", function()
        local home <close> = filled()
        local ahead = ("%s-4"):format(home.store.engine:store_id())
        expect.fails_saying("failed_precondition", "newest event of this store is 3",
            home.store:events { since = ahead })
        expect.fails("failed_precondition", home.store:events { since = 4 })
    end)

    it("that is none is refused", function()
        local home <close> = filled()
        local id = home.store.engine:store_id()
        for _, bad in ipairs { "", "x", "12", id, id .. "-", id .. "--1", id .. "-1 ", "-1", id .. ("-"):rep(2) .. "5",
            id .. "-9999999999999999999", id:sub(2) .. "-1", "\0" } do
            expect.fails("invalid_argument", home.store:events { since = bad })
        end
        expect.fails("invalid_argument", home.store:events { since = -1 })
        assert.has_error(function() home.store:events { since = true } end)
    end)
end)

describe("store:events{filter=, namespace=}", function()
    local function asked(options)
        local home <close> = filled()
        assert(assert(home.store:namespace("other")):view("v", nil, { labels = { team = "red" } }))
        assert(home.store:update { name = "a", labels = { team = "green" } })
        return keys(assert(home.store:events(options)))
    end

    for words, found in pairs {
        ['topic=="/snapshot/prepare"'] = { "a", "b", "c" },
        ["labels.team"] = { "b", "v", "a" },
        ["labels.team==blue"] = { "b" },
        ["key~=^[bc]$"] = { "b", "c" },
        ["namespace==other"] = { "v" },
        ["nothing==x"] = {},
    } do
        it("selects by " .. words, function()
            assert.same(found, asked { filter = words })
        end)
    end

    it("takes several, any of which may match, and a compiled one", function()
        assert.same({ "a", "c", "a" }, asked { filter = { "key==a", "key==c" } })
        assert.same({ "b" }, asked { filter = moonsnap.filter { "key==b" } })
    end)

    it("selects a namespace", function()
        assert.same({ "v" }, asked { namespace = "other" })
        assert.same({ "a", "b", "c", "a" }, asked { namespace = "default" })
    end)

    it("answers what is wrong with a filter", function()
        local home <close> = filled()
        expect.fails("invalid_argument", home.store:events { filter = "==" })
    end)
end)

describe("the outbox", function()
    it("keeps its newest 100,000 and some while it is written, without any cleanup", function()
        local home <close> = world.new()
        tools.sql(home.root, FILL:format(100500))
        for number = 1, 1000 do
            assert(home.store.engine:add_event("default", "/moonsnap/gc", "k" .. number))
        end
        local count = tonumber(tools.sql(home.root, "SELECT count(*) FROM events"))
        assert.is_true(count >= 100000 and count < 100064, count)
    end)

    it("tells a reader who comes too late what is gone, and goes on", function()
        local home <close> = world.new()
        assert(home.store:prepare("first"))
        local since = assert(home.store:cursor())
        tools.sql(home.root, FILL:format(100010))
        assert(home.store:cleanup())
        local events = assert(home.store:events { since = since, filter = "topic~=never", namespace = "none" })
        local lost = events()
        assert.same({ "/moonsnap/lost", 2, 11, 11 }, { lost.topic, lost.from, lost.to, lost.sequence })
        assert.is_nil(events())
        local next_one = assert(home.store:events { since = lost.cursor })()
        assert.equal(12, next_one.sequence)
        assert.equal(12, home.store:events()().sequence) -- who asks for what there is has lost nothing
        assert.equal("/moonsnap/lost", assert(home.store:events { since = 0 })().topic)
    end)

    it("gives no number twice after a boot, as events of mounts wait for no disk", function()
        local home <close> = filled()
        home.store:close()
        tools.sql(home.root, "UPDATE settings SET value = 'another' WHERE name = 'boot_id'")
        home.store = assert(moonsnap.open { root = home.root, durability = "metadata" })
        assert(home.store:prepare("d"))
        local found = {}
        for event in home.store:events { since = 2 } do
            found[#found + 1] = event.sequence
        end
        assert.same({ 3, 1004 }, found)
    end)
end)

describe("engine:add_event(namespace, topic, key, data)", function()
    it("tells what it is given, and the labels of the snapshot", function()
        local home <close> = filled()
        assert(home.store.engine:add_event("default", "/moonsnap/gc/evict", "b", '{"rule":"x","bytes":5}'))
        local event = assert(home.store:events { since = 3 })()
        assert.same({ "/moonsnap/gc/evict", "default", "b", { rule = "x", bytes = 5 }, { team = "blue" } },
            { event.topic, event.namespace, event.key, event.data, event.labels })
    end)

    it("is undone with its transaction", function()
        local home <close> = filled()
        home.store:transaction(function()
            assert(home.store.engine:add_event("default", "/moonsnap/gc"))
            return nil, "no"
        end)
        assert.same({}, keys(assert(home.store:events { since = 3 })))
    end)

    it("refuses topics that are not ours, and data that are no object", function()
        local home <close> = filled()
        local engine = home.store.engine
        for _, topic in ipairs { "", "/snapshot/prepare", "/moonsnap/", "/moonsnap", "/moonsnap//x", "/moonsnap/x/",
            "/moonsnap/a b", "/moonsnap/lost", "/moonsnap/" .. ("x"):rep(200), "/moonsnap/x\0" } do
            expect.fails("invalid_argument", engine:add_event("default", topic))
        end
        for _, data in ipairs { "x", "[1]", "1", '"x"', "{", '{"a":1}{', ('{"a":"%s"}'):format(("x"):rep(70000)) } do
            expect.fails("invalid_argument", engine:add_event("default", "/moonsnap/x", nil, data))
        end
    end)
end)

describe("engine:event_lines()", function()
    it("is the same events as JSON, an object a line", function()
        local home <close> = world.new()
        local odd = "k\1\"\\\n\t/ü\u{1F600}"
        assert(home.store:prepare(odd, nil, { labels = { ["a\"b"] = "\r\8\12", z = "" } }))
        assert(home.store:update { name = odd, labels = { n = "1" } })
        assert(home.store:commit("base", odd))
        local text = home.store.engine:event_lines(-1, 100)
        local lines = {}
        for line in text:gmatch("[^\n]+") do
            lines[#lines + 1] = assert(dkjson.decode(line))
        end
        local number = 0
        for event in home.store:events() do
            number = number + 1
            local line = lines[number]
            assert.is_truthy(line.time:find("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%d%d%d%dZ$"))
            line.time = nil
            assert.same(event, setmetatable(line, nil))
        end
        assert.same({ 3, 3 }, { number, #lines })
    end)
end)

describe("engine:cursor_set(name, ...)", function()
    it("keeps where a reader is", function()
        local home <close> = world.new()
        local engine = home.store.engine
        assert.is_nil(engine:cursor_get("r"))
        assert(engine:cursor_set("r", 7, 2, 99, 1, "why"))
        assert(engine:cursor_set("q", 1))
        local cursor = engine:cursor_get("r")
        assert.is_true(math.abs(cursor.updated // 1000000000 - os.time()) < 60)
        cursor.updated = nil
        assert.same({ sequence = 7, attempts = 2, due = 99, given_up = 1, error = "why" }, cursor)
        assert.same({ "q", "r" }, engine:cursors())
        assert(engine:cursor_drop("q"))
        assert.same({ "r" }, engine:cursors())
    end)
end)
