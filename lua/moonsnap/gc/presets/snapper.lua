--- snapper's words: the cleanup algorithms number and timeline of a config, as rules.
---
---     snapper { NUMBER_CLEANUP = "yes", NUMBER_LIMIT = "10-50", NUMBER_LIMIT_IMPORTANT = "10",
---               NUMBER_MIN_AGE = "1800", TIMELINE_CLEANUP = "yes", TIMELINE_LIMIT_HOURLY = "10", ...
---               TIMELINE_MIN_AGE = "1800", SPACE_LIMIT = "0.5", FREE_LIMIT = "0.2" }
---
--- Which algorithm a snapshot is for stands in its label `cleanup` (number, timeline), as snapper has it in its
--- metadata; label important=yes is snapper's userdata: such ones
--- have a limit of their own beside the common one. A range "10-50": above 50 always goes, between 10 and 50 only
--- when SPACE_LIMIT or FREE_LIMIT ask for room. Of an hour, day, ... the first is kept. What is not said has snapper's
--- default; weeks, months and quarters begin as in ISO 8601.
---
--- Source: snapper-configs(5); snapper client/cleanup.cc.

local M = {}

--- All of a config; what is behind SPACE_LIMIT says nothing about retention.
M.WORDS = [[label zone NUMBER_CLEANUP NUMBER_LIMIT NUMBER_LIMIT_IMPORTANT NUMBER_MIN_AGE TIMELINE_CLEANUP
TIMELINE_LIMIT_HOURLY TIMELINE_LIMIT_DAILY TIMELINE_LIMIT_WEEKLY TIMELINE_LIMIT_MONTHLY TIMELINE_LIMIT_QUARTERLY
TIMELINE_LIMIT_YEARLY TIMELINE_MIN_AGE FREE_LIMIT SPACE_LIMIT
TIMELINE_CREATE SUBVOLUME FSTYPE QGROUP ALLOW_USERS ALLOW_GROUPS SYNC_ACL BACKGROUND_COMPARISON
EMPTY_PRE_POST_CLEANUP EMPTY_PRE_POST_MIN_AGE]]

local DEFAULTS = {
    NUMBER_CLEANUP = "no", NUMBER_LIMIT = "50", NUMBER_LIMIT_IMPORTANT = "10", NUMBER_MIN_AGE = "1800",
    TIMELINE_CLEANUP = "no", TIMELINE_LIMIT_HOURLY = "10", TIMELINE_LIMIT_DAILY = "10", TIMELINE_LIMIT_WEEKLY = "0",
    TIMELINE_LIMIT_MONTHLY = "10", TIMELINE_LIMIT_QUARTERLY = "0", TIMELINE_LIMIT_YEARLY = "10",
    TIMELINE_MIN_AGE = "1800",
}

--- "10" or "10-50" as a count.
local function range(text)
    local low, high = tostring(text):match("^(%d+)%s*%-%s*(%d+)$")
    if low then
        return { min = math.tointeger(tonumber(low)), max = math.tointeger(tonumber(high)) }
    end
    local n = math.tointeger(tonumber(text))
    return n or error(("snapper: '%s' is no number and no range"):format(tostring(text)), 4)
end

--- A fraction of the file system, or a size.
local function space(value)
    local fraction = tonumber(value)
    if fraction and fraction <= 1 then
        return ("%g%%"):format(fraction * 100)
    end
    return (tostring(value):gsub("%s+", ""))
end

local function number(value, rules, label)
    local age = tonumber(value "NUMBER_MIN_AGE")
    local match = ("labels.%s==number"):format(label)
    rules[#rules + 1] = { name = "snapper-important", match = match .. ",labels.important==yes", min_age = age,
        keep = { last = range(value "NUMBER_LIMIT_IMPORTANT") } }
    rules[#rules + 1] = { name = "snapper-number", match = match, min_age = age,
        keep = { last = range(value "NUMBER_LIMIT") } }
end

local PERIODS = { "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "QUARTERLY", "YEARLY" }

local function timeline(value, rules, label, zone)
    local keep = { choose = "oldest", zone = zone }
    for _, period in ipairs(PERIODS) do
        keep[period:lower()] = range(value("TIMELINE_LIMIT_" .. period))
    end
    rules[#rules + 1] = { name = "snapper-timeline", match = ("labels.%s==timeline"):format(label),
        min_age = tonumber(value "TIMELINE_MIN_AGE"), keep = keep }
end

---@param words table
---@return moonsnap.gc.Rule[] rules
function M.rules(words)
    local label, rules, cleaned = words.label or "cleanup", {}, {}
    local function value(name)
        return words[name] or DEFAULTS[name]
    end
    if value "NUMBER_CLEANUP" == "yes" then
        number(value, rules, label)
        cleaned[#cleaned + 1] = ("labels.%s==number"):format(label)
    end
    if value "TIMELINE_CLEANUP" == "yes" then
        timeline(value, rules, label, words.zone)
        cleaned[#cleaned + 1] = ("labels.%s==timeline"):format(label)
    end
    if #cleaned > 0 and (words.SPACE_LIMIT or words.FREE_LIMIT) then
        rules[#rules + 1] = { name = "snapper-space", order = "oldest", match = cleaned,
            bounds = { max_used = words.SPACE_LIMIT and space(words.SPACE_LIMIT),
                min_free = words.FREE_LIMIT and space(words.FREE_LIMIT) } }
    end
    if #rules == 0 then
        error("snapper: neither NUMBER_CLEANUP nor TIMELINE_CLEANUP is yes", 2)
    end
    return rules
end

return M
