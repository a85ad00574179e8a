--- The verbs of moonsnap.v1.Control about collection: plans, by the retention rules of the service's policy.
---
---     gc_plan {trigger, dry, unseen}     the plan without items, then a line for each snapshot that it removes
---     gc_apply {id, force, unseen}       what came of it
---     gc_explain {key, trigger}, gc_plans, gc_load {id}, gc_items {id}
---
--- Applying frees the layers in the background.

local stored = require "moonsnap.gc.stored"

local M = {}

local ARRAY = { __jsontype = "array" }
local OBJECT = { __jsontype = "object" }

--- What each argument is.
M.KNOWN = { trigger = "string", dry = "boolean", unseen = "boolean", force = "boolean", id = "string" }

local function plan_line(plan)
    for _, name in ipairs { "totals", "unmet", "monitors" } do
        plan[name] = setmetatable(plan[name] or {}, ARRAY)
    end
    plan.pace = plan.pace and setmetatable(plan.pace, OBJECT)
    return plan
end

--- The lines of a plan: itself, then what it removes.
local function lines_of(plan)
    local header = stored.header(plan)
    header.id, header.namespace = plan.id, plan.namespace
    local at = -1
    return function()
        if at < 0 then
            at = 0
            return plan_line(header)
        end
        local item
        repeat
            at = at + 1
            item = plan.items[at]
        until not item or item.verdict == "remove"
        return item
    end
end

local function same(value)
    return value
end

--- The verbs: the arguments that each needs, and what it does; see control_verbs.lua.
---@return table<string, table>
function M.verbs(one, each, listed)
    return {
        gc_plan = { {}, each(function(store, a)
            local plan, err = store:gc():plan { trigger = a.trigger, dry = a.dry, unseen = a.unseen }
            if not plan then
                return nil, err
            end
            return lines_of(plan)
        end, same) },
        gc_apply = { { "id" }, one(function(store, a, alive)
            local function progress() return alive() or false end -- nobody waits: what is left, the next one does
            return store:gc():apply(a.id, { force = a.force, unseen = a.unseen, progress = progress })
        end, function(done)
            setmetatable(done.skipped, ARRAY)
            return done
        end) },
        gc_explain = { { "key" }, one(function(store, a)
            return store:gc():explain(a.key, { trigger = a.trigger })
        end, function(item)
            setmetatable(item.children, ARRAY)
            return item
        end) },
        gc_plans = { {}, each(listed(function(store) return store:gc():plans() end), plan_line) },
        gc_load = { { "id" }, one(function(store, a) return store:gc():load(a.id) end, plan_line) },
        gc_items = { { "id" }, each(listed(function(store, a) return store:gc():items(a.id) end), same) },
    }
end

return M
