--- Who goes first where a bound wants room.
---
---     lru       whose last use (or making) is longest ago
---     lfu       who was used least often; then lru
---     mixed     by the rank in lru and the rank by uses together, as BuildKit does it
---     oldest    who was made first
---     largest   who frees most
---     cheapest  whose label moonsnap/cost is least for each byte freed; without the label it costs nothing
---     function(a, b)   true when a goes before b
---
--- Ties go by number, so that an order is the same each time.

local match = require "moonsnap.gc.match"

local M = {}

M.NAMES = { lru = true, lfu = true, mixed = true, oldest = true, largest = true, cheapest = true }

--- What building something again costs, in a unit of the user's own.
M.COST = "moonsnap/cost"

--- Spreads what is told apart: times lie at even distances, which would all fall into a few slots of a table.
local SPREAD = 0x9e3779b97f4a7c15

--- Sorts positions of facts by keys, smaller first: plain numbers are sorted, which takes a fifth of the time that a
--- comparing function takes.
---@param list  integer[]
---@param key   table<integer, number>  by position
---@param again fun(tied: integer[])    sorts those whose keys are equal
---@return integer[]
local function by_key(list, key, again)
    local found, values, kinds = {}, {}, 0
    local spread = math.type(key[list[1]]) == "integer" and SPREAD or 1.0 -- keys of one order are of one type
    for _, i in ipairs(list) do
        local value = key[i]
        local at = value * spread
        local tied = found[at]
        if tied == nil then
            found[at] = i
            kinds = kinds + 1
            values[kinds] = value
        elseif type(tied) == "number" then
            found[at] = { tied, i }
        else
            tied[#tied + 1] = i
        end
    end
    table.sort(values)
    local sorted, n = {}, 0
    for _, value in ipairs(values) do
        local tied = found[value * spread]
        if type(tied) == "number" then
            n = n + 1
            sorted[n] = tied
        else
            again(tied)
            table.move(tied, 1, #tied, n + 1, sorted)
            n = n + #tied
        end
    end
    return sorted
end

local function keys_of(list, facts, key)
    local keys = {}
    for _, i in ipairs(list) do
        keys[i] = key(facts[i])
    end
    return keys
end

local function by_number(facts)
    return function(tied)
        local at, numbers = {}, {}
        for n, i in ipairs(tied) do
            local number = facts[i].number
            at[number], numbers[n] = i, number
        end
        table.sort(numbers)
        for n, number in ipairs(numbers) do
            tied[n] = at[number]
        end
    end
end

local function by(key, ties)
    return function(list, facts)
        return by_key(list, keys_of(list, facts, key), ties and ties(facts) or by_number(facts))
    end
end

local function created(fact)
    return fact.created
end

local function use_count(fact)
    return fact.use_count
end

local function cost_of_a_byte(fact)
    local cost = tonumber(fact.labels[M.COST] or 0) or 0
    if cost ~= cost or cost < 0 then
        cost = 0
    end
    return fact.size > 0 and cost / fact.size or math.huge -- who frees nothing goes last
end

local function lru_ties(facts)
    local lru = by(match.last_use)
    return function(tied)
        table.move(lru(tied, facts), 1, #tied, 1, tied)
    end
end

--- The rank of each in an order, those with equal keys having one rank; 0 to 1.
local function ranks_of(sorted, keys)
    local ranks, rank = {}, 0
    for at, i in ipairs(sorted) do
        if at > 1 and keys[i] ~= keys[sorted[at - 1]] then
            rank = rank + 1
        end
        ranks[i] = rank
    end
    for i, own in pairs(ranks) do
        ranks[i] = rank > 0 and own / rank or 0
    end
    return ranks
end

local function mixed(list, facts)
    local used, counts = keys_of(list, facts, match.last_use), keys_of(list, facts, use_count)
    local ties = by_number(facts)
    local first, second = ranks_of(by_key(list, used, ties), used), ranks_of(by_key(list, counts, ties), counts)
    local sums = {}
    for _, i in ipairs(list) do
        sums[i] = first[i] + second[i]
    end
    return by_key(list, sums, ties)
end

local SORTS = {
    lru = by(match.last_use),
    lfu = by(use_count, lru_ties),
    mixed = mixed,
    oldest = by(created),
    largest = by(function(fact) return -fact.size end),
    cheapest = by(cost_of_a_byte, lru_ties),
}

M.CONTRADICTS = "order: its function contradicts itself: of each two it must say whether the first one goes first"

--- Positions in the order in which they go.
---@param name string | fun(a: moonsnap.gc.Fact, b: moonsnap.gc.Fact): boolean
---@param list integer[]
---@param facts moonsnap.gc.Fact[]
---@return integer[]? sorted  a new list; nil where a function contradicts itself, which Lua's sort raises, sometimes
function M.sorted(name, list, facts)
    if type(name) == "string" then
        return SORTS[name](list, facts)
    end
    local sorted = table.move(list, 1, #list, 1, {})
    local ok, why = pcall(table.sort, sorted, function(a, b) return name(facts[a], facts[b]) and true or false end)
    if not ok and not (type(why) == "string" and why:find("invalid order function", 1, true)) then
        error(why, 0)
    end
    return ok and sorted or nil
end

--- Are they in the order in which they were made? So a store lists them, as a rule.
local function in_order(facts)
    for i = 2, #facts do
        local before, fact = facts[i - 1], facts[i]
        if before.created > fact.created or before.created == fact.created and before.number > fact.number then
            return false
        end
    end
    return true
end

--- Positions of all, newest first.
---@param facts moonsnap.gc.Fact[]
---@return integer[]
function M.newest_first(facts)
    local list, count = {}, #facts
    for i = 1, count do
        list[i] = i
    end
    local sorted = in_order(facts) and list or SORTS.oldest(list, facts)
    for i = 1, count // 2 do
        sorted[i], sorted[count + 1 - i] = sorted[count + 1 - i], sorted[i]
    end
    return sorted
end

return M
