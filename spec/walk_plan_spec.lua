--- How a walk finds its rows: by an index where the filter allows one, and what it finds is the same.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local world = require "spec.support.world"

--- 300 views with labels n=0..299, every tenth tenth=yes, half of them below a parent.
local function filled()
    local home = world.new()
    local store = home.store
    assert(store:prepare("k"))
    assert(store:commit("base", "k"))
    assert(store:transaction(function()
        for i = 0, 299 do
            local labels = { n = tostring(i), tenth = i % 10 == 0 and "yes" or "no" }
            if i % 50 == 0 then
                labels["with.dots/and slash"] = "x"
            end
            assert(store:view("v" .. i, i % 2 == 0 and "base" or nil, { labels = labels }))
        end
        return true
    end))
    return home
end

--- Filters that an index answers.
local INDEXED = {
    { "labels.tenth==yes" }, { [[labels."with.dots/and slash"]] }, { "labels.n==7" }, { "parent==base" },
    { "name==v7" },
    { "kind==view,labels.n==7" }, { "labels.n==7", "labels.n==8" }, { "name==v7", "labels.tenth==yes,parent==base" },
    { "labels.nobody" }, { "parent==nobody" }, { "name~=v,labels.n==7" },
}

--- Filters that need every row.
local SCANNED = { {}, { "kind==view" }, { "name~=^v1" }, { "labels.n!=7" }, { "labels.n==7", "kind==view" }, { "" } }

--- What the filter itself says of each info: the truth.
local function matching(store, filters)
    local filter = #filters > 0 and assert(moonsnap.filter(filters))
    local names = {}
    for info in store:walk() do
        if not filter or filter:match(info) then
            names[#names + 1] = info.name
        end
    end
    table.sort(names)
    return names
end

describe("store:walk(...)", function()
    for _, filters in ipairs(INDEXED) do
        it(("answers %s from an index"):format(table.concat(filters, " or ")), function()
            local home <close> = filled()
            local plan = assert(home.store:explain(table.unpack(filters)))
            assert.is_nil(plan:find("SCAN snapshots", 1, true), plan)
            assert.is_nil(plan:find("SCAN s\n", 1, true), plan)
            assert.is_truthy(plan:find("SEARCH", 1, true), plan)
        end)
    end

    for _, list in ipairs { INDEXED, SCANNED } do
        for _, filters in ipairs(list) do
            it(("finds by %q what the filter matches"):format(table.concat(filters, " or ")), function()
                local home <close> = filled()
                assert.same(matching(home.store, filters), expect.names(home.store:walk(table.unpack(filters))))
            end)
        end
    end

    it("gives rows in the order of their numbers, from an index too", function()
        local home <close> = filled()
        local last, ordered = 0, true
        for info in home.store:walk("labels.tenth==yes", "parent==base") do
            ordered, last = ordered and info.number > last, info.number
        end
        assert.is_true(ordered)
    end)

    it("gives a row once that two filters of the list match", function()
        local home <close> = filled()
        assert.same({ "v0" }, expect.names(home.store:walk("name==v0", "labels.n==0", "name==v0,labels.tenth==yes")))
    end)

    it("stays in its namespace when an index answers", function()
        local home <close> = filled()
        local other = assert(home.store:namespace("other"))
        assert(other:view("theirs", nil, { labels = { n = "7" } }))
        assert.same({ "theirs" }, expect.names(other:walk("labels.n==7")))
    end)
end)

describe("store:explain(...)", function()
    it("refuses a bad filter", function()
        local home <close> = world.new()
        expect.fails("invalid_argument", home.store:explain("name=="))
    end)
end)
