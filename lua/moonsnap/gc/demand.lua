--- What bounds want: who goes, and by how much they fall short.
---
---     max_used    bytes of what the rule matches             reserved   bytes that it leaves in any case
---     max_count   how many snapshots, max_inodes: their inodes
---     min_free    bytes free on the file system              max_depth  layers of a chain: longer ones go
---     high, low   percent of the file system in use: begins above high, ends at low
---     of = "all"  used, count and inodes are those of the whole namespace, not of what the rule matches
---
--- Candidates go in the rule's order, leaf first: what no keep holds, then what a keep gives up under pressure (the
--- part between min and max), then, with hard, what this rule's keep alone holds.

local order = require "moonsnap.gc.order"
local units = require "moonsnap.units"

local M = {}

--- A heap of positions, the least on top.
local function push(heap, value)
    local at = #heap + 1
    while at > 1 and heap[at // 2] > value do
        heap[at] = heap[at // 2]
        at = at // 2
    end
    heap[at] = value
end

local function pop(heap)
    local top, last = heap[1], table.remove(heap)
    local size, at = #heap, 1
    if size == 0 then
        return top
    end
    while at * 2 <= size do
        local child = at * 2
        if child < size and heap[child + 1] < heap[child] then
            child = child + 1
        end
        if heap[child] >= last then
            break
        end
        heap[at] = heap[child]
        at = child
    end
    heap[at] = last
    return top
end

---@class moonsnap.gc.Measure
---@field size   integer
---@field count  integer
---@field inodes integer

--- Snapshots that a rule's bounds count: those that it matches, or all.
local function counted(plan, rule)
    return rule.bounds.of == "all" and plan.newest or rule.members
end

--- What the rule's snapshots hold by now.
local function measure(plan, rule)
    local facts, gone = plan.tree.facts, plan.tree.gone
    local size, count, inodes = 0, 0, 0
    for _, i in ipairs(counted(plan, rule)) do
        if not gone[i] then
            local fact = facts[i]
            size, count, inodes = size + fact.size, count + 1, inodes + fact.inodes
        end
    end
    return { size = size, count = count, inodes = inodes }
end

--- Keeps what was measured right while snapshots go.
local function follow(plan, rule, measured)
    local tree, member, facts = plan.tree, {}, plan.tree.facts
    for _, i in ipairs(counted(plan, rule)) do
        member[i] = true
    end
    function tree.watch(i)
        if member[i] then
            measured.size = measured.size - facts[i].size
            measured.count = measured.count - 1
            measured.inodes = measured.inodes - facts[i].inodes
        end
    end
end

---@class moonsnap.gc.Bound
---@field name  string
---@field shown string               as the rule writes it
---@field over  fun(): number        by how much it is not met; 0 or less: it is

--- Bytes free on the file system once the plan is done.
local function free(plan)
    return plan.state.filesystem.free + (plan.size - plan.tree.size)
end

--- A size as people read it; a share as it is written.
local function shown_size(value)
    local bytes = units.parse_size(value)
    return bytes and units.show_size(bytes) or value
end

local function space_bounds(plan, rule, found)
    local filesystem, bounds = plan.state.filesystem, rule.bounds
    if bounds.min_free then
        local least = units.parse_size(bounds.min_free, filesystem.size)
        found[#found + 1] = { name = "min_free", shown = shown_size(bounds.min_free),
            over = function() return least - free(plan) end }
    end
    if bounds.high then
        rule.begun = rule.begun or filesystem.size - free(plan) > filesystem.size * bounds.high // 100
        if rule.begun then -- it ends at low, however often it is looked at
            local to = filesystem.size * (bounds.low or bounds.high) // 100
            found[#found + 1] = { name = "high", shown = ("%g%%"):format(bounds.high),
                over = function() return filesystem.size - free(plan) - to end }
        end
    end
end

--- The bounds of a rule that ask for something to go, whoever it is.
local function bounds_of(plan, rule, measured)
    local bounds, found = rule.bounds, {}
    local size = plan.state.filesystem and plan.state.filesystem.size
    if bounds.max_used then
        local most = units.parse_size(bounds.max_used, size)
        found[1] = { name = "max_used", shown = shown_size(bounds.max_used),
            over = function() return measured.size - most end }
    end
    if bounds.max_count then
        found[#found + 1] = { name = "max_count", shown = bounds.max_count,
            over = function() return measured.count - bounds.max_count end }
    end
    if bounds.max_inodes then
        found[#found + 1] = { name = "max_inodes", shown = bounds.max_inodes,
            over = function() return measured.inodes - bounds.max_inodes end }
    end
    if bounds.min_free or bounds.high then
        space_bounds(plan, rule, found)
    end
    return found
end

local function unmet(bounds)
    for _, bound in ipairs(bounds) do
        if bound.over() > 0 then
            return bound
        end
    end
end

--- 0, 1 or 2: in which round it may go; nil: not at all.
local function round_of(plan, rule, i)
    if plan.hold[i] or plan.tree.gone[i] then
        return nil
    end
    local level = plan.level[i]
    if not level then
        return 0
    elseif level == 1 then
        return 1
    end
    return rule.hard and plan.keeper[i] == rule and not plan.several[i] and 2 or nil
end

local function candidates_of(plan, rule)
    local rounds, list, n = {}, {}, 0
    for _, i in ipairs(rule.members) do
        local round = round_of(plan, rule, i)
        if round then
            n = n + 1
            rounds[i], list[n] = round, i
        end
    end
    plan.pause()
    local sorted = order.sorted(rule.order, list, plan.tree.facts)
    if not sorted then
        error(plan.state.failure("invalid_argument", ("rule '%s': %s"):format(rule.name, order.CONTRADICTS)), 0)
    end
    plan.pause()
    local by_round = { [0] = {}, {}, {} }
    for _, i in ipairs(sorted) do
        local round = by_round[rounds[i]]
        round[#round + 1] = i
    end
    local all, place = {}, {}
    for round = 0, 2 do
        for _, i in ipairs(by_round[round]) do
            all[#all + 1] = i
            place[i] = #all
        end
    end
    return all, place
end

--- Candidates in their order as they become leaves: call it again after each that went.
local function leaves(plan, list, place)
    local tree, heap, at, waiting = plan.tree, {}, 0, nil
    return function(went)
        local above = went and tree.parent[went]
        while above and tree.gone[above] do
            above = tree.parent[above]
        end
        if above and tree.live[above] == 0 and place[above] and place[above] <= at then
            push(heap, place[above])
        end
        repeat
            if heap[1] then
                waiting = list[pop(heap)]
            else
                at = at + 1
                waiting = list[at]
            end
        until waiting == nil or (tree.live[waiting] == 0 and not tree.gone[waiting])
        return waiting
    end
end

local function fulfil(plan, rule, bounds, measured)
    local wanting = unmet(bounds)
    if not wanting then
        return nil
    end
    local reserved = units.parse_size(rule.bounds.reserved or 0, plan.state.filesystem and plan.state.filesystem.size)
    local facts, tree = plan.tree.facts, plan.tree
    follow(plan, rule, measured)
    plan.pause()
    local taken = 0
    local next_leaf, went = leaves(plan, candidates_of(plan, rule)), nil
    while wanting do
        local i = next_leaf(went)
        if not i then
            return wanting
        end
        went = nil
        if measured.size - facts[i].size >= reserved and plan.lets_go(rule, i) then
            tree:take(i, { reason = "demand", rule = rule.name,
                text = ("%s %s (rule %s)"):format(wanting.name, wanting.shown, rule.name) })
            went = i
            taken = taken + 1
            if taken % 2048 == 0 then
                plan.pause()
            end
        end
        wanting = unmet(bounds)
    end
end

local function shorten(plan, rule)
    local most, facts, tree, over = rule.bounds.max_depth, plan.tree.facts, plan.tree, 0
    local text = ("deeper than %d layers (rule %s)"):format(most, rule.name)
    local member = {}
    for _, i in ipairs(rule.members) do
        member[i] = true
    end
    for _, i in ipairs(tree.order) do
        if member[i] and facts[i].depth > most and not tree.gone[i] then
            if tree.live[i] == 0 and round_of(plan, rule, i) and plan.lets_go(rule, i) then
                tree:take(i, { reason = "demand", rule = rule.name, text = text })
            else
                over = over + 1
            end
        end
    end
    if over > 0 then
        return { name = "max_depth", shown = most, over = function() return over end }
    end
end

--- Takes what a rule's bounds ask for.
---@param plan table  inside plan.lua
---@param rule moonsnap.gc.Ready
---@return moonsnap.gc.Bound[] unmet
---@return moonsnap.gc.Measure measured
function M.apply(plan, rule)
    local found = {}
    if rule.bounds.max_depth then
        found[1] = shorten(plan, rule)
    end
    plan.pause()
    local measured = measure(plan, rule)
    found[#found + 1] = fulfil(plan, rule, bounds_of(plan, rule, measured), measured)
    plan.tree.watch = nil
    for i, bound in ipairs(found) do
        found[i] = { name = bound.name, shown = bound.shown, over = bound.over() }
    end
    return found, measured
end

--- Says which bound of a rule cannot be computed without knowing the file system.
---@param rule moonsnap.gc.Rule
---@return string? bound
function M.needs_filesystem(rule)
    for _, name in ipairs { "min_free", "high", "max_used", "reserved" } do
        local value = rule.bounds and rule.bounds[name]
        if value and (name == "min_free" or name == "high" or tostring(value):find("%%")) then
            return name
        end
    end
end

return M
