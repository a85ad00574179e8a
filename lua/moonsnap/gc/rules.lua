--- Retention rules: what is wrong with one, and one made ready for the planner.

local check_keep = require "moonsnap.gc.check_keep"
local check_match = require "moonsnap.gc.check_match"
local keep = require "moonsnap.gc.keep"
local match = require "moonsnap.gc.match"
local order = require "moonsnap.gc.order"
local suggest = require "moonsnap.suggest"
local units = require "moonsnap.units"

local M = {}

local SECOND = 1000000000

--- What can make a collection happen.
M.TRIGGERS = { timer = true, pressure = true, startup = true, commit = true, manual = true }

local function whole(value)
    if math.type(value) ~= "integer" or value < 0 then
        return "a whole number expected"
    end
end

local function size(value)
    local _, wrong = units.parse_size(value, 0)
    return wrong
end

local function percent(value)
    if type(value) ~= "number" or value < 0 or value > 100 then
        return "a percentage of the file system expected, 0 to 100"
    end
end

local function text(value)
    local good = type(value) == "string" and utf8.len(value) and not value:find("\0", 1, true)
    return not good and "a text expected, in UTF-8" or nil
end

--- Says what is wrong with what shall be a text.
M.text = text

local function label(value)
    return text(value) or check_keep.trusted(value)
end

--- A checker of tables with these words.
local function fields(known, more)
    return function(value)
        if type(value) ~= "table" then
            return "a table expected"
        end
        for name, one in pairs(value) do
            local look = known[name]
            local wrong = look and look(one)
            if not look then
                return suggest.unknown("word", tostring(name), known)
            elseif wrong then
                return ("%s: %s"):format(name, wrong)
            end
        end
        return next(value) == nil and "it is empty" or more and more(value) or nil
    end
end

local function contradiction(bounds)
    if (bounds.low or 0) > (bounds.high or 100) or (bounds.low and not bounds.high) then
        return "low: high is where it begins, and cannot be less"
    end
    local most, least = units.parse_size(bounds.max_used or 0), units.parse_size(bounds.reserved or 0)
    if bounds.max_used and most and least and least > most then
        return "reserved: more than max_used"
    elseif bounds.reserved and not (bounds.max_used or bounds.min_free or bounds.high) then
        return "reserved: a floor for max_used, min_free or high, none of which is there"
    end
end

local function scope(value)
    return value ~= "match" and value ~= "all" and "match or all expected" or nil
end

local BOUNDS = fields({ max_used = size, reserved = size, min_free = size, max_count = whole, max_inodes = whole,
    max_depth = whole, high = percent, low = percent, of = scope }, contradiction)

local EXPIRE = fields { ttl = check_keep.duration, at_label = label, idle = check_keep.duration,
    dead = check_keep.duration }

local MONITOR = fields { newest_max_age = check_keep.duration, min_count = whole, level = text }

local PACE = fields { items = whole, bytes = size, wall = check_keep.duration, io = function(value)
    return value ~= "idle" and "idle expected" or nil
end }

local MARKS = fields { snapshotter = text }

local function marks(value)
    return value ~= true and MARKS(value) or nil
end

local function group_by(value)
    if type(value) == "function" then
        return nil
    end
    for _, name in ipairs(type(value) == "table" and value or { value }) do
        if type(name) ~= "string" then
            return "a label's name, a list of them, or a function expected"
        end
    end
end

local function triggers(value)
    if type(value) ~= "table" or #value == 0 then
        return "a list expected, as { \"timer\", \"manual\" }"
    end
    for _, name in ipairs(value) do
        if not M.TRIGGERS[name] then
            return suggest.unknown("trigger", tostring(name), M.TRIGGERS)
        end
    end
end

local function in_order(value)
    if type(value) ~= "function" and not order.NAMES[value] then
        return suggest.unknown("order", tostring(value), order.NAMES)
    end
end

local function action(value)
    if type(value) ~= "function" and value ~= "remove" and value ~= "notify" then
        return "remove, notify or a function expected"
    end
end

local function rest(value)
    return value ~= "remove" and value ~= "stay" and "remove or stay expected" or nil
end

local function boolean(value)
    return type(value) ~= "boolean" and "true or false expected" or nil
end

local RULE = {
    name = text, file = text, match = check_match.check, group_by = group_by, keep = check_keep.check,
    min_age = check_keep.duration, expire = EXPIRE, bounds = BOUNDS, order = in_order, hard = boolean, action = action,
    rest = rest, pace = PACE, on = triggers, every = check_keep.duration, monitor = MONITOR, containerd = marks,
}

local function whole_rule(rule)
    if rule.hard and not (rule.bounds and rule.keep) then
        return "hard: lets bounds go on into what keep holds, and one of them is not there"
    elseif rule.order and not rule.bounds then
        return "order: who goes first where there are bounds, and there are none"
    elseif rule.rest and not rule.keep then
        return "rest: what becomes of what keep does not hold, and there is no keep"
    end
    for _, name in ipairs { "keep", "expire", "bounds", "monitor", "min_age", "containerd" } do
        if rule[name] then
            return nil
        end
    end
    return "it says nothing: keep, expire, bounds, min_age, monitor or containerd expected"
end

--- Says whether a rule is well formed. What only filters can tell (one that does not parse) compile tells.
---@param rule any
---@return true? ok
---@return string? wrong  "keep: unknown word 'dayly': did you mean 'daily'?"
function M.check(rule)
    if type(rule) ~= "table" then
        return nil, "a rule is a table"
    elseif text(rule.name) or rule.name == "" then
        return nil, "name: " .. (text(rule.name) or "a text expected")
    end
    for name, value in pairs(rule) do
        local look = RULE[name]
        if not look then
            return nil, suggest.unknown("word", tostring(name), RULE)
        end
        local wrong = look(value)
        if wrong then
            return nil, ("%s: %s"):format(name, wrong)
        end
    end
    local wrong = whole_rule(rule)
    return not wrong or nil, wrong
end

local function group_of(by)
    if by == nil then
        return nil
    elseif type(by) == "function" then
        return function(fact) return tostring(by(fact)) end
    end
    local names = {}
    for at, name in ipairs(type(by) == "table" and by or { by }) do
        names[at] = name:match("^labels%.(.+)$") or name
    end
    if #names == 1 then
        local name = names[1]
        return function(fact) return fact.labels[name] or "" end
    end
    return function(fact)
        local values = {}
        for at, name in ipairs(names) do
            values[at] = fact.labels[name] or ""
        end
        return table.concat(values, ",")
    end
end

local function nanoseconds(duration)
    return duration and math.floor(units.parse_duration(duration) * SECOND)
end

--- Does the rule take things now? What it keeps, it keeps always.
local function awake(rule, state)
    if state.due and not state.due[rule.name] then
        return false
    elseif not rule.on then
        return true
    end
    local trigger = state.trigger or "manual"
    for _, name in ipairs(rule.on) do
        if name == trigger then
            return true
        end
    end
    return false
end

---@class moonsnap.gc.Ready  a compiled rule

--- Makes a rule ready for one plan.
---@param rule moonsnap.gc.Rule
---@param state table  what plan takes
---@return moonsnap.gc.Ready? ready
---@return string? wrong
function M.compile(rule, state)
    local ok, wrong = M.check(rule)
    if not ok then
        return nil, wrong
    end
    local test, equal_to
    test, wrong, equal_to = match.lookup(rule.match, state)
    if not test then
        return nil, "match: " .. wrong
    end
    local expire = rule.expire
    return {
        name = rule.name, test = test, equal_to = equal_to, group = group_of(rule.group_by),
        keep = rule.keep and keep.compile(rule.keep),
        min_age = nanoseconds(rule.min_age), bounds = rule.bounds, order = rule.order or "lru", hard = rule.hard,
        expire = expire and {
            ttl = nanoseconds(expire.ttl), idle = nanoseconds(expire.idle), dead = nanoseconds(expire.dead),
            at_label = expire.at_label, words = expire,
        },
        releases = rule.keep and (rule.rest or (rule.bounds and "stay" or "remove")) == "remove",
        action = rule.action, awake = awake(rule, state), monitor = rule.monitor,
        containerd = rule.containerd == true and {} or rule.containerd,
    }
end

return M
