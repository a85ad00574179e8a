--- restic's words: `restic forget --keep-last 2 --keep-daily 7 ...` as a rule.
---
---     restic { keep_last = 2, keep_daily = 7, keep_within_weekly = "1m", keep_tag = { "release" }, group_by = "host" }
---
--- keep_last, keep_hourly ... keep_yearly   the newest of each of the newest n; -1 or "unlimited": of all
--- keep_within, keep_within_hourly ...      back from the newest snapshot of the group, as restic counts: "1y5m7d2h",
---                                          where m is a month
--- keep_tag                                 tags, of which all in one "a,b" must be there
--- group_by                                 label names in place of restic's host and paths
---
--- As in restic since 0.16, what has room left on a count keeps the oldest snapshot, too. Weeks are ISO weeks; zone
--- says in which time zone days are read (restic: the machine's; here UTC).
---
--- Source: restic internal/restic/snapshot_policy.go, doc/060_forget.rst.

local M = {}

M.WORDS = [[name match group_by zone keep_last keep_hourly keep_daily keep_weekly keep_monthly keep_yearly keep_within
keep_within_hourly keep_within_daily keep_within_weekly keep_within_monthly keep_within_yearly keep_tag]]

local UNITS = { y = "y", m = "mo", d = "d", h = "h" }

--- "1y5m7d2h" in our words, where m is a minute.
local function duration(text)
    return (text:gsub("(%d+)%s*([ymdh])", function(n, unit) return n .. UNITS[unit] end))
end

local PERIODS = { "hourly", "daily", "weekly", "monthly", "yearly" }

local function count(n)
    return (n == -1 or n == "unlimited") and "all" or n
end

local function counts_of(words)
    local keep = { oldest = true, zone = words.zone, last = words.keep_last and count(words.keep_last) }
    local within = { from = "newest", zone = words.zone, within = words.keep_within and duration(words.keep_within) }
    for _, period in ipairs(PERIODS) do
        local n, window = words["keep_" .. period], words["keep_within_" .. period]
        keep[period] = n and n ~= 0 and count(n) or nil
        within[period] = window and { within = duration(window) } or nil
    end
    return keep, within
end

--- "a,b": both tags.
local function tagged(tags)
    local all = {}
    for tag in tags:gmatch("[^,%s]+") do
        all[#all + 1] = { tagged = { tag } }
    end
    return #all == 1 and all[1] or { both = all }
end

--- Is there anything that holds?
local function holds(keep)
    for name in pairs(keep) do
        if name ~= "oldest" and name ~= "zone" and name ~= "from" then
            return true
        end
    end
    return false
end

---@param words table
---@return moonsnap.gc.Rule[] rules
function M.rules(words)
    local name, rules = words.name or "restic", {}
    local keep, within = counts_of(words)
    local keeps = { keep, within }
    for _, tags in ipairs(type(words.keep_tag) == "table" and words.keep_tag or { words.keep_tag }) do
        keeps[#keeps + 1] = tagged(tags)
    end
    for at, one in ipairs(keeps) do
        if holds(one) then
            rules[#rules + 1] = { name = ("%s-%d"):format(name, at), match = words.match, group_by = words.group_by,
                keep = one }
        end
    end
    if #rules == 0 then
        error("restic: no policy was specified, no snapshots will be removed: keep_last, keep_daily, ... expected", 2)
    end
    return rules
end

return M
