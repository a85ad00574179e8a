--- Collection of one namespace: plans that are stored, shown, explained and done. `store:gc()` answers it.
---
---     local gc = store:gc()                            by the rules of the store's policy; store:gc(rules) by others
---     local plan = assert(gc:plan())                   what would go and why; stored under plan.id
---     local done = assert(gc:apply(plan.id))           exactly that, but for what came into use since
---
--- A service has the same object with other ways to write and to wait (Door).

local dkjson = require "dkjson"

local apply = require "moonsnap.gc.apply"
local arguments = require "moonsnap.arguments"
local facts = require "moonsnap.gc.facts"
local planner = require "moonsnap.gc.plan"
local room = require "moonsnap.room"
local share = require "moonsnap.gc.share"
local stored = require "moonsnap.gc.stored"
local units = require "moonsnap.units"

local need, options_of = arguments.need, arguments.options

local M = {}

---@class moonsnap.gc.Door
---@field core       moonsnap.Core
---@field engine     moonsnap.core.Store  for reading
---@field name_space string
---@field rules      moonsnap.gc.Rule[]
---@field write      fun(fn: fun(store: moonsnap.Store)): any, moonsnap.Error?  in one transaction; may wait
---@field free       fun(pace?: table): any, moonsnap.Error?   frees what removal left
---@field pause?     fun()      called every some thousand snapshots
---@field chunk?     integer    items that apply removes in a transaction

---@class moonsnap.gc.Collector
---@field door moonsnap.gc.Door
local Collector = {}
local meta = { __index = Collector, __name = "moonsnap.gc" }

---@param door moonsnap.gc.Door
---@return moonsnap.gc.Collector
function M.new(door)
    local write = door.write
    function door.write(fn)
        return room.retry(door.engine, function() return write(fn) end)
    end
    return setmetatable({ door = door }, meta)
end

local IDLE = 3 << 13 -- the class in which a disk serves who has asked when nobody else asks

--- Runs fn at idle priority, when the pace says so and the system lets it.
local function at_pace(sys, pace, fn)
    local before = pace and pace.io == "idle" and sys.io_priority(IDLE)
    local _restored <close> = before and setmetatable({}, { __close = function() sys.io_priority(before) end }) or nil
    return fn()
end

--- The collector of a store in this process.
---@param store  moonsnap.Store
---@param rules? moonsnap.gc.Rule[]  without: those of the store's policy
---@return moonsnap.gc.Collector
function M.of(store, rules)
    local policy = store.shared and store.shared.policy
    return M.new {
        core = store.core, engine = store.engine, name_space = store.name_space,
        rules = rules or policy and policy.retention or {},
        write = function(fn) return store:transaction(fn) end,
        free = function(pace) return at_pace(store.core.sys, pace, function() return store:cleanup() end) end,
    }
end

--- A namespace whose snapshots another one's database knows has another collector.
local function refuse_tenant(self, doing)
    local tenant, err = self.door.engine:tenant(self.door.name_space)
    if tenant == nil then
        return nil, err
    elseif tenant then
        return nil, self.door.core.error("failed_precondition", ("%s: namespace '%s' is %s's, whose own collector "
            .. "removes what it no longer knows: nothing here does"):format(doing, self.door.name_space, tenant))
    end
    return true
end

--- The pace of the first rule that has one, in numbers.
local function pace_of(rules)
    for _, rule in ipairs(rules) do
        if rule.pace then
            return {
                items = rule.pace.items, bytes = rule.pace.bytes and units.parse_size(rule.pace.bytes),
                seconds = rule.pace.wall and units.parse_duration(rule.pace.wall), io = rule.pace.io,
            }
        end
    end
end

--- Facts and the plan over them.
local function make(self, options)
    local door, core = self.door, self.door.core
    local ok, err = refuse_tenant(self, "gc")
    if not ok then
        return nil, err
    end
    local list, filesystem
    list, err = facts.read(door.engine, door.name_space, door.pause, options.unseen)
    if not list then
        return nil, err
    end
    filesystem, err = door.engine:filesystem()
    if not filesystem then
        return nil, err
    end
    local plan
    plan, err = planner.plan(list, door.rules, {
        namespace = door.name_space, now = core.sys.now(), filesystem = filesystem, filter = core.filter,
        failure = core.error, trigger = options.trigger, due = options.due, pause = door.pause,
    })
    if not plan then
        return nil, err
    end
    plan.trigger, plan.pace, plan.totals = options.trigger, pace_of(door.rules), stored.totals_of(plan.items)
    return plan, nil, list
end

local PLAN = { trigger = "string", due = "table", dry = "boolean", unseen = "boolean" }

--- Plans: what would go, what stays, and the one reason of each. Removes nothing.
---
--- A plan that removes something is stored, unless dry is true; plan.id then names it. Of a namespace the newest 50 are
--- kept. Errors: failed_precondition (no rules; a namespace that belongs to containerd), invalid_argument (a rule is
--- wrong).
---@param options? {trigger?: string, due?: table<string, true>, dry?: boolean, unseen?: boolean}
---  trigger: only rules that are `on` it take something; due: only these rules do; unseen: mount namespaces that cannot
---  be looked into count as empty
---@return moonsnap.gc.Plan? plan
---@return moonsnap.Error? err
function Collector:plan(options)
    options = options_of("plan", options, PLAN)
    if #self.door.rules == 0 then
        return nil, self.door.core.error("failed_precondition", "gc: there are no retention rules: write some into "
            .. "ROOT/policy.lua, or name a file of rules")
    end
    local plan, err, list = make(self, options)
    if not plan or options.dry or plan.after.count == plan.before.count then
        return plan, err
    end
    plan.id, err = self.door.write(function(store) return stored.save(store.engine, plan, list) end)
    if not plan.id then
        return nil, err
    end
    return plan
end

--- A stored plan: its header, without items.
---@param id string
---@return table? plan  id, namespace, at, rules, before, after, totals, unmet, monitors, items and done (how many)
---@return moonsnap.Error? err  not_found; failed_precondition (of another store)
function Collector:load(id)
    need("load", "id", id, "string")
    return stored.load(self.door.engine, self.door.name_space, id)
end

--- Items of a stored plan, those that it removes, with what came of them.
---@param id string
---@param after? integer  place behind which to begin
---@param count? integer
---@return table[]? items  key, number, reason, rule, text, size, place, outcome?, outcome_text?
---@return moonsnap.Error? err
function Collector:items(id, after, count)
    need("items", "id", id, "string")
    return self.door.engine:plan_items(self.door.name_space, id, nil, after, count)
end

--- Stored plans, newest first.
---@return table[]? plans  as load answers them
---@return moonsnap.Error? err
function Collector:plans()
    local found, err = self.door.engine:plan_list(self.door.name_space)
    if not found then
        return nil, err
    end
    local plans = {}
    for i, plan in ipairs(found) do
        plans[i] = stored.of(plan)
    end
    return plans
end

--- Why one snapshot stays or goes, by the rules as they are now; of one that is not there any more, why a collection
--- removed it, as long as its plan is kept. Stores nothing.
---@param key string
---@param options? {trigger?: string}
---@return table? item  as in a plan, and children: keys of those that stand on it; of one that is gone outcome
---  ("removed"), plan (an id) and at (when the plan was made)
---@return moonsnap.Error? err  not_found
function Collector:explain(key, options)
    need("explain", "key", key, "string")
    options = options_of("explain", options, PLAN)
    local plan, err, list = make(self, options)
    if not plan then
        return nil, err
    end
    local children, found = {}, nil
    for _, fact in ipairs(list) do
        if fact.parent == key then
            children[#children + 1] = fact.name
        end
    end
    for _, item in ipairs(plan.items) do
        found = item.key == key and item or found
    end
    if not found then
        found, err = stored.removal_of(self.door.engine, self.door.name_space, key, self.door.pause)
    end
    if not found then
        return nil, err or self.door.core.error("not_found", ("gc explain '%s': there is no such snapshot, and no "
            .. "collection whose plan is kept removed one"):format(key))
    end
    table.sort(children)
    found.children = children
    return found
end

--- The event of a collection, for who watches.
local function told(self, id, applied)
    local data = dkjson.encode { plan = id, removed = applied.removed, size = applied.size,
        left = applied.left + applied.vetoed + applied.busy + applied.changed + applied.failed }
    return self.door.write(function(store)
        return store.engine:add_event(self.door.name_space, "/moonsnap/gc", nil, data)
    end)
end

local APPLY = { force = "boolean", share = "number", pace = "table", progress = "function", unseen = "boolean",
    later = "boolean" }

--- Does a stored plan, exactly its items, and of these only what is as it was then: what was used, changed, mounted,
--- leased or built upon since stays. A hook of the verb evict may keep an item. What fails does not end it; what a kill
--- or the pace leaves over, the next call does. Then the layers are freed, unless later is true.
---
--- Errors: not_found; failed_precondition (a plan of another store; more than share, half, of the namespace's snapshots
--- or bytes, or all, without force; a namespace that belongs to containerd).
---@param id string
---@param options? {force?: boolean, share?: number, pace?: {items?: integer, bytes?: integer, seconds?: number},
---  progress?: fun(done: table): false?, unseen?: boolean, later?: boolean}
---@return moonsnap.gc.Applied? applied
---@return moonsnap.Error? err
function Collector:apply(id, options)
    need("apply", "id", id, "string")
    options = options_of("apply", options, APPLY)
    local door = self.door
    local ok, err = refuse_tenant(self, "apply " .. id)
    if not ok then
        return nil, err
    end
    local plan
    plan, err = self:load(id)
    if not plan then
        return nil, err
    end
    if not options.force and plan.done == 0 then
        ok, err = share.check(door, plan, options.share or share.MOST)
        if not ok then
            return nil, err
        end
    end
    local applied
    applied, err = apply.run(id, plan.items - plan.done, {
        engine = door.engine, name_space = door.name_space, now = door.core.sys.now, write = door.write,
        chunk = door.chunk, pace = options.pace or plan.pace, progress = options.progress, unseen = options.unseen,
    })
    if applied and applied.removed > 0 then
        ok, err = told(self, id, applied)
        if not ok then
            return nil, err
        end
    end
    if applied and applied.removed > 0 and not options.later then
        ok, err = door.free(options.pace or plan.pace)
        if not ok then
            return nil, err
        end
    end
    return applied, err
end

return M
