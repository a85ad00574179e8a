--- Stored plans: kept with their store, done item by item, gone on with later.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local world = require "spec.support.world"

local fails, saying = expect.fails, expect.fails_saying

local function item(number, fields)
    local made = { number = number, key = "k" .. number, verdict = "remove", reason = "expired", rule = "nightly",
        text = "older than 7d", size = 4096 * number, updated = 10 + number, used = 20 + number, use_count = number }
    for name, value in pairs(fields or {}) do
        made[name] = value
    end
    return made
end

local function save(store, items, header)
    return store.engine:plan_save(store.name_space, header or "{}", items)
end

describe("engine:plan_save(namespace, header, items)", function()
    it("keeps header and items in their order, for whoever opens the store later", function()
        local home <close> = world.new()
        local items = { item(9), item(3, { verdict = "keep", reason = "needed" }), item(7) }
        local id = assert(save(home.store, items, '{"rules":"ü"}'))
        home.store:close()
        home.store = assert(moonsnap.open { root = home.root })
        local engine = home.store.engine
        local plan = assert(engine:plan_load("default", id))
        assert.same({ id, "default", '{"rules":"ü"}', 3, 0 },
            { plan.id, plan.namespace, plan.header, plan.items, plan.done })
        local read = assert(engine:plan_items("default", id))
        for place, made in ipairs(items) do
            made.place = place
        end
        assert.same(items, read)
    end)

    it("gives ids that sort as time does", function()
        local home <close> = world.new()
        local ids = {}
        for i = 1, 5 do
            ids[i] = assert(save(home.store, {}))
            assert.is_truthy(ids[i]:match("^[0-9a-z]+%-%x%x%x%x$"), ids[i])
            local from = moonsnap.sys.steady()
            repeat until moonsnap.sys.steady() - from > 0.002
        end
        local sorted = table.move(ids, 1, 5, 1, {})
        table.sort(sorted)
        assert.same(sorted, ids)
    end)

    it("takes more items later, behind those that are there", function()
        local home <close> = world.new()
        local engine = home.store.engine
        local id = assert(save(home.store, { item(9), item(3) }))
        assert(engine:plan_append("default", id, { item(7) }))
        assert(engine:plan_append("default", id, {}))
        local read = assert(engine:plan_items("default", id))
        assert.same({ 3, 7, 3 }, { #read, read[3].number, read[3].place })
        assert.equal(3, assert(engine:plan_load("default", id)).items)
        fails("not_found", engine:plan_append("default", "000" .. id:sub(4), { item(1) }))
        fails("invalid_argument", engine:plan_append("default", id, { item(1, { text = "\xff" }) }))
    end)

    it("keeps the newest 50 of each namespace", function()
        local home <close> = world.new()
        local store = home.store
        local other = assert(store:namespace("other"))
        local theirs = assert(save(other, { item(1) }))
        local first, last = assert(save(store, { item(1) })), nil
        store:transaction(function()
            for _ = 1, 50 do
                last = assert(save(store, { item(1) }))
            end
            return true
        end)
        local plans = assert(store.engine:plan_list("default"))
        assert.equal(50, #plans)
        assert(store.engine:plan_load("default", last))
        saying("not_found", "the newest 50 are kept", store.engine:plan_load("default", first))
        fails("not_found", store.engine:plan_items("default", first))
        assert(other.engine:plan_load("other", theirs))
    end)

    it("refuses what is no item, and says what", function()
        local home <close> = world.new()
        for _, bad in ipairs { { 1 }, { item(1, { key = 5 }) }, { item(1, { size = "x" }) },
            { item(1, { size = 1.5 }) }, { item(1, { text = "a\0" }) } } do
            assert.has_error(function() save(home.store, bad) end)
        end
        fails("invalid_argument", save(home.store, { item(1, { text = "\xff" }) }))
        assert.same({}, home.store.engine:plan_list("default"))
    end)
end)

describe("engine:plan_done(namespace, id, place, outcomes)", function()
    local function numbers(items)
        local list = {}
        for i, read in ipairs(assert(items)) do
            list[i] = read.number
        end
        return list
    end

    it("goes on item by item: removed, but for those whose outcome is given", function()
        local home <close> = world.new()
        local engine = home.store.engine
        local id = assert(save(home.store, { item(9), item(3), item(7), item(5) }))
        assert(engine:plan_done("default", id, 1, {}))
        assert(engine:plan_done("default", id, 3, { { place = 2, outcome = "busy", text = "it is mounted" } }))
        assert.equal(3, assert(engine:plan_load("default", id)).done)
        assert.same({ 5 }, numbers(engine:plan_items("default", id, "")))
        assert.same({ 9, 7 }, numbers(engine:plan_items("default", id, "removed")))
        local busy = assert(engine:plan_items("default", id, "busy"))
        assert.same({ 1, 3, "busy", "it is mounted" },
            { #busy, busy[1].number, busy[1].outcome, busy[1].outcome_text })
        assert.same({ 9, 3, 7, 5 }, numbers(engine:plan_items("default", id)))
    end)

    it("never goes back", function()
        local home <close> = world.new()
        local engine = home.store.engine
        local id = assert(save(home.store, { item(9), item(3), item(7) }))
        assert(engine:plan_done("default", id, 2, {}))
        assert(engine:plan_done("default", id, 1, {}))
        assert.equal(2, assert(engine:plan_load("default", id)).done)
    end)

    it("refuses places that no item has, and what is no outcome, and writes nothing of them", function()
        local home <close> = world.new()
        local engine = home.store.engine
        local id = assert(save(home.store, { item(9), item(3) }))
        for _, place in ipairs { 0, 3, -1 } do
            saying("not_found", ("no item %d"):format(place), engine:plan_done("default", id, place, {}))
        end
        fails("not_found", engine:plan_done("default", id, 1, { { place = 1, outcome = "busy" },
            { place = -1, outcome = "busy" } }))
        saying("invalid_argument", "behind 1", engine:plan_done("default", id, 1, { { place = 2, outcome = "busy" } }))
        fails("invalid_argument", engine:plan_done("default", id, 1, { { place = 1, outcome = "" } }))
        fails("invalid_argument", engine:plan_done("default", id, 1, { { place = 1, outcome = "\xff" } }))
        for _, bad in ipairs { { 1 }, { { place = "x", outcome = "busy" } }, { { place = 1, outcome = 5 } } } do
            assert.has_error(function() engine:plan_done("default", id, 1, bad) end)
        end
        assert.equal(0, assert(engine:plan_load("default", id)).done)
        assert.same({ 9, 3 }, numbers(engine:plan_items("default", id, "")))
    end)

    it("is one with the transaction that does it", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:prepare("k1"))
        local id = assert(save(store, { item(1) }))
        store:transaction(function(inside)
            assert(inside:remove("k1"))
            assert(inside.engine:plan_done("default", id, 1, {}))
            return nil, moonsnap.error("aborted", "no")
        end)
        assert(store:stat("k1"))
        assert.equal(0, assert(store.engine:plan_load("default", id)).done)
    end)
end)

describe("engine:plan_items(namespace, id, outcome, after, count)", function()
    it("reads in pages", function()
        local home <close> = world.new()
        local items = {}
        for number = 1, 25 do
            items[number] = item(number)
        end
        local id = assert(save(home.store, items))
        local seen, after = {}, 0
        repeat
            local page = assert(home.store.engine:plan_items("default", id, nil, after, 10))
            for _, read in ipairs(page) do
                seen[#seen + 1], after = read.number, read.place
            end
        until #page < 10
        assert.equal(25, #seen)
        assert.same({ 1, 25 }, { seen[1], seen[25] })
    end)
end)

describe("a plan of another store", function()
    it("is refused by its id", function()
        local one <close> = world.new()
        local two <close> = world.new()
        local id = assert(save(one.store, { item(1) }))
        saying("failed_precondition", "is of another store", two.store.engine:plan_load("default", id))
        saying("failed_precondition", "is of another store", two.store.engine:plan_items("default", id))
        fails("failed_precondition", two.store.engine:plan_done("default", id, 1, {}))
        fails("invalid_argument", two.store.engine:plan_load("default", "nonsense"))
    end)

    it("is what it is once its own was rebuilt", function()
        local home <close> = world.new()
        assert(home.store:prepare("p"))
        assert(home.store:commit("base", "p"))
        local id = assert(save(home.store, { item(1) }))
        home.store:close()
        assert(os.remove(home.root .. "/metadata.db"))
        assert(moonsnap.rebuild(home.root))
        home.store = assert(moonsnap.open { root = home.root })
        saying("failed_precondition", "rebuilt", home.store.engine:plan_load("default", id))
    end)
end)
