local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local tools = require "spec.support.tools"
local world = require "spec.support.world"

-- what version 1 of metadata.db had
local TABLES = {
    settings = true, snapshots = true, labels = true, mounts = true, owners = true, events = true,
    sqlite_sequence = true,
}
local COLUMNS = {
    id = true, namespace = true, key = true, kind = true, parent = true, chain = true, created = true, updated = true,
    used = true, use_count = true, size = true, inodes = true, damaged = true,
}

local EVENT_COLUMNS = {
    sequence = true, at = true, topic = true, namespace = true, snapshot = true, key = true, name = true,
    parent = true,
}

local function drop_unknown(root, query, known, statement)
    for name in tools.sql(root, query):gmatch("[^\n]+") do
        if not known[name] then
            tools.sql(root, statement:format(name))
        end
    end
end

--- A closed store as an earlier moonsnap left it.
local function of_version_1(home)
    home.store:close()
    drop_unknown(home.root, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid DESC", TABLES,
        "PRAGMA foreign_keys = OFF; DROP TABLE %s")
    drop_unknown(home.root, "SELECT name FROM pragma_table_info('snapshots')", COLUMNS,
        "ALTER TABLE snapshots DROP COLUMN %s")
    drop_unknown(home.root, "SELECT name FROM pragma_table_info('events')", EVENT_COLUMNS,
        "ALTER TABLE events DROP COLUMN %s")
    tools.sql(home.root, "DELETE FROM settings WHERE name IN ('store_id', 'trimmed')")
    tools.sql(home.root, "PRAGMA user_version = 1")
end

local NEWER_THAN_2 = { cursors = true, pins = true, plans = true, plan_items = true }
local LEASE_COLUMNS = { namespace = true, id = true, created = true, labels = true }

--- A closed store as version 2 left it: with leases and with labels in rows, events without.
local function of_version_2(home)
    home.store:close()
    local tables = {}
    for name in tools.sql(home.root, "SELECT name FROM sqlite_schema WHERE type = 'table'"):gmatch("[^\n]+") do
        tables[name] = not NEWER_THAN_2[name]
    end
    drop_unknown(home.root, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid DESC", tables,
        "PRAGMA foreign_keys = OFF; DROP TABLE %s")
    drop_unknown(home.root, "SELECT name FROM pragma_table_info('leases')", LEASE_COLUMNS,
        "ALTER TABLE leases DROP COLUMN %s")
    drop_unknown(home.root, "SELECT name FROM pragma_table_info('events')", EVENT_COLUMNS,
        "ALTER TABLE events DROP COLUMN %s")
    tools.sql(home.root, "DELETE FROM settings WHERE name IN ('store_id', 'trimmed')")
    tools.sql(home.root, "PRAGMA user_version = 2")
end

local function filled()
    local home = world.new()
    local store = home.store
    assert(store:prepare("p", nil, { labels = { b = "2", a = "1", ["c/ü"] = ("x"):rep(3000) } }))
    assert(store:commit("base", "p", { labels = { kept = "yes", z = ("y"):rep(200) } }))
    assert(store:prepare("bare", "base"))
    assert(store:view("seen", "base", { labels = { only = "one" } }))
    return home
end

local function everything(store)
    local infos = {}
    for info in store:walk() do
        infos[info.name] = info
    end
    return infos
end

describe("a store of version 1", function()
    it("is brought to this version with all it holds", function()
        local home <close> = filled()
        local before = everything(home.store)
        of_version_1(home)
        home.store = assert(moonsnap.open { root = home.root })
        assert.same(before, everything(home.store))
        assert.same({}, assert(home.store:check()))
    end)

    it("is brought there once, by whoever comes first", function()
        local home <close> = filled()
        of_version_1(home)
        home.store = assert(moonsnap.open { root = home.root })
        local again <close> = assert(moonsnap.open { root = home.root })
        assert.same(everything(home.store), everything(again))
        assert(again:update({ name = "base", labels = { later = "too" } }, { "labels.later" }))
        assert.equal("too", assert(home.store:stat("base")).labels.later)
    end)

    it("is found by its labels as before", function()
        local home <close> = filled()
        of_version_1(home)
        home.store = assert(moonsnap.open { root = home.root })
        assert.same({ "base" }, expect.names(home.store:walk("labels.kept==yes")))
        assert.same({ "seen" }, expect.names(home.store:walk("labels.only")))
    end)
end)

describe("a store of version 2", function()
    it("goes on behind the events that it has", function()
        local home <close> = filled()
        local before = everything(home.store)
        of_version_2(home)
        tools.sql(home.root, "DELETE FROM events WHERE sequence <= 2") -- as its cleanup did
        home.store = assert(moonsnap.open { root = home.root })
        assert.same(before, everything(home.store))
        assert(home.store:remove("seen"))
        local found = {}
        for event in home.store:events() do
            found[#found + 1] = { event.sequence, event.topic, event.key, event.labels }
        end
        assert.same({
            { 3, "/snapshot/prepare", "bare", {} }, { 4, "/moonsnap/view", "seen", {} },
            { 5, "/snapshot/remove", "seen", { only = "one" } },
        }, found)
        local lost = assert(home.store:events { since = 1 })()
        assert.same({ "/moonsnap/lost", 2, 2 }, { lost.topic, lost.from, lost.to })
    end)

    it("is told from any other by its cursors from then on", function()
        local home <close> = filled()
        of_version_2(home)
        home.store = assert(moonsnap.open { root = home.root })
        local cursor = assert(home.store:cursor())
        local again <close> = assert(moonsnap.open { root = home.root })
        assert.equal(cursor, assert(again:cursor()))
        assert.is_truthy(cursor:find("^%x+%-4$"))
    end)
end)

describe("labels in a row", function()
    it("are what the table says, whatever changes them", function()
        local home <close> = filled()
        assert(home.store:update({ name = "base", labels = { kept = "no" } }, { "labels.kept", "labels.z" }))
        assert(home.store:update({ name = "bare", labels = { x = "1", y = "" } }))
        assert(home.store:update({ name = "seen" }))
        assert.same({ kept = "no" }, assert(home.store:stat("base")).labels)
        assert.same({ x = "1" }, assert(home.store:stat("bare")).labels)
        assert.same({}, assert(home.store:stat("seen")).labels)
        assert.same({}, assert(home.store:check()))
    end)

    it("that are no labels are data_loss", function()
        local home <close> = filled()
        tools.sql(home.root, "UPDATE snapshots SET labels = x'3205ff' WHERE key = 'bare'")
        expect.fails("data_loss", home.store:stat("bare"))
        assert(home.store:check { repair = true })
        assert.same({}, assert(home.store:stat("bare")).labels)
    end)
end)
