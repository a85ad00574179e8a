--- Durations and sizes as people write them: one reading of "7d" and "10GiB" for policies, rules and the command.
---
---     duration   90s 15m 6h 7d 2w 1mo 1y 1d12h 250ms; a number is seconds; a month is 30 days, a year 365
---     size       10GiB 500MB 4096 1.5T 512K 10%; a number is bytes; K, M, G, T and KiB count by 1024, KB by 1000

local M = {}

local SECONDS = { ms = 0.001, s = 1, m = 60, h = 3600, d = 86400, w = 604800, mo = 2592000, y = 31536000 }
local DURATION = "a number with s, m, h, d, w, mo or y, as 90s or 1d12h"

local POWERS = { K = 1, M = 2, G = 3, T = 4, P = 5 }
local SIZE = "a number with K, M, G or T, as 10GiB or 500MB"
local SHARE = SIZE .. ", or a share as 10%"
local LARGEST = 2 ^ 62

local function no(value, what, form)
    local shown = type(value) == "string" and ("'%s'"):format(#value > 40 and value:sub(1, 40) .. "..." or value)
        or type(value) == "number" and tostring(value) or "a " .. type(value)
    return nil, ("%s is no %s: %s"):format(shown, what, form)
end

--- Whole values as integers, so that they print without a point.
local function whole(value)
    return math.tointeger(value) or value
end

local function positive(value)
    return value >= 0 and value < LARGEST -- NaN is neither
end

--- Reads a duration.
---@param value string|number
---@return number? seconds  an integer where it is whole
---@return string? wrong
function M.parse_duration(value)
    if type(value) == "number" and positive(value) then
        return whole(value)
    elseif type(value) ~= "string" or value == "" then
        return no(value, "duration", DURATION)
    end
    local seconds, at = 0, 1
    while at <= #value do
        local amount, unit, rest = value:match("^(%d+%.?%d*)%s*(%a+)%s*()", at)
        if not amount or not SECONDS[unit] then
            return no(value, "duration", DURATION)
        end
        seconds, at = seconds + tonumber(amount) * SECONDS[unit], rest
    end
    if not positive(seconds) then
        return no(value, "duration", "it is too long")
    end
    return whole(seconds)
end

--- What the letters of a size multiply with: 1 without any, nil where they mean nothing.
local function multiplier(letters)
    local power, binary, byte = letters:match("^([KMGTPk]?)(i?)(B?)$")
    if not power or (power == "" and binary == "i") then
        return nil
    elseif power == "" then
        return 1
    end
    return (byte == "B" and binary == "" and 1000 or 1024) ^ POWERS[power:upper()]
end

--- Reads a size.
---@param value string|integer
---@param of?   integer  bytes of which "10%" is a tenth; without, a share is refused
---@return integer? bytes
---@return string?  wrong
function M.parse_size(value, of)
    if type(value) == "number" and positive(value) and math.tointeger(value) then
        return math.tointeger(value)
    elseif type(value) ~= "string" then
        return no(value, "size", of and SHARE or SIZE)
    end
    local amount, letters = value:match("^(%d+%.?%d*)%s*([%a%%]*)$")
    if amount and letters == "%" and of and tonumber(amount) <= 100 then
        return math.floor(of * tonumber(amount) / 100)
    end
    local times = amount and multiplier(letters)
    if not times then
        return no(value, "size", of and SHARE or SIZE)
    end
    local bytes = tonumber(amount) * times
    if not positive(bytes) then
        return no(value, "size", "it is too large")
    end
    return math.floor(bytes)
end

local PARTS = { { "y", 31536000 }, { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 } }

--- A duration in its two largest units: "1d12h", "90s" as "1m30s"; parse_duration reads it.
---@param seconds number
---@return string
function M.format_duration(seconds)
    if seconds < 1 then
        return ("%dms"):format(math.floor(seconds * 1000 + 0.5))
    end
    local rest, words = math.floor(seconds), {}
    for _, part in ipairs(PARTS) do
        local amount = rest // part[2]
        if amount > 0 then
            words[#words + 1] = ("%d%s"):format(amount, part[1])
        elseif #words > 0 then
            break
        end
        rest = rest % part[2]
        if #words == 2 then
            break
        end
    end
    return table.concat(words)
end

local UNITS = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" }

--- A size exactly, in the largest binary unit that divides it: "10GiB", "1536KiB", "17B"; parse_size reads it.
---@param bytes integer
---@return string
function M.format_size(bytes)
    local value, unit = bytes, "B"
    for _, larger in ipairs(UNITS) do
        if value == 0 or value % 1024 ~= 0 then
            break
        end
        value, unit = value // 1024, larger
    end
    return ("%d%s"):format(value, unit)
end

--- A size for people, rounded: 1536 to "1.5 KiB".
---@param bytes integer
---@return string
function M.show_size(bytes)
    if bytes < 1024 then
        return ("%d B"):format(bytes)
    end
    local value, unit = bytes / 1024, 1
    while value >= 1023.95 and unit < #UNITS do
        value, unit = value / 1024, unit + 1
    end
    return ("%.1f %s"):format(value, UNITS[unit])
end

return M
