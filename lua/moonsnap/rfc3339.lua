--- Times as labels write them: "2026-11-24T18:00:00Z", and their nanoseconds since 1970.

local M = {}

local SECOND = 1000000000

--- The last second that can be read: 2261-12-31T23:59:59Z.
M.LAST = 9214646399 * SECOND

--- Days from 1970-01-01 to a date of the Gregorian calendar.
local function days_of(year, month, day)
    local y = month > 2 and year or year - 1
    local era = y // 400
    local year_of_era = y - era * 400
    local day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468
end

local function length_of(year, month)
    if month == 2 then
        return (year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)) and 29 or 28
    end
    return (month == 4 or month == 6 or month == 9 or month == 11) and 30 or 31
end

--- Seconds that a zone is ahead of UTC.
local function ahead_of(zone)
    if zone == "Z" or zone == "z" then
        return 0
    end
    local sign, hours, minutes = zone:match("^([+-])(%d%d):(%d%d)$")
    if not sign or tonumber(hours) > 23 or tonumber(minutes) > 59 then
        return nil
    end
    return (sign == "-" and -1 or 1) * (hours * 3600 + minutes * 60)
end

--- Reads a time.
---@param text string
---@return integer? ns  since 1970, UTC; nil for what is no time, or lies beyond 2261
function M.parse(text)
    local year, month, day, hour, minute, second, rest =
        text:match("^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(.*)$")
    if not year then
        return nil
    end
    local fraction, zone = rest:match("^%.(%d+)(.+)$")
    local ahead = ahead_of(zone or rest)
    year, month, day = math.tointeger(year), math.tointeger(month), math.tointeger(day)
    hour, minute, second = math.tointeger(hour), math.tointeger(minute), math.tointeger(second)
    if not ahead or year < 1678 or year > 2261 or month < 1 or month > 12 or day < 1
        or day > length_of(year, month) or hour > 23 or minute > 59 or second > 60 then
        return nil
    end
    local seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - math.tointeger(ahead)
    local part = fraction and math.tointeger((fraction .. "000000000"):sub(1, 9)) or 0
    return seconds * SECOND + part
end

--- Writes a time in UTC, to the second.
---@param ns integer
---@return string
function M.format(ns)
    return os.date("!%Y-%m-%dT%H:%M:%SZ", ns // SECOND) --[[@as string]]
end

return M
