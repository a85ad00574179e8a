--- The planner: what would go, and why each stays or goes. Pure: reads nothing, removes nothing.
---
---     1 holds      pinned, leased, mounted ..., younger than min_age              nothing below takes these
---     2 expiry     ttl, at_label, idle, dead                                      goes, whatever keeps it
---     3 keeps      any rule's keep holds it; else a keep without bounds releases it
---     4 demand     bounds, rule after rule
---     always       leaf first: who has a child that stays is needed by it
---
--- Every snapshot ends with exactly one reason. What no rule takes stays.

local demand = require "moonsnap.gc.demand"
local keep = require "moonsnap.gc.keep"
local match = require "moonsnap.gc.match"
local members = require "moonsnap.gc.members"
local monitor = require "moonsnap.gc.monitor"
local order = require "moonsnap.gc.order"
local rfc3339 = require "moonsnap.rfc3339"
local report = require "moonsnap.gc.report"
local roots = require "moonsnap.gc.roots"
local rules = require "moonsnap.gc.rules"
local tree = require "moonsnap.gc.tree"
local units = require "moonsnap.units"

local M = {}

local SECOND = 1000000000

local function shown(nanoseconds)
    return units.format_duration(nanoseconds / SECOND)
end

local function hold(plan)
    local facts, now = plan.tree.facts, plan.state.now
    for i = 1, #facts do
        plan.hold[i] = facts[i].held
    end
    for _, rule in ipairs(plan.rules) do
        local young = rule.min_age and { why = "min_age", rule = rule.name,
            text = ("younger than %s (rule %s)"):format(shown(rule.min_age), rule.name) }
        for _, i in ipairs(young and rule.members or {}) do
            if now - facts[i].created >= rule.min_age then
                break -- the rest is older
            end
            plan.hold[i] = plan.hold[i] or young
        end
    end
end

--- Why a fact's time is over, or nil.
local function over(plan, rule, i)
    local fact, now, expire = plan.tree.facts[i], plan.state.now, rule.expire
    if expire.ttl and now - fact.created >= expire.ttl then
        return ("made %s ago (ttl %s)"):format(shown(now - fact.created), shown(expire.ttl))
    end
    local at = expire.at_label and rfc3339.parse(fact.labels[expire.at_label] or "")
    if at and at <= now then
        return ("its time ended at %s (label %s)"):format(fact.labels[expire.at_label], expire.at_label)
    end
    local idle = now - match.last_use(fact)
    if expire.idle and idle >= expire.idle then
        return ("not used for %s (idle %s)"):format(shown(idle), shown(expire.idle))
    end
    if expire.dead and plan.children[i] == 0 and idle >= expire.dead then
        return ("no child and not used for %s (dead %s)"):format(shown(idle), shown(expire.dead))
    end
end

--- May a rule let it go? Its action may only want to be told, or decide.
local function asker(plan)
    return function(rule, i)
        local action = rule.action
        if action == nil or action == "remove" then
            return true
        elseif type(action) == "function" and action(plan.tree.facts[i]) == "remove" then
            return true
        end
        if not plan.noticed[i] then
            plan.noticed[i] = ("rule %s would let it go, and only tells"):format(rule.name)
        end
        return false
    end
end

local function wish(plan, rule, i, reason, text)
    if not plan.tree.want[i] and plan.lets_go(rule, i) then
        plan.tree.want[i] = { reason = reason, rule = rule.name, text = ("%s (rule %s)"):format(text, rule.name) }
    end
end

local function expire(plan)
    for _, rule in ipairs(plan.rules) do
        for _, i in ipairs(rule.awake and rule.expire and rule.members or {}) do
            local why = not plan.hold[i] and over(plan, rule, i)
            if why then
                wish(plan, rule, i, "expired", why)
            end
        end
    end
end

--- What has expired takes nobody's place.
local function unexpired(plan, list)
    local want = plan.tree.want
    if next(want) == nil then
        return list
    end
    local left, n = {}, 0
    for _, i in ipairs(list) do
        if not want[i] then
            n = n + 1
            left[n] = i
        end
    end
    return left
end

--- What one rule's keep holds; what it releases is a wish once all rules were asked.
local function keep_by(plan, rule)
    local marks = { level = {}, why = {} }
    for _, group in ipairs(rule.groups) do
        keep.apply(rule.keep, { list = unexpired(plan, group.list), facts = plan.tree.facts, now = plan.state.now,
            marks = marks })
    end
    plan.pause()
    for _, i in ipairs(rule.members) do
        local level, own = marks.level[i], plan.level[i]
        if level and level == 2 and own == 2 then
            plan.several[i] = true
        elseif level and level > (own or 0) then
            plan.level[i], plan.keeper[i], plan.why[i] = level, rule, marks.why[i]
        elseif not level and rule.releases and rule.awake and not plan.released[i] then
            plan.released[i] = rule
        end
    end
end

local function soft_keeps(plan)
    for _, rule in ipairs(plan.rules) do
        if rule.keep then
            keep_by(plan, rule)
            plan.pause()
        end
    end
    for i, rule in pairs(plan.released) do
        if not plan.hold[i] and not plan.level[i] then
            wish(plan, rule, i, "released", "no keep holds it")
        end
    end
end

--- containerd's marking: what a label reaches stays, and what nothing reaches goes.
local function collect(plan)
    for _, rule in ipairs(plan.rules) do
        if rule.containerd and rule.awake then
            for i, held in pairs(plan.hold) do
                if held.marked == rule then
                    plan.hold[i] = nil
                end
            end
            local marked, above = roots.mark(plan, rule)
            for _, i in ipairs(rule.members) do
                if marked[i] and not plan.hold[i] then
                    plan.hold[i] = { why = "referenced", rule = rule.name, text = marked[i], marked = rule }
                elseif not plan.hold[i] and not plan.level[i] and not above[i] then
                    wish(plan, rule, i, "unreferenced", "no root reaches it")
                end
            end
            plan.pause()
        end
    end
    plan.tree:settle()
end

local function demands(plan)
    local found = {}
    for _, rule in ipairs(plan.rules) do
        if rule.bounds and rule.awake then
            for _, bound in ipairs((demand.apply(plan, rule))) do
                found[#found + 1] = { rule = rule, bound = bound }
            end
            plan.pause()
        end
    end
    return found
end

local function evaluate(plan, list)
    hold(plan)
    plan.pause()
    expire(plan)
    plan.pause()
    soft_keeps(plan)
    local found, left
    repeat -- what one bound took may be a root less, or what stood in the way of another
        left = plan.tree.count
        collect(plan)
        found = demands(plan)
    until plan.tree.count == left or (#found == 0 and not plan.collects)
    local items, reasons = report.items(plan)
    local monitors = {}
    for _, rule in ipairs(plan.rules) do
        if rule.monitor then
            monitor.check(plan, rule, monitors)
        end
    end
    return {
        namespace = plan.state.namespace, at = plan.state.now, rules = report.words(list), items = items,
        before = { count = #plan.tree.facts, size = plan.size },
        after = { count = plan.tree.count, size = plan.tree.size },
        unmet = report.unmet(plan, found, reasons), monitors = monitors,
    }
end

local function compile(list, state)
    local ready, named = {}, {}
    for at, rule in ipairs(list) do
        local one, wrong = rules.compile(rule, state)
        local name = type(rule) == "table" and not rules.text(rule.name) and ("'%s'"):format(rule.name) or at
        if one and named[rule.name] then
            wrong = "name: there are two of it"
        end
        local bound = one and demand.needs_filesystem(rule)
        if bound and not state.filesystem then
            wrong = ("bounds.%s: it needs the file system's size"):format(bound)
        end
        if wrong then
            return nil, state.failure("invalid_argument", ("rule %s: %s"):format(name, wrong))
        end
        ready[at], named[rule.name] = one, true
    end
    return ready
end

local function nothing() end

--- Plans; see types.lua. state.pause is called every some thousand snapshots: a service yields there.
---@param facts moonsnap.gc.Fact[]
---@param list  moonsnap.gc.Rule[]
---@param state table
---@return moonsnap.gc.Plan? plan
---@return moonsnap.Error? err
function M.plan(facts, list, state)
    local ready, err = compile(list, state)
    if not ready then
        return nil, err
    end
    local plan = { state = state, rules = ready, tree = tree.new(facts), hold = {}, looked_up = {},
        level = {}, keeper = {}, why = {}, several = {}, released = {}, noticed = {}, pause = state.pause or nothing }
    plan.pause()
    plan.newest = order.newest_first(facts)
    for _, rule in ipairs(ready) do
        plan.collects = plan.collects or (rule.containerd and rule.awake)
    end
    plan.size, plan.children = plan.tree.size, table.move(plan.tree.live, 1, #facts, 1, {})
    plan.lets_go, plan.tree.hold = asker(plan), plan.hold
    local ok, found = pcall(function()
        for _, rule in ipairs(ready) do
            members.find(plan, rule)
            plan.pause()
        end
        return evaluate(plan, list)
    end)
    if ok then
        return found
    elseif type(found) == "table" and found.kind then
        return nil, found -- a function of a policy that failed
    end
    error(found, 0)
end

return M
