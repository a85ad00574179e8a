--- Which hour, day, week, month, quarter or year an instant lies in, as a number that grows by one a bucket.
---
--- By integer arithmetic alone, in UTC or a fixed distance from it, never in a zone whose clocks change: two plans of
--- one store are the same wherever they are made, and no hour comes twice.

local M = {}

local HOUR, DAY = 3600, 86400
local WEEKDAYS = { monday = 3, tuesday = 2, wednesday = 1, thursday = 0, friday = 6, saturday = 5, sunday = 4 }

--- Buckets by length, short before long; weeks begin on Monday, as ISO 8601 has it.
M.NAMES = { "hourly", "daily", "weekly", "monthly", "quarterly", "yearly" }

--- What a week can begin with.
M.WEEKDAYS = WEEKDAYS

--- Days since 1970-01-01 to years since 0 and months since 0000-01 (proleptic Gregorian).
local function months_of(day)
    local shifted = day + 719468 -- since 0000-03-01
    local era = shifted // 146097
    local of_era = shifted - era * 146097
    local year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    local of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    local month = (5 * of_year + 2) // 153 -- 0 is March
    return (era * 400 + year_of_era) * 12 + month + 2
end

---@class moonsnap.gc.Calendar
---@field offset      integer  seconds east of UTC
---@field day_starts  integer  seconds after midnight at which a day (and week, month, year) begins
---@field week_starts string
---@field whole_weeks boolean  a week is of the month, quarter and year that it begins in

--- Functions from whole seconds since 1970 to the number of the bucket, by the bucket's name.
---@param calendar? {offset?: integer, day_starts?: integer, week_starts?: string, whole_weeks?: boolean}
---@return table<string, fun(seconds: integer): integer>
function M.new(calendar)
    calendar = calendar or {}
    local offset = calendar.offset or 0
    local shift = offset - (calendar.day_starts or 0)
    local week = WEEKDAYS[calendar.week_starts or "monday"]
    local whole_weeks, months = calendar.whole_weeks, {}
    local function month(seconds)
        local day = (seconds + shift) // DAY
        if whole_weeks then -- so many days before midnight, not before the hour at which days start: as btrbk counts
            day = (seconds + offset) // DAY - (day + week) % 7
        end
        local found = months[day]
        if not found then
            found = months_of(day)
            months[day] = found
        end
        return found
    end
    return {
        hourly = function(seconds) return (seconds + offset) // HOUR end,
        daily = function(seconds) return (seconds + shift) // DAY end,
        weekly = function(seconds) return ((seconds + shift) // DAY + week) // 7 end,
        monthly = month,
        quarterly = function(seconds) return month(seconds) // 3 end,
        yearly = function(seconds) return month(seconds) // 12 end,
    }
end

--- "UTC", "+02:00", "-0530" to seconds east of UTC; nil for anything else.
---@param zone string
---@return integer?
function M.offset(zone)
    if zone == "UTC" or zone == "Z" then
        return 0
    end
    local sign, hours, minutes = zone:match("^([+-])(%d%d):?(%d%d)$")
    if not sign or tonumber(hours) > 14 or tonumber(minutes) > 59 then
        return nil
    end
    return (sign == "-" and -1 or 1) * (tonumber(hours) * 60 + tonumber(minutes)) * 60
end

return M
