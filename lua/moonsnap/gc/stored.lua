--- Plans as they are stored: what a plan removes, item by item, and a header that says what it was made of.

local dkjson = require "dkjson"

local readable = require "moonsnap.readable"

local M = {}

--- Counts and bytes of items by verdict and reason.
---@param items moonsnap.gc.Item[]
---@return {verdict: string, reason: string, count: integer, size: integer}[]  removals first, many before few
function M.totals_of(items)
    local totals = {}
    for _, item in ipairs(items) do
        local key = item.verdict .. " " .. item.reason
        local total = totals[key]
        if not total then
            total = { verdict = item.verdict, reason = item.reason, count = 0, size = 0 }
            totals[key] = total
            totals[#totals + 1] = total
        end
        total.count, total.size = total.count + 1, total.size + item.size
    end
    local list = table.move(totals, 1, #totals, 1, {})
    table.sort(list, function(a, b)
        if a.verdict ~= b.verdict then
            return a.verdict == "remove"
        end
        return a.count > b.count or a.count == b.count and a.reason < b.reason
    end)
    return list
end

--- What a plan is called by once its items are left out.
---@param plan moonsnap.gc.Plan
---@return table
function M.header(plan)
    return {
        at = plan.at, rules = plan.rules, trigger = plan.trigger, before = plan.before, after = plan.after,
        unmet = plan.unmet, monitors = plan.monitors, totals = plan.totals or M.totals_of(plan.items), pace = plan.pace,
    }
end

--- Stores a plan; it is the store's from then on, under plan.id. In whatever transaction is open.
---@param engine moonsnap.core.Store
---@param plan   moonsnap.gc.Plan
---@param facts  moonsnap.gc.Fact[]
---@return string? id
---@return moonsnap.Error? err
function M.save(engine, plan, facts)
    local by_number, items = {}, {}
    for i = 1, #facts do
        by_number[facts[i].number] = facts[i]
    end
    for _, item in ipairs(plan.items) do
        if item.verdict == "remove" then
            local fact = by_number[item.number]
            items[#items + 1] = {
                number = item.number, key = item.key, verdict = item.verdict, reason = item.reason, rule = item.rule,
                text = item.text, size = item.size, updated = fact.updated, used = fact.used,
                use_count = fact.use_count,
            }
        end
    end
    return engine:plan_save(plan.namespace, dkjson.encode(readable.value(M.header(plan))), items)
end

--- A stored plan without its items.
---@param engine     moonsnap.core.Store
---@param name_space string
---@param id         string
---@return table? plan  id, namespace, at, rules, before, after, totals, unmet, monitors, pace; items, done: how many
---@return moonsnap.Error? err
function M.load(engine, name_space, id)
    local found, err = engine:plan_load(name_space, id)
    if not found then
        return nil, err
    end
    return M.of(found)
end

--- What plan_load and plan_list answer, read.
function M.of(found)
    local plan = dkjson.decode(found.header) or {}
    plan.id, plan.namespace, plan.items, plan.done = found.id, found.namespace, found.items, found.done
    return plan
end

local PAGE = 1000

--- The item by which a collection removed key last, as far as plans are kept.
---@param engine     moonsnap.core.Store
---@param name_space string
---@param key        string
---@param pause?     fun()  called every some thousand items
---@return moonsnap.gc.Item? item  with plan and at: the plan's id, and when it was made; nil alone when there is none
---@return moonsnap.Error? err
function M.removal_of(engine, name_space, key, pause)
    local plans, err = engine:plan_list(name_space)
    for _, plan in ipairs(plans or {}) do
        local place, items = 0
        repeat
            items, err = engine:plan_items(name_space, plan.id, "removed", place, PAGE)
            for _, item in ipairs(items or {}) do
                if item.key == key then
                    item.plan, item.at = plan.id, plan.created
                    return item
                end
                place = item.place
            end
            if pause then
                pause()
            end
        until not items or #items < PAGE
    end
    return nil, err
end

return M
