--- Label policies: rules about labels as values, compiled to hooks.
---
---     label.require { "tenant", pattern = "^[a-z]+$" }    a table: kind, and what it says
---     labels { ... }                                      compiles them
---
--- In which order they act does not depend on where they stand: rewrite, default, bound and expire change the labels,
--- and require and bound (on = "deny") look at the outcome. deny and protect look at what the caller himself gives.
--- Of one kind, the first stands first. All of them act before the hooks of the same phase.

local spec = require "moonsnap.policy.labels.spec"
local view = require "moonsnap.policy.labels.view"
local words = require "moonsnap.policy.labels.words"

local M = {}

local FIRST = 1000000 -- the least priority of label policies

---@class moonsnap.labels.Context
---@field filter fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?
---@field now    fun(): integer  nanoseconds since 1970

---@class moonsnap.labels.Policy
---@field kind   "require" | "default" | "deny" | "rewrite" | "bound" | "expire" | "protect"
---@field label  string   name of the label; may have * where the kind says so
---@field name   string   unique: "label.require tenant"
---@field place? string   "policy.lua:3"

--- Whether a request is about an object of a policy. A protected one is that under its old name, too: else a commit
--- to another name would take the protection away.
local function is_object(policy, request)
    return policy.objects(request.name or request.key) or policy.module.permits and policy.objects(request.key)
end

--- Whether a request is one that a policy is about.
local function concerns(policy, request, looked)
    if policy.namespaces and not policy.namespaces(request.namespace)
        or policy.objects and not is_object(policy, request)
        or policy.peer and not policy.module.permits and not words.is_peer(policy, request.caller) then
        return false
    end
    return not policy.matches or policy.matches:matches(looked:seen(), {})
end

--- What the changing policies make of a request's labels. All checks of a request ask for it, one after the other; a
--- request that was rewritten has other labels, and is asked about again.
local function outcome(set, request)
    if set.asked == request and set.labels == request.labels then
        return set.outcome
    end
    local looked = view.new(request)
    for _, policy in ipairs(set.changing) do
        if policy.verbs[request.verb] and concerns(policy, request, looked) then
            local changes = policy.module.change(policy, looked)
            if changes then
                looked:change(changes)
            end
        end
    end
    set.asked, set.labels, set.outcome = request, request.labels, looked
    return looked
end

--- How a policy that refuses asks a request.
local function checking(set, policy)
    return function(request)
        local looked = policy.module.raw and view.new(request) or outcome(set, request)
        if not concerns(policy, request, looked) then
            return nil
        end
        local text, kind = policy.module.check(policy, looked)
        return text and { verdict = "deny", kind = kind or "invalid_argument", text = text } or nil
    end
end

--- How a policy that changes labels asks a request.
local function changing(set, policy)
    return function(request)
        set.asked, set.outcome = nil, nil
        local looked = view.new(request)
        if not concerns(policy, request, looked) then
            return nil
        end
        local changes, wrong = policy.module.change(policy, looked)
        if wrong then
            return { verdict = "deny", kind = "invalid_argument", text = wrong }
        end
        return changes and { verdict = "rewrite", labels = changes } or nil
    end
end

local function hook_of(set, policy)
    local verbs = {}
    for verb in pairs(policy.verbs) do
        verbs[#verbs + 1] = verb
    end
    table.sort(verbs)
    local phase = policy.phase
    return {
        name = policy.name, on = verbs, phase = phase, priority = FIRST + policy.module.order, trusted = true,
        effects = phase == "mutate" and { "labels", "deny" } or { "deny" }, fail = "closed", file = policy.place,
        run = phase == "mutate" and changing(set, policy) or checking(set, policy),
    }
end

local function by_order(a, b)
    if a.module.order ~= b.module.order then
        return a.module.order > b.module.order
    end
    return a.rank < b.rank
end

--- A set of label policies. One store's files share it, so that checks see what all of them change.
---@class moonsnap.labels.Set
---@field context  moonsnap.labels.Context
---@field policies moonsnap.labels.Policy[]  in order of registration
---@field changing moonsnap.labels.Policy[]  those that change labels, in the order in which they act
---@field asked?   moonsnap.Request          the request that outcome is of
---@field labels?  table<string, string>     its labels then
---@field outcome? moonsnap.labels.View
local Set = {}
Set.__index = Set

---@param context moonsnap.labels.Context
---@return moonsnap.labels.Set
function M.new(context)
    return setmetatable({ context = context, policies = {}, changing = {}, names = {} }, Set)
end

--- A name that is not taken: "label.require tenant", "label.require tenant (2)".
local function named(set, policy)
    local base = ("label.%s %s"):format(policy.kind, policy.label)
    local count = (set.names[base] or 0) + 1
    set.names[base] = count
    return count == 1 and base or ("%s (%d)"):format(base, count)
end

--- Adds a policy as its constructor has left it.
---@param kind   string
---@param fields table    what the file says: [1] is the label
---@param place? string   "policy.lua:3"
---@return moonsnap.Hook? hook  to register
---@return string? wrong
function Set:add(kind, fields, place)
    local policy, wrong = spec.read(kind, fields, self.context)
    if not policy then
        return nil, wrong
    end
    policy.place, policy.name, policy.rank = place, named(self, policy), #self.policies + 1
    self.policies[#self.policies + 1] = policy
    if policy.phase == "mutate" then
        self.changing[#self.changing + 1] = policy
        table.sort(self.changing, by_order)
    end
    return hook_of(self, policy)
end

return M
