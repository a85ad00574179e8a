--- Whether what retention promises is there: the newest is not too old, and there are enough. Removes nothing.

local units = require "moonsnap.units"

local M = {}

local SECOND = 1000000000

local function named(rule, group)
    return group ~= "" and ("rule %s, group '%s'"):format(rule.name, group) or "rule " .. rule.name
end

--- Looks at one group of a rule, newest first.
local function look(plan, rule, group, list, found)
    local facts, gone, count, newest = plan.tree.facts, plan.tree.gone, 0, nil
    for _, i in ipairs(list) do
        if not gone[i] then
            count = count + 1
            newest = newest or facts[i]
        end
    end
    local wanted, where = rule.monitor, named(rule, group)
    local function tell(text)
        found[#found + 1] = { rule = rule.name, level = wanted.level or "warn", text = text }
    end
    if wanted.newest_max_age then
        local most = units.parse_duration(wanted.newest_max_age)
        local age = newest and (plan.state.now - newest.created) / SECOND
        if not newest then
            tell(("%s: it has no snapshot"):format(where))
        elseif age > most then
            tell(("%s: the newest, '%s', is %s old (at most %s)"):format(where, newest.name,
                units.format_duration(age), units.format_duration(most)))
        end
    end
    if wanted.min_count and count < wanted.min_count then
        tell(("%s: %d are there (at least %d)"):format(where, count, wanted.min_count))
    end
end

---@param plan table  inside plan.lua
---@param rule moonsnap.gc.Ready
---@param found {rule: string, level: string, text: string}[]  grows
function M.check(plan, rule, found)
    if #rule.groups == 0 then
        look(plan, rule, "", {}, found)
    end
    for _, group in ipairs(rule.groups) do
        look(plan, rule, group.name, group.list, found)
    end
end

return M
