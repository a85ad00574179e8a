--- Collection in a store behind a service's socket, over moonsnap.v1.Control, by the rules of the service's policy.

local arguments = require "moonsnap.arguments"

local need, options_of = arguments.need, arguments.options

local M = {}

---@class moonsnap.client.Collector: moonsnap.gc.Collector
---@field store moonsnap.client.Store
local Collector = {}
local meta = { __index = Collector, __name = "moonsnap.client.gc" }

---@param store moonsnap.client.Store
---@return moonsnap.gc.Collector
function M.new(store)
    return setmetatable({ store = store }, meta)
end

local PLAN = { trigger = "string", dry = "boolean", unseen = "boolean" }

--- The items of a plan are those that it removes.
function Collector:plan(options)
    options = options_of("plan", options, PLAN)
    local lines, err = self.store:all("gc_plan", { trigger = options.trigger, dry = options.dry,
        unseen = options.unseen })
    if not lines then
        return nil, err
    end
    local plan = table.remove(lines, 1)
    plan.items = lines
    return plan
end

local APPLY = { force = "boolean", unseen = "boolean", progress = "function" }

function Collector:apply(id, options)
    need("apply", "id", id, "string")
    options = options_of("apply", options, APPLY)
    return self.store:ask("gc_apply", { id = id, force = options.force, unseen = options.unseen })
end

function Collector:explain(key, options)
    need("explain", "key", key, "string")
    options = options_of("explain", options, { trigger = "string" })
    return self.store:ask("gc_explain", { key = key, trigger = options.trigger })
end

function Collector:plans()
    return self.store:all("gc_plans", {})
end

function Collector:load(id)
    need("load", "id", id, "string")
    return self.store:ask("gc_load", { id = id })
end

function Collector:items(id)
    need("items", "id", id, "string")
    return self.store:all("gc_items", { id = id })
end

return M
