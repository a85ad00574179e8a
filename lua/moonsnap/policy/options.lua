--- option(name, {...}): a setting of a policy file, with its type, its default and its bounds.
---
---     option("limit", { type = "integer", default = 100, min = 1, doc = "snapshots that a tenant may have" })
---     option("most",  { type = "size", default = "10GiB" })      answers bytes
---
--- Values come from who loads the file: include, the service's configuration, or open.

local suggest = require "moonsnap.suggest"
local units = require "moonsnap.units"

local M = {}

local function plain(kind)
    return function(value)
        if type(value) == kind then
            return value
        end
        return nil, ("a %s is expected, this is a %s"):format(kind, type(value))
    end
end

--- By type: a value read, or nil and why it is none.
local TYPES = {
    string = plain "string",
    boolean = plain "boolean",
    number = plain "number",
    integer = function(value)
        local whole = type(value) == "number" and math.tointeger(value)
        if whole then
            return whole
        end
        return nil, ("a whole number is expected, this is %s"):format(type(value) == "number" and tostring(value)
            or "a " .. type(value))
    end,
    size = units.parse_size,
    duration = units.parse_duration,
}

local FIELDS = { type = true, default = true, min = true, max = true, doc = true }
local ORDERED = { number = true, integer = true, size = true, duration = true }

local function read(spec, value)
    return TYPES[spec.type](value)
end

--- Says what is wrong with a declaration.
local function wrong_spec(spec)
    for name in pairs(spec) do
        if not FIELDS[name] then
            return suggest.unknown("field", tostring(name):sub(1, 40), FIELDS)
        end
    end
    if not TYPES[spec.type] then
        return ("%s: it is integer, number, string, boolean, size or duration"):format(spec.type == nil
            and "it has no type" or ("unknown type '%s'"):format(tostring(spec.type):sub(1, 40)))
    elseif (spec.min ~= nil or spec.max ~= nil) and not ORDERED[spec.type] then
        return ("a %s has no min and max"):format(spec.type)
    elseif spec.doc ~= nil and type(spec.doc) ~= "string" then
        return "doc: a text is expected"
    end
end

--- The value of an option, read and held against its bounds.
---@param name  string
---@param spec  {type: string, default?: any, min?: any, max?: any, doc?: string}
---@param given any  nil: the default
---@return any value
---@return string? wrong
function M.value(name, spec, given)
    local wrong = wrong_spec(spec)
    local value, least, most
    if not wrong then
        if given == nil then
            given = spec.default
        end
        if given == nil then
            return nil, ("option %s: it has no default, and nobody gives a value"):format(name)
        end
        value, wrong = read(spec, given)
    end
    if not wrong and spec.min ~= nil then
        least, wrong = read(spec, spec.min)
    end
    if not wrong and spec.max ~= nil then
        most, wrong = read(spec, spec.max)
    end
    if not wrong and (least and value < least or most and value > most) then
        wrong = ("%s is %s %s"):format(tostring(given), least and value < least and "below min" or "above max",
            tostring(least and value < least and spec.min or spec.max))
    end
    if wrong then
        return nil, ("option %s: %s"):format(name, wrong)
    end
    return value
end

return M
