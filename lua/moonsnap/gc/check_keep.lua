--- Says what is wrong with a rule's keep.

local buckets = require "moonsnap.gc.buckets"
local suggest = require "moonsnap.suggest"
local units = require "moonsnap.units"

local M = {}

--- Labels that images bring along: whoever pushes an image would decide what is kept.
---@param label string
---@return string? wrong
function M.trusted(label)
    if label:find("^containerd%.io/snapshot/") then
        return ("label '%s' comes from images, which must not decide what stays"):format(label)
    end
end

---@param value any
---@return string? wrong
function M.duration(value)
    local _, wrong = units.parse_duration(value)
    return wrong
end

local function whole(value)
    return math.type(value) == "integer" and value >= 0
end

local COUNT_FIELDS = { min = true, max = true, n = true, within = true, span = true, all = true }

local function count(value)
    if value == "all" or whole(value) then
        return nil
    elseif type(value) ~= "table" then
        return "a number, \"all\", or { min =, max = } expected"
    end
    for name, one in pairs(value) do
        if not COUNT_FIELDS[name] then
            return suggest.unknown("word", tostring(name), COUNT_FIELDS)
        elseif name == "all" then
            if one ~= true or not value.span then
                return "all: true, beside span"
            end
        elseif name == "within" then
            local wrong = M.duration(one)
            if wrong then
                return wrong
            end
        elseif not whole(one) then
            return ("%s: a whole number expected"):format(name)
        end
    end
    if value.min and not value.max or (value.min or 0) > (value.max or math.huge) then
        return "min needs a max that is no less"
    elseif next(value) == nil then
        return "it is empty"
    end
end

local function strings(value)
    for _, one in ipairs(type(value) == "table" and value or { value }) do
        if type(one) ~= "string" then
            return "patterns expected, as { \"v*\" }"
        end
    end
    return type(value) == "table" and #value == 0 and "it is empty" or nil
end

local function labels(value)
    if type(value) ~= "table" or next(value) == nil then
        return "labels expected, as { important = \"yes\" }"
    end
    for name, one in pairs(value) do
        if type(name) ~= "string" or (type(one) ~= "string" and one ~= true) then
            return "labels expected, as { important = \"yes\" }"
        end
        local wrong = M.trusted(name)
        if wrong then
            return wrong
        end
    end
end

local function frequently(value)
    if type(value) ~= "table" then
        return "{ every = \"15m\", n = 4 } expected"
    end
    local wrong = M.duration(value.every)
    if wrong then
        return "every: " .. wrong
    elseif units.parse_duration(value.every) < 1 then
        return "every: a second is the least"
    end
    wrong = count(value.n)
    return wrong and "n: " .. wrong
end

local function both(value)
    if type(value) ~= "table" or #value < 2 then
        return "a list of keeps expected, as { { last = 10 }, { within = \"30d\" } }"
    end
    for i, keep in ipairs(value) do
        local wrong = M.check(keep)
        if wrong then
            return ("%d: %s"):format(i, wrong)
        end
    end
end

local function one_of(...)
    local words = { ... }
    return function(value)
        for _, word in ipairs(words) do
            if value == word then
                return nil
            end
        end
        return ("one of %s expected"):format(table.concat(words, ", "))
    end
end

local function boolean(value)
    return type(value) ~= "boolean" and "true or false expected" or nil
end

local function zone(value)
    if type(value) ~= "string" or not buckets.offset(value) then
        return "UTC or a distance from it expected, as \"+02:00\""
    end
end

local function weekday(value)
    return not buckets.WEEKDAYS[value] and "a weekday expected, as \"monday\"" or nil
end

local FIELDS = {
    last = count, within = M.duration, used_within = M.duration, frequently = frequently, tagged = strings,
    label = labels, both = both, choose = one_of("newest", "oldest"), zone = zone, day_starts = M.duration,
    week_starts = weekday, from = one_of("now", "newest"), oldest = boolean, cascade = boolean,
}
for _, name in ipairs(buckets.NAMES) do
    FIELDS[name] = count
end

--- Words of a keep that hold nothing by themselves.
local MODIFIERS = { choose = true, zone = true, day_starts = true, week_starts = true, from = true, oldest = true,
    cascade = true }

---@param keep any
---@return string? wrong  "dayly: unknown word 'dayly': did you mean 'daily'?"
function M.check(keep)
    if type(keep) ~= "table" then
        return "a table expected, as { last = 3 }"
    end
    local holds = false
    for name, value in pairs(keep) do
        local look = FIELDS[name]
        local wrong = look and look(value)
        if not look then
            return suggest.unknown("word", tostring(name), FIELDS)
        elseif wrong then
            return ("%s: %s"):format(name, wrong)
        end
        holds = holds or not MODIFIERS[name]
    end
    return not holds and "it holds nothing: last, within, daily, ... expected" or nil
end

return M
