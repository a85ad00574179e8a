--- Whom each rule of a plan is about. A label (or kind) that must be equal is looked up, once for all rules.

local M = {}

--- Those that have a value, newest first; what was looked up once is remembered.
local function equal_to(plan, path, value)
    local found = plan.looked_up[path]
    if not found then
        local facts, label = plan.tree.facts, path:match("^labels%.(.+)$")
        found = {}
        for _, i in ipairs(plan.newest) do
            local own = label and facts[i].labels[label] or not label and facts[i][path]
            local list = found[own]
            if list then
                list[#list + 1] = i
            elseif own then
                found[own] = { i }
            end
        end
        plan.looked_up[path] = found
    end
    return found[value] or {}
end

local function matching(plan, rule)
    local list, test, facts = plan.newest, rule.test, plan.tree.facts
    if rule.equal_to then
        list = equal_to(plan, rule.equal_to.path, rule.equal_to.value)
    end
    if test == true then
        return list
    end
    local members, n = {}, 0
    for at, i in ipairs(list) do
        if test(facts[i]) then
            n = n + 1
            members[n] = i
        end
        if at % 8192 == 0 then
            plan.pause()
        end
    end
    return members
end

--- Who a rule is about, newest first, in their groups.
function M.find(plan, rule)
    local members, group_of, facts = matching(plan, rule), rule.group, plan.tree.facts
    local groups, by_name = {}, {}
    if not group_of then
        groups[1] = #members > 0 and { name = "", list = members } or nil
    end
    plan.pause()
    for _, i in ipairs(group_of and members or {}) do
        local name = group_of(facts[i])
        local group = by_name[name]
        if not group then
            group = { name = name, list = {} }
            by_name[name] = group
            groups[#groups + 1] = group
        end
        group.list[#group.list + 1] = i
    end
    rule.members, rule.groups = members, groups
end

return M
