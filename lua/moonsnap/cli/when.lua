--- Times as people write them on the command line.

local units = require "moonsnap.units"

local M = {}

local SECOND = 1000000000
local FORM = "a time is 90m, 6h, 7d, 2w (from now on), 2026-12-01 or 2026-12-01T12:00:00Z"

local function is_leap(year)
    return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

local DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

--- Days from 1970 to a date of the proleptic Gregorian calendar; nil for a date that is none.
local function days(year, month, day)
    local most = DAYS[month]
    if not most or day < 1 or day > most + (month == 2 and is_leap(year) and 1 or 0) or year < 1970 then
        return nil
    end
    local count = (year - 1970) * 365 + (year - 1969) // 4 - (year - 1901) // 100 + (year - 1601) // 400
    for before = 1, month - 1 do
        count = count + DAYS[before] + (before == 2 and is_leap(year) and 1 or 0)
    end
    return count + day - 1
end

local function date(text)
    local year, month, day, rest = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
    local hour, minute, second = 0, 0, 0
    if rest and rest ~= "" then
        hour, minute, second = rest:match("^[T ](%d%d):(%d%d):(%d%d)Z?$")
    end
    if not hour then
        return nil
    end
    local count = year and days(tonumber(year), tonumber(month), tonumber(day))
    hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
    if not count or hour > 23 or minute > 59 or second > 59 then
        return nil
    end
    return ((count * 24 + hour) * 60 + minute) * 60 + second
end

--- A moment: a date in UTC, or how long from now.
---@param text string
---@param now  integer  nanoseconds since 1970
---@return integer? at   nanoseconds since 1970
---@return string?  wrong
function M.moment(text, now)
    local seconds = date(text)
    if seconds then
        return math.tointeger(seconds) * SECOND
    end
    local duration = not text:find("^%d+%-") and units.parse_duration(text)
    local ahead = duration and math.tointeger(duration // 1)
    if not ahead or ahead > (math.maxinteger - now) // SECOND then
        return nil, ("'%s': %s"):format(text, FORM)
    end
    return now + ahead * SECOND
end

--- How long: whole seconds, at least one.
---@param text string
---@return integer? seconds
---@return string?  wrong
function M.seconds(text)
    local duration, wrong = units.parse_duration(text)
    local whole = duration and math.tointeger(duration // 1)
    if not whole or whole < 1 then
        return nil, wrong or ("'%s': at least a second is meant"):format(text)
    end
    return whole
end

return M
