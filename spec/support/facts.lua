--- Facts for the planner, without a store: snapshots as people write them down, plans as people read them.
---
---     local plan = facts.plan({ { "a", age = "3d" }, { "b", parent = "a", size = 10 } }, { rule })
---     assert.equal("needed", facts.reasons(plan).a)
local moonsnap = require "moonsnap"
local planner = require "moonsnap.gc.plan"
local units = require "moonsnap.units"

local M = {}

local SECOND = 1000000000

--- 2026-11-24T12:00:00Z, a Tuesday.
M.NOW = 1795521600 * SECOND

local function ago(duration)
    return M.NOW - math.floor(units.parse_duration(duration) * SECOND)
end

--- "2026-11-24 12:00" in UTC, as nanoseconds.
---@param text string
---@return integer
function M.at(text)
    local year, month, day, hour, minute = text:match("^(%d+)-(%d+)-(%d+) ?(%d*):?(%d*)$")
    local noon = os.time { year = year, month = month, day = day, hour = 12, isdst = false }
    local drift = os.time(os.date("!*t", noon)) - noon -- the zone of whoever runs this
    local midnight = noon - drift - 12 * 3600
    return (midnight + (tonumber(hour) or 0) * 3600 + (tonumber(minute) or 0) * 60) * SECOND
end

--- One fact: its name, then what differs from a committed snapshot of no size, made and used an hour ago. age, idle:
--- durations; made: a time as at() takes it.
---@param word table
---@param number integer
---@return moonsnap.gc.Fact
function M.fact(word, number)
    local created = word.made and M.at(word.made) or ago(word.age or "1h")
    return {
        name = word[1], parent = word.parent or "", kind = word.kind or "committed", created = created,
        updated = created, used = word.idle and ago(word.idle) or created, use_count = word.uses or 0,
        number = word.number or number, labels = word.labels or {}, size = word.size or 0, inodes = word.inodes or 0,
        depth = word.depth or 1, held = word.held and { why = word.held, text = word.held, flat = word.flat },
    }
end

---@param words table[]
---@return moonsnap.gc.Fact[]
function M.facts(words)
    local list = {}
    for i, word in ipairs(words) do
        list[i] = M.fact(word, i)
    end
    return list
end

---@param more? table
function M.state(more)
    local state = { namespace = "default", now = M.NOW, filter = moonsnap.filter, failure = moonsnap.error }
    for name, value in pairs(more or {}) do
        state[name] = value
    end
    return state
end

--- Plans over words.
---@return moonsnap.gc.Plan? plan
---@return moonsnap.Error? err
function M.plan(words, rules, more)
    return planner.plan(M.facts(words), rules, M.state(more))
end

--- Reason by key, and text by key.
---@param plan moonsnap.gc.Plan
---@return table<string, string>, table<string, string>
function M.reasons(plan)
    local reasons, texts = {}, {}
    for _, item in ipairs(plan.items) do
        reasons[item.key], texts[item.key] = item.reason, item.text
    end
    return reasons, texts
end

--- Keys that a plan removes, in its order.
---@param plan moonsnap.gc.Plan
---@return string[]
function M.removed(plan)
    local keys = {}
    for _, item in ipairs(plan.items) do
        keys[#keys + 1] = item.verdict == "remove" and item.key or nil
    end
    return keys
end

--- Keys that a plan keeps, sorted.
---@param plan moonsnap.gc.Plan
---@return string[]
function M.kept(plan)
    local keys = {}
    for _, item in ipairs(plan.items) do
        keys[#keys + 1] = item.verdict == "keep" and item.key or nil
    end
    table.sort(keys)
    return keys
end

return M
