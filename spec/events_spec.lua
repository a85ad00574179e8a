local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tools = require "spec.support.tools"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

--- Events after since as "topic key name parent", empty ones as "-".
local function told(store, since)
    local function word(text)
        return text == "" and "-" or text
    end
    local found = {}
    for event in store:events { since = since } do
        found[#found + 1] = ("%s %s %s %s"):format(event.topic, word(event.key), word(event.name), word(event.parent))
    end
    return found
end

--- The sequence of the last event.
local function last(store)
    local sequence = 0
    for event in store:events() do
        sequence = event.sequence
    end
    return sequence
end

--- A verb, and the events that it writes in a store with committed "base" and active "a" on it.
local VERBS = {
    { "prepare", function(store) return store:prepare("b", "base") end, { "/snapshot/prepare b - base" } },
    { "prepare without parent", function(store) return store:prepare("b") end, { "/snapshot/prepare b - -" } },
    { "view", function(store) return store:view("v", "base") end, { "/moonsnap/view v - base" } },
    { "commit", function(store) return store:commit("c", "a") end, { "/snapshot/commit a c -" } },
    { "remove", function(store) return store:remove("a") end, { "/snapshot/remove a - -" } },
    { "update", function(store) return store:update { name = "a", labels = { x = "y" } } end,
        { "/moonsnap/update a - -" } },
    { "touch", function(store) return store:touch("a") end, {} },
    { "stat", function(store) return store:stat("a") end, {} },
    { "mounts", function(store) return store:mounts("a") end, {} },
    { "cleanup", function(store) return store:cleanup() end, {} },
}

local function filled()
    local home = world.new()
    assert(home.store:prepare("k"))
    assert(home.store:commit("base", "k"))
    assert(home.store:prepare("a", "base"))
    return home
end

describe("store:events()", function()
    for _, case in ipairs(VERBS) do
        it(("tells what %s did"):format(case[1]), function()
            local home <close> = filled()
            local since = last(home.store)
            assert(case[2](home.store))
            assert.same(case[3], told(home.store, since))
        end)
    end

    it("tells labels: behind a change of them, of a commit those it gives, before a removal", function()
        local home <close> = world.new()
        local store, seen = home.store, {}
        assert(store:prepare("a", nil, { labels = { l = "made" } }))
        assert(store:update { name = "a", labels = { l = "changed" } })
        assert(store:commit("c", "a", { labels = { l = "committed" } }))
        assert(store:view("v", "c", { labels = { l = "seen" } }))
        assert(store:remove("v"))
        assert(store:leases():create("job"))
        assert(store:prepare("w", "c", { lease = "job", labels = { l = "leased" } }))
        assert(store:leases():delete("job"))
        for event in store:events() do
            seen[#seen + 1] = ("%s %s"):format(event.topic:match("%w+$"), event.labels.l)
        end
        assert.same({ "prepare made", "update changed", "commit committed", "view seen", "remove seen", "lease nil",
            "prepare leased", "lease nil", "remove leased" }, seen)
    end)

    it("tells what import did", function()
        local home <close> = filled()
        local since = last(home.store)
        tree.mkdir(home.dir .. "/source")
        assert(home.store:import("i", home.dir .. "/source", { parent = "base" }))
        assert.same({ "/snapshot/commit - i base" }, told(home.store, since))
    end)

    it("tells what cleanup removed for a dead owner", function()
        local home <close> = filled()
        local owner = process.start { "cat" }
        assert(home.store:prepare("owned", nil, { owner = owner.pid }))
        owner:finish()
        local since = last(home.store)
        assert(home.store:cleanup())
        assert.same({ "/snapshot/remove owned - -" }, told(home.store, since))
    end)

    it("tells what mount and unmount did, and where", needs.mounts(function()
        local home <close> = filled()
        local since = last(home.store)
        local targets = {}
        home:mounted("a", function(at) targets = { at, at } end)
        assert.same({ "/moonsnap/mount a - -", "/moonsnap/unmount a - -" }, told(home.store, since))
        for event in home.store:events { since = since } do
            assert.same({ target = table.remove(targets), readonly = false }, event.data)
        end
    end))

    it("tells nothing of what failed", function()
        local home <close> = filled()
        local since = last(home.store)
        home.store:prepare("a")
        home.store:remove("base")
        home.store:commit("base", "a")
        assert.same({}, told(home.store, since))
    end)

    it("tells nothing of what was rolled back", function()
        local home <close> = filled()
        local since = last(home.store)
        pcall(home.store.transaction, home.store, function(store)
            assert(store:prepare("b"))
            assert(store:remove("a"))
            error("no")
        end)
        assert.same({}, told(home.store, since))
    end)

    it("tells nothing of what a savepoint rolled back", function()
        local home <close> = filled()
        local since = last(home.store)
        assert(home.store:transaction(function(store)
            assert(store:prepare("b"))
            pcall(store.transaction, store, function()
                assert(store:prepare("c"))
                error("no")
            end)
            return true
        end))
        assert.same({ "/snapshot/prepare b - -" }, told(home.store, since))
    end)

    it("tells what a transaction did in its order", function()
        local home <close> = filled()
        local since = last(home.store)
        assert(home.store:transaction(function(store)
            assert(store:prepare("b"))
            assert(store:commit("c", "b"))
            return store:remove("c")
        end))
        assert.same({ "/snapshot/prepare b - -", "/snapshot/commit b c -", "/snapshot/remove c - -" },
            told(home.store, since))
    end)

    it("shows others nothing before the transaction ends", function()
        local home <close> = filled()
        local other <close> = assert(home:open())
        local since = last(other)
        local seen
        assert(home.store:transaction(function(store)
            assert(store:prepare("b"))
            seen = told(other, since)
            return true
        end))
        assert.same({ {}, { "/snapshot/prepare b - -" } }, { seen, told(other, since) })
    end)

    it("tells the events of all namespaces", function()
        local home <close> = filled()
        local since = last(home.store)
        assert(assert(home.store:namespace("other")):prepare("b"))
        local seen = {}
        for event in home.store:events { since = since } do
            seen[#seen + 1] = event.namespace .. " " .. event.key
        end
        assert.same({ "other b" }, seen)
    end)

    it("numbers them upwards", function()
        local home <close> = filled()
        local before = 0
        for event in home.store:events() do
            assert.is_true(event.sequence > before)
            before = event.sequence
        end
        assert.is_true(before > 0)
    end)

    it("tells times that are now", function()
        local home <close> = filled()
        for event in home.store:events() do
            assert.is_true(math.abs(event.at // 1000000000 - os.time()) < 60)
        end
        assert.equal("integer", math.type(home.store:events()().at))
    end)

    it("tells the number of the snapshot", function()
        local home <close> = filled()
        local number
        for event in home.store:events() do
            number = event.key == "a" and event.number or number
        end
        assert.equal(assert(home.store:stat("a")).number, number)
    end)

    it("goes on after a cursor", function()
        local home <close> = filled()
        local all = told(home.store)
        local first = home.store:events()()
        assert.same({ table.unpack(all, 2) }, told(home.store, first.sequence))
    end)

    it("gives nothing after the last", function()
        local home <close> = filled()
        assert.same({}, told(home.store, last(home.store)))
    end)

    it("gives what came while it was read", function()
        local home <close> = filled()
        local since = last(home.store)
        assert(home.store:prepare("b"))
        local count = 0
        for event in home.store:events { since = since } do
            count = count + 1
            if event.key == "b" then
                assert(home.store:prepare("c"))
            end
        end
        assert.equal(2, count)
    end)
end)

describe("old events", function()
    it("are trimmed by cleanup, the last 100000 stay", function()
        local home <close> = filled()
        tools.sql(home.root, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100500) " ..
            "INSERT INTO events (at, topic, namespace, snapshot, key, name, parent) " ..
            "SELECT i, '/moonsnap/update', 'default', 0, 'k', '', '' FROM n")
        local newest = home.store.engine:last_event()
        assert(home.store:cleanup())
        assert.same({ newest - 99999, newest }, { home.store:events()().sequence, last(home.store) })
    end)
end)

describe("events and rows", function()
    --- Plays the events: what must be there in the end.
    local function play(store)
        local names = {}
        for event in store:events() do
            if event.topic == "/snapshot/commit" then
                names[event.key], names[event.name] = nil, true
            elseif event.topic == "/snapshot/remove" then
                names[event.key] = nil
            else
                names[event.key] = true
            end
        end
        names[""] = nil
        return names
    end

    it("agree after many random verbs", function()
        local home <close> = world.new()
        local store = home.store
        math.randomseed(7)
        local verbs = {
            function(key) return store:prepare(key) end,
            function(key) return store:view(key) end,
            function(key) return store:remove(key) end,
            function(key) return store:commit(key .. "c", key) end,
            function(key) return store:remove(key .. "c") end,
            function(key) return store:prepare(key, "k" .. math.random(8) .. "c") end,
        }
        store:transaction(function()
            for _ = 1, 400 do
                verbs[math.random(#verbs)]("k" .. math.random(8))
            end
        end)
        local rows = {}
        for info in store:walk() do
            rows[info.name] = true
        end
        assert.same(rows, play(store))
    end)
end)
