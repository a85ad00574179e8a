--- containerd's marking, for who wants it: what no root reaches goes.
---
---     roots   what is held (leased, pinned, mounted ...), what the rule is not about (actives, say), who has
---             a label containerd.io/gc.root*, or containerd.io/gc.expire with a time that has not come
---     edges   the parent; containerd.io/gc.ref.snapshot.SNAPSHOTTER[/...] = KEY; and backwards, from KEY to
---             who has containerd.io/gc.bref.snapshot.SNAPSHOTTER[/...] = KEY
---
--- What only flat leases (containerd.io/gc.flat) hold keeps its parents, and nothing by labels. References that lead
--- nowhere are fine.
---
--- Source: containerd core/metadata/gc.go. One difference: there, gc.expire on a snapshot says nothing.

local rfc3339 = require "moonsnap.rfc3339"

local M = {}

local ROOT, EXPIRE = "containerd.io/gc.root", "containerd.io/gc.expire"
local REF, BREF = "containerd.io/gc.ref.snapshot.", "containerd.io/gc.bref.snapshot."

--- Is it the label of this snapshotter, with or without a suffix?
local function concerns(name, prefix)
    if name:sub(1, #prefix) ~= prefix then
        return false
    end
    local after = name:sub(#prefix + 1, #prefix + 1)
    return after == "" or after == "/"
end

--- Why a snapshot is a root by its labels.
local function root_of(labels, now)
    for name, value in pairs(labels) do
        if name:sub(1, #ROOT) == ROOT then
            return "label " .. name
        elseif name == EXPIRE then
            local at = rfc3339.parse(value)
            if at and at > now then
                return "until " .. value
            end
        end
    end
end

--- The references that labels make: forward from each, backward to each.
local function edges_of(facts, at, snapshotter)
    local ref, bref = REF .. snapshotter, BREF .. snapshotter
    local edges = {}
    local function edge(from, to)
        local list = edges[from] or {}
        edges[from] = list
        list[#list + 1] = to
    end
    for i = 1, #facts do
        for name, value in pairs(facts[i].labels) do
            local other = name:sub(1, 17) == "containerd.io/gc." and at[value]
            if other and concerns(name, ref) then
                edge(i, other)
            elseif other and concerns(name, bref) then
                edge(other, i)
            end
        end
    end
    return edges
end

local function flat(fact)
    return fact.held and fact.held.why == "leased" and fact.held.flat
end

--- Marks from the roots.
---@param plan {tree: moonsnap.gc.Tree, hold: table<integer, table>, state: {now: integer}}
---@param rule moonsnap.gc.Ready  its members are what may be unreferenced
---@return table<integer, string> marked  why each is reached: "label containerd.io/gc.root", "referenced by 'x'"
---@return table<integer, true> above  who is reached as a parent only: its children keep it
function M.mark(plan, rule)
    local tree, facts = plan.tree, plan.tree.facts
    local at, member, marked, above, stack = {}, {}, {}, {}, {}
    for i = 1, #facts do
        at[facts[i].name] = i
    end
    for _, i in ipairs(rule.members) do
        member[i] = true
    end
    local edges = edges_of(facts, at, rule.containerd.snapshotter or "overlayfs")
    local function reach(i, why)
        if not marked[i] then
            marked[i] = why
            stack[#stack + 1] = i
        end
    end
    for i = 1, #facts do
        local label = not tree.gone[i] and root_of(facts[i].labels, plan.state.now)
        if tree.gone[i] then
            above[i] = true -- who is gone needs no reason more
        elseif label then
            reach(i, label)
        elseif not member[i] or plan.hold[i] then
            reach(i, "held")
        end
    end
    while #stack > 0 do
        local i = table.remove(stack)
        local why = ("referenced by '%s'"):format(facts[i].name)
        if tree.parent[i] and not marked[tree.parent[i]] and not above[tree.parent[i]] then
            above[tree.parent[i]] = true
            stack[#stack + 1] = tree.parent[i]
        end
        if not flat(facts[i]) then
            for _, other in ipairs(edges[i] or {}) do
                reach(other, why)
            end
        end
    end
    return marked, above
end

return M
