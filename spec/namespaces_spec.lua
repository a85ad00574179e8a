--- Namespaces as records: names with labels, which need no making to be used.
local expect = require "spec.support.expect"
local world = require "spec.support.world"

local fails = expect.fails

local function listed(records)
    local found = {}
    for i, record in ipairs(assert(records:list())) do
        found[i] = record.name
    end
    return found
end

describe("store:namespace_records()", function()
    it("knows a namespace as long as it has a record, a snapshot or a lease", function()
        local home <close> = world.new()
        local records = home.store:namespace_records()
        assert.same({}, listed(records))
        fails("not_found", records:get("default"))
        assert(home.store:prepare("k"))
        assert(assert(home.store:namespace("leased")):leases():create("l"))
        assert(records:create("made"))
        assert.same({ "default", "leased", "made" }, listed(records))
        assert.same({ name = "default", created = 0, labels = {} }, records:get("default"))
        assert(home.store:remove("k"))
        assert.same({ "leased", "made" }, listed(records))
        fails("not_found", records:get("default"))
    end)

    it("stays fast to list however many snapshots there are", function()
        local home <close> = world.new()
        assert(home.store:transaction(function(store)
            for i = 1, 300 do
                assert(assert(store:namespace("n" .. i % 3)):prepare("k" .. i))
            end
            return true
        end))
        assert.same({ "n0", "n1", "n2" }, listed(home.store:namespace_records()))
    end)

    it("creates what does not exist in any way", function()
        local home <close> = world.new()
        local records = home.store:namespace_records()
        local made = assert(records:create("a", { labels = { x = "1", empty = "" } }))
        assert.same({ "a", { x = "1" } }, { made.name, made.labels })
        assert.is_true(made.created > 0)
        assert.same(made, records:get("a"))
        fails("already_exists", records:create("a"))
        assert(home.store:prepare("k"))
        fails("already_exists", records:create("default"))
        fails("invalid_argument", records:create(""))
        fails("invalid_argument", records:create("a\0"))
        fails("invalid_argument", records:create("b", { labels = { [""] = "x" } }))
    end)

    it("updates labels by paths, in order, or all of them", function()
        local home <close> = world.new()
        local records = home.store:namespace_records()
        local made = assert(records:create("a", { labels = { x = "1", y = "2" } }))
        local function labels(wanted, paths)
            return assert(records:update({ name = "a", labels = wanted }, paths)).labels
        end
        assert.same({ x = "9", y = "2" }, labels({ x = "9", z = "8" }, { "labels.x" }))
        assert.same({ x = "9" }, labels({}, { "labels.y" }))
        assert.same({ x = "9", ["p.q/r"] = "5" }, labels({ ["p.q/r"] = "5" }, { "labels.p.q/r" }))
        assert.same({ z = "7" }, labels({ z = "7" }))
        assert.same({}, labels(nil, { "labels" }))
        assert.equal(made.created, assert(records:get("a")).created)
        fails("invalid_argument", records:update({ name = "a" }, { "labels.x", "name" }))
    end)

    it("makes a record by updating, with the labels of what had none", function()
        local home <close> = world.new()
        local records = home.store:namespace_records()
        assert.same({ x = "1" }, assert(records:update { name = "new", labels = { x = "1" } }).labels)
        assert.is_true(assert(records:get("new")).created > 0)
    end)

    it("deletes what has no snapshots, and its leases with it", function()
        local home <close> = world.new()
        local records = home.store:namespace_records()
        fails("not_found", records:delete("default"))
        assert(home.store:prepare("k"))
        assert(home.store:leases():create("l"))
        assert(records:update { name = "default", labels = { x = "1" } })
        expect.fails_saying("failed_precondition", "must be empty", records:delete("default"))
        assert(home.store:remove("k"))
        assert(records:delete("default"))
        assert.same({}, listed(records))
        assert.same({}, home.store:leases():list())
    end)

    it("is part of a transaction", function()
        local home <close> = world.new()
        local records = home.store:namespace_records()
        assert.is_false(pcall(home.store.transaction, home.store, function()
            assert(records:create("a"))
            error("no")
        end))
        assert.same({}, listed(records))
    end)
end)
