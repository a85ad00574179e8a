--- What is so of every plan, of random stores by random rules. MOONSNAP_SEED repeats a run.
local facts = require "spec.support.facts"
local planner = require "moonsnap.gc.plan"
local stores = require "spec.support.stores"

local SEED = require "spec.support.seed"
local ROUNDS = 150

--- Calls look for many random stores, rules and their plans.
local function every(with_bounds, look)
    for round = 1, ROUNDS do
        local seed = SEED + round
        math.randomseed(seed)
        local list = facts.facts(stores.words(math.random(1, 60)))
        local rules = stores.rules(with_bounds)
        local state = facts.state { filesystem = { size = 100000, free = 1500 } }
        local plan = assert(planner.plan(list, rules, state))
        look(list, rules, plan, state, ("MOONSNAP_SEED=%d"):format(seed - 1))
    end
end

local REASONS = { keep = { pinned = true, leased = true, mounted = true, owned = true, min_age = true, needed = true,
    kept = true, no_rule = true, referenced = true },
    remove = { expired = true, released = true, demand = true, unreferenced = true } }

describe("every plan", function()
    it("has each snapshot once, with one reason that fits its verdict", function()
        every(true, function(list, _, plan, _, note)
            local seen = {}
            for _, item in ipairs(plan.items) do
                assert.is_nil(seen[item.key], note)
                seen[item.key] = true
                assert.is_true(REASONS[item.verdict][item.reason], note .. " " .. item.reason)
                assert.is_string(item.text)
            end
            assert.equal(#list, #plan.items, note)
        end)
    end)

    it("leaves every snapshot that stays its ancestors, and removes children before parents", function()
        every(true, function(list, _, plan, _, note)
            local verdict, place, parent = {}, {}, {}
            for at, item in ipairs(plan.items) do
                verdict[item.key], place[item.key] = item.verdict, at
            end
            for _, fact in ipairs(list) do
                parent[fact.name] = fact.parent
            end
            for name, above in pairs(parent) do
                if above ~= "" then
                    assert.is_false(verdict[name] == "keep" and verdict[above] == "remove", note .. " " .. name)
                    assert.is_true(place[name] < place[above], note)
                end
            end
        end)
    end)

    it("never takes what is held", function()
        every(true, function(list, _, plan, _, note)
            local held = {}
            for _, fact in ipairs(list) do
                held[fact.name] = fact.held
            end
            for _, key in ipairs(facts.removed(plan)) do
                assert.is_nil(held[key], note .. " " .. key)
            end
        end)
    end)

    it("counts what is there before and after", function()
        every(true, function(list, _, plan, _, note)
            local count, size = #list, 0
            for _, fact in ipairs(list) do
                size = size + fact.size
            end
            assert.same({ count = count, size = size }, plan.before, note)
            for _, item in ipairs(plan.items) do
                if item.verdict == "remove" then
                    count, size = count - 1, size - item.size
                end
            end
            assert.same({ count = count, size = size }, plan.after, note)
        end)
    end)

    it("leaves nothing to do for a second one: a plan of what is left is empty", function()
        every(true, function(list, rules, plan, state, note)
            state.filesystem.free = state.filesystem.free + plan.before.size - plan.after.size
            local again = assert(planner.plan(stores.after(list, plan), rules, state))
            assert.same({}, facts.removed(again), note)
        end)
    end)

    it("is the same twice", function()
        every(true, function(list, rules, plan, state, note)
            assert.same(plan, assert(planner.plan(list, rules, state)), note)
        end)
    end)

    it("removes no more when a rule that only keeps is added", function()
        every(false, function(list, rules, plan, state, note)
            local before = {}
            for _, key in ipairs(facts.removed(plan)) do
                before[key] = true
            end
            table.insert(rules, math.random(1, #rules + 1), { name = "more", keep = stores.keep(), rest = "stay" })
            for _, key in ipairs(facts.removed(assert(planner.plan(list, rules, state)))) do
                local own = before[key]
                assert.is_true(own, note .. " " .. key)
            end
        end)
    end)

    it("meets its bounds, or says by how much it does not", function()
        every(true, function(list, rules, plan, _, note)
            local unmet = {}
            for _, one in ipairs(plan.unmet) do
                unmet[one.rule .. one.bound] = one.short
                assert.is_true(one.short > 0, note)
            end
            for _, rule in ipairs(rules) do
                local least = rule.bounds and rule.bounds.min_free
                if least then
                    local free = 1500 + plan.before.size - plan.after.size
                    assert.is_true(free >= least or (unmet[rule.name .. "min_free"] or 0) > 0, note)
                end
            end
            assert.is_true(#list >= plan.after.count)
        end)
    end)
end)
