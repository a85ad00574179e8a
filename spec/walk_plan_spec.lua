--- Walks that an index answers, walks that look at every row, and that both say the same.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local world = require "spec.support.world"

--- A store with bases, children and labels in two namespaces.
local function filled(count)
    local home = world.new()
    home.store:transaction(function(store)
        for i = 1, 3 do
            assert(store:prepare("k"))
            assert(store:commit("base" .. i, "k"))
        end
        local other = assert(store:namespace("other"))
        for i = 1, count do
            local labels = {
                colour = ({ "red", "green", "blue" })[i % 5],
                ["containerd.io/gc.root"] = i % 7 == 0 and "now" or nil,
                ["a.b"] = tostring(i % 2),
            }
            local parent = i % 4 ~= 0 and "base" .. i % 4 or nil
            assert(i % 3 == 0 and store:view("s" .. i, parent, { labels = labels }) or
                store:prepare("s" .. i, parent, { labels = labels }))
            assert(other:prepare("s" .. i, nil, { labels = labels }))
        end
    end)
    return home
end

--- Filters and whether indexes alone find what they can match.
local PLANS = {
    { "labels.colour==red", true },
    { [[labels."containerd.io/gc.root"==now]], true },
    { [[labels."containerd.io/gc.root"]], true },
    { "name==s1", true },
    { "parent==base1", true },
    { "kind==view,labels.colour==red", true },
    { "labels.colour==red,name~=/s1.*/", true },
    { "kind==view", false },
    { "kind!=view", false },
    { "name~=/s1.*/", false },
    { "name!=s1", false },
    { [[parent==""]], false },
    { "labels.colour!=red", false },
    { "labels.colour~=/r.d/", false },
}

local function scans(plan)
    return plan:find("SCAN snapshots", 1, true) ~= nil or plan:find("SCAN labels", 1, true) ~= nil or
        plan:find("snapshots_by_namespace", 1, true) ~= nil
end

describe("store:explain(filter)", function()
    for _, case in ipairs(PLANS) do
        it(("says that %s %s"):format(case[1], case[2] and "is a look-up" or "looks at every row"), function()
            local home <close> = filled(1)
            local plan = assert(home.store:explain(case[1]))
            assert.equal(not case[2], scans(plan), plan)
        end)
    end

    it("says that several look-ups are look-ups", function()
        local home <close> = filled(1)
        local plan = assert(home.store:explain("labels.colour==red", "name==s1", "parent==base1",
            [[labels."containerd.io/gc.root"]]))
        assert.is_false(scans(plan), plan)
    end)

    it("says that one scan among several makes it a scan", function()
        local home <close> = filled(1)
        assert.is_true(scans(assert(home.store:explain("labels.colour==red", "kind==view"))))
    end)

    it("says that a walk over everything looks at every row", function()
        local home <close> = filled(1)
        assert.is_true(scans(assert(home.store:explain())))
    end)

    it("says which index finds a label", function()
        local home <close> = filled(1)
        assert.is_truthy(home.store:explain("labels.colour==red"):find("labels_by_value", 1, true))
    end)

    it("refuses a filter that does not parse", function()
        local home <close> = world.new()
        expect.fails("invalid_argument", home.store:explain("name=="))
    end)
end)

--- What a walk must give: every row that the filter matches.
local function by_matching(store, filters)
    local filter = assert(moonsnap.filter(filters))
    local names = {}
    for info in store:walk() do
        if filter:match(info) then
            names[#names + 1] = info.name
        end
    end
    table.sort(names)
    return names
end

local FIELDS = {
    function() return "name", "s" .. math.random(40) end,
    function() return "name", "base" .. math.random(4) end,
    function() return "parent", "base" .. math.random(4) end,
    function() return "parent", "" end,
    function() return "kind", ({ "active", "view", "committed" })[math.random(3)] end,
    function() return "labels.colour", ({ "red", "green", "blue", "" })[math.random(4)] end,
    function() return [[labels."a.b"]], tostring(math.random(0, 2)) end,
    function() return [[labels."containerd.io/gc.root"]], ({ "now", "x" })[math.random(2)] end,
    function() return "labels.missing", "x" end,
    function() return "labels", "x" end,
    function() return "nonsense", "x" end,
}

local function selector()
    local field, value = FIELDS[math.random(#FIELDS)]()
    local op = ({ "==", "==", "==", "!=", "~=", "" })[math.random(6)]
    return op == "" and field or ("%s%s%q"):format(field, op, value)
end

local function random_filters()
    local filters = {}
    for i = 1, math.random(3) do
        local selectors = {}
        for j = 1, math.random(3) do
            selectors[j] = selector()
        end
        filters[i] = table.concat(selectors, ",")
    end
    return filters
end

describe("store:walk(filter)", function()
    it("gives what matching every row gives, for random filters", function()
        local home <close> = filled(40)
        math.randomseed(20)
        for _ = 1, 600 do
            local filters = random_filters()
            assert.same(by_matching(home.store, filters), expect.names(home.store:walk(table.unpack(filters))),
                table.concat(filters, " or "))
        end
    end)

    it("gives nothing of another namespace, whichever index finds it", function()
        local home <close> = filled(12)
        local other = assert(home.store:namespace("other"))
        for _, filter in ipairs { "labels.colour==red", "name==base1", "parent==base1", "labels.colour" } do
            assert.same(by_matching(other, { filter }), expect.names(other:walk(filter)), filter)
        end
    end)

    it("gives each snapshot once, though several filters find it", function()
        local home <close> = filled(12)
        local names = expect.names(home.store:walk("name==s1", "labels.colour==red", "labels.colour", "parent==base1"))
        for i = 2, #names do
            assert.is_true(names[i - 1] ~= names[i], names[i])
        end
        assert.is_true(#names > 4)
    end)

    it("gives more than one page, in order of number", function()
        local home <close> = filled(700)
        local before, count = 0, 0
        for info in home.store:walk [[labels."a.b"]] do
            assert.is_true(info.number > before)
            before, count = info.number, count + 1
        end
        assert.equal(700, count)
    end)

    it("takes as many filters as there may be", function()
        local home <close> = filled(12)
        local filters = {}
        for i = 1, 64 do
            filters[i] = ("labels.colour==%d"):format(i)
        end
        filters[64] = "labels.colour==red"
        assert.same(by_matching(home.store, filters), expect.names(home.store:walk(table.unpack(filters))))
    end)

    it("passes over what was removed while it went on", function()
        local home <close> = filled(700)
        local seen = {}
        for info in home.store:walk [[labels."a.b"]] do
            if #seen == 0 then
                assert(home.store:remove("s700", { later = true }))
            end
            seen[#seen + 1] = info.name
        end
        assert.equal(699, #seen)
    end)
end)
