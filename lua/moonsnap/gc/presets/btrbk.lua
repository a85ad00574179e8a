--- btrbk's words: snapshot_preserve and snapshot_preserve_min as a rule.
---
---     btrbk { snapshot_preserve_min = "2d", snapshot_preserve = "14d 4w 6m 1y", preserve_day_of_week = "sunday",
---             preserve_hour_of_day = 0 }
---
--- Without snapshot_ (or target_, which is the other pair of a btrbk.conf and a rule of its own) they are read as well.
---
--- preserve_min   all | latest | no | <number>{h,d,w,m,y}    everything so young stays, by the calendar
--- preserve       no | [<number>h] [<number>d] [<number>w] [<number>m] [<number>y], * for all, 0 for none: the first of
---                each hour, day and week; of a month its first weekly one, of a year its first monthly one; so many
---                back from now, the present one not counted
---
--- Days begin at preserve_hour_of_day, weeks on preserve_day_of_week, months and years with the first week that begins
--- in them. zone: btrbk counts in local time, here it is UTC.
---
--- Source: btrbk.conf(5) 0.32.1, RETENTION POLICY; what that leaves open as `btrbk -S` prints it.

local M = {}

M.WORDS = [[name match group_by zone preserve_min preserve snapshot_preserve_min snapshot_preserve target_preserve_min
target_preserve preserve_day_of_week preserve_hour_of_day]]

local NAMES = { h = "hourly", d = "daily", w = "weekly", m = "monthly", y = "yearly" }

local function amount(n)
    if n == "*" then
        return "all"
    end
    local span = math.tointeger(tonumber(n))
    return span > 0 and { span = span } or nil
end

--- "14d 4w" as counts of a keep.
local function schedule(text, keep)
    local rest = text:gsub("([%d%*]+)([hdwmy])", function(n, unit)
        keep[NAMES[unit]] = amount(n)
        return ""
    end)
    if rest:find("%S") then
        error(("btrbk: preserve '%s': \"14d 4w 6m\" expected"):format(text), 4)
    end
end

--- All of what preserve_min holds, as a keep: everything of so many days (hours, ...) back from now.
local function least(text, keep)
    if text == "all" then
        keep.last = "all"
        return keep
    elseif text == "latest" then
        keep.last = 1
        return keep
    end
    local n, unit = text:match("^(%d+)([hdwmy])$")
    if not n then
        error(("btrbk: preserve_min '%s': all, latest, no or a time as \"2d\" expected"):format(text), 4)
    end
    keep[NAMES[unit]] = { span = math.tointeger(tonumber(n)), all = true }
    return keep
end

--- What is said for snapshots or for targets: not for both, which are two places in btrbk, and two rules here.
local function one_of(words, name)
    local found
    for _, prefix in ipairs { "", "snapshot_", "target_" } do
        local value = words[prefix .. name]
        if value and found then
            error(("btrbk: %s is there twice: for snapshots and targets write two presets"):format(name), 4)
        end
        found = value or found
    end
    return found
end

---@param words table
---@return moonsnap.gc.Rule[] rules
function M.rules(words)
    local name, rules = words.name or "btrbk", {}
    local minimum, preserve = one_of(words, "preserve_min") or "all", one_of(words, "preserve") or "no"
    local function calendar()
        return { zone = words.zone, week_starts = words.preserve_day_of_week or "sunday", cascade = true,
            day_starts = (tonumber(words.preserve_hour_of_day) or 0) * 3600 }
    end
    if minimum ~= "no" then
        rules[1] = { name = name .. "-min", match = words.match, group_by = words.group_by,
            keep = least(minimum, calendar()) }
    end
    if preserve ~= "no" then
        local keep = calendar()
        keep.choose = "oldest"
        schedule(preserve, keep)
        rules[#rules + 1] = { name = name, match = words.match, group_by = words.group_by, keep = keep }
    end
    if #rules == 0 then
        error("btrbk: preserve_min and preserve are no: everything would go", 2)
    end
    return rules
end

return M
