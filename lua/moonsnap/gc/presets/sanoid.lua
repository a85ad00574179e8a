--- sanoid's words: a template of sanoid.conf as rules, and what its --monitor-snapshots looks at.
---
---     sanoid { frequently = 0, hourly = 36, daily = 30, monthly = 3, yearly = 0, hourly_warn = "90m", ... }
---
--- sanoid takes snapshots of each kind and prunes each kind by itself: one goes when it is older than its number of
--- periods and there are more than that many of its kind. The kind stands in the label `period` (frequently, hourly,
--- daily, weekly, monthly, yearly); a kind with 0 is pruned altogether. prune_defer = 80: nothing is pruned before the
--- file system is used to 80 percent.
---
--- Source: sanoid (prune_snapshots), sanoid.conf, sanoid.defaults.conf.

local M = {}

--- All of a template; what is behind group_by is about taking snapshots, not about pruning them.
M.WORDS = [[frequently hourly daily weekly monthly yearly frequent_period frequently_warn frequently_crit hourly_warn
hourly_crit daily_warn daily_crit weekly_warn weekly_crit monthly_warn monthly_crit yearly_warn yearly_crit prune_defer
autoprune label group_by
autosnap monitor hourly_min daily_hour daily_min weekly_wday weekly_hour weekly_min monthly_mday monthly_hour
monthly_min yearly_mon yearly_mday yearly_hour yearly_min]]

local HOUR, DAY = 3600, 86400
local SECONDS = { hourly = HOUR, daily = DAY, weekly = 7 * DAY, monthly = 31 * DAY, yearly = 365.25 * DAY }
local PERIODS = { "frequently", "hourly", "daily", "weekly", "monthly", "yearly" }

--- "48h", "90m", "5d", "40w"; as sanoid reads them, a number alone counts the period's own units.
local function duration(value, period)
    local n, unit = tostring(value):match("^(%d+)%s*([smhdwy]?)$")
    if not n then
        error(("sanoid: '%s' is no time"):format(tostring(value)), 4)
    elseif unit ~= "" then
        return n .. unit
    end
    local units = { frequently = 60, hourly = 60, daily = HOUR, weekly = DAY, monthly = DAY, yearly = DAY }
    return tonumber(n) * units[period]
end

local function monitors(words, period, count, rule, rules)
    for level, word in pairs { warn = "_warn", crit = "_crit" } do
        local limit = words[period .. word]
        if limit and tostring(limit) ~= "0" and count > 0 then
            rules[#rules + 1] = { name = ("%s-%s"):format(rule.name, level), match = rule.match,
                group_by = rule.group_by,
                monitor = { newest_max_age = duration(limit, period), level = level } }
        end
    end
end

---@param words table
---@return moonsnap.gc.Rule[] rules
function M.rules(words)
    if words.autoprune ~= nil and words.autoprune ~= true and words.autoprune ~= "yes" then
        error("sanoid: autoprune is not yes: then nothing is pruned, and no rule is needed", 2)
    end
    local label, rules, defer = words.label or "period", {}, tonumber(words.prune_defer)
    for _, period in ipairs(PERIODS) do
        local count = math.tointeger(tonumber(words[period]))
        if count then
            local seconds = period == "frequently" and (tonumber(words.frequent_period) or 15) * 60 or SECONDS[period]
            local rule = { name = "sanoid-" .. period, match = ("labels.%s==%s"):format(label, period),
                group_by = words.group_by, keep = { last = count, within = math.floor(count * seconds) } }
            if defer and defer > 0 then
                rule.bounds, rule.order = { high = defer, low = 0 }, "oldest"
            end
            rules[#rules + 1] = rule
            monitors(words, period, count, rule, rules)
        end
    end
    if #rules == 0 then
        error("sanoid: hourly, daily, ... expected", 2)
    end
    table.sort(rules, function(a, b) return a.name < b.name end)
    return rules
end

return M
