--- What a plan says: one reason for each snapshot, what holds bounds up, and whose words it came from.

local units = require "moonsnap.units"

local M = {}

--- The one reason of somebody who stays.
local function stays(plan, i, needer, words)
    local held = plan.hold[i]
    if held then
        return held.why, held.rule, held.text
    end
    local keeper = plan.keeper[i]
    local kept = keeper and ("%s (rule %s)"):format(plan.why[i], keeper.name)
    if needer then
        local by = words[needer] or ("needed by '%s'"):format(plan.tree.facts[needer].name)
        words[needer] = by
        return "needed", nil, kept and ("%s; also kept: %s"):format(by, kept) or by
    elseif kept then
        return "kept", keeper.name, kept
    end
    return "no_rule", nil, plan.noticed[i] or "no rule takes it"
end

--- The items of a plan, children before parents, and the reasons of those that stay by position.
function M.items(plan)
    local facts, gone, want = plan.tree.facts, plan.tree.gone, plan.tree.want
    plan.pause()
    local needers, items, reasons, words = plan.tree:needers(), {}, {}, {}
    plan.pause()
    for n, i in ipairs(plan.tree.order) do
        local fact, wish = facts[i], gone[i] and want[i]
        if wish then
            items[n] = { number = fact.number, key = fact.name, verdict = "remove", reason = wish.reason,
                rule = wish.rule, text = wish.text, size = fact.size }
        else
            local reason, rule, text = stays(plan, i, needers[i], words)
            items[n] = { number = fact.number, key = fact.name, verdict = "keep", reason = reason, rule = rule,
                text = text, size = fact.size }
            reasons[i] = reason
        end
        if n % 8192 == 0 then
            plan.pause()
        end
    end
    return items, reasons
end

local BYTES = { max_used = true, min_free = true, high = true }

--- What holds up a bound: "2 pinned, 5 kept by rule nightly".
local function holders(plan, rule, reasons)
    local counts, words = {}, {}
    for _, i in ipairs(rule.members) do
        local reason = reasons[i]
        if reason then
            local word = reason == "kept" and "kept by rule " .. plan.keeper[i].name or reason
            if not counts[word] then
                words[#words + 1] = word
            end
            counts[word] = (counts[word] or 0) + 1
        end
    end
    table.sort(words)
    for at, word in ipairs(words) do
        words[at] = ("%d %s"):format(counts[word], word:gsub("_", " "))
    end
    return #words > 0 and table.concat(words, ", ") or "nothing of what the rule matches is left"
end

--- Bounds that are not met, with what holds them up.
function M.unmet(plan, found, reasons)
    local list = {}
    for at, one in ipairs(found) do
        local short = math.ceil(one.bound.over)
        local shown_short = BYTES[one.bound.name] and units.show_size(short) or tostring(short)
        list[at] = { rule = one.rule.name, bound = one.bound.name, short = short,
            text = ("%s %s cannot be met, %s too many: %s"):format(one.bound.name, one.bound.shown, shown_short,
                holders(plan, one.rule, reasons)) }
    end
    return list
end

--- A number over the words of rules, so that two plans can say whether they came from the same ones.
---@param list moonsnap.gc.Rule[]
---@return string  16 hexadecimal digits
function M.words(list)
    local hash = 0xcbf29ce484222325
    local function add(value)
        if type(value) == "table" then
            local names = {}
            for name in pairs(value) do
                names[#names + 1] = name
            end
            table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
            for _, name in ipairs(names) do
                add(name)
                add(value[name])
            end
            return
        end
        local text = type(value) == "function" and "function" or tostring(value)
        for i = 1, #text do
            hash = (hash ~ text:byte(i)) * 1099511628211
        end
        hash = (hash ~ 0xff) * 1099511628211
    end
    add(list)
    return ("%016x"):format(hash)
end

return M
