--- label.bound { KEY, type = "number", min =, max =, one_of = {...}, pattern = RE2, on = "deny" }: what values may be.
---
---     type   "number" (the default), "integer", "size", "duration": how min, max and the label are read
---     on     "deny" (the default): the request fails; "clamp": min or max instead; "drop": as if not given
---
--- A value that cannot be read at all is dropped where on is clamp.

local units = require "moonsnap.units"
local words = require "moonsnap.policy.labels.words"

local M = {
    order = 2,
    verbs = { "prepare", "view", "commit", "import", "update" },
    fields = { type = "string", min = "any", max = "any", one_of = "strings", pattern = "string", on = "string",
        text = "string" },
}

local DECIMAL = "^%s*([+-]?%d+%.?%d*)%s*$"

--- How each type reads a text or a number, and writes what it has read.
local TYPES = {
    number = { read = function(value) return tonumber(tostring(value):match(DECIMAL)) end,
        write = function(value) return ("%.14g"):format(value) end },
    integer = { read = function(value) return math.tointeger(tonumber(tostring(value):match(DECIMAL))) end,
        write = function(value) return ("%d"):format(value) end },
    size = { read = units.parse_size, write = function(value) return ("%d"):format(value) end },
    duration = { read = units.parse_duration, write = function(value)
        return math.type(value) == "integer" and ("%ds"):format(value) or ("%.3fs"):format(value)
    end },
}

local ON = { deny = true, clamp = true, drop = true }

--- A limit of the policy, read; false when it cannot be.
local function limit(policy, name)
    if policy[name] == nil then
        return nil
    end
    return policy.read_as.read(policy[name]) or false
end

local function prepare_range(policy)
    policy.least, policy.most = limit(policy, "min"), limit(policy, "max")
    if policy.least == false or policy.most == false then
        local name = policy.least == false and "min" or "max"
        local value = policy[name]
        return ("%s is no %s: %s"):format(name, policy.type,
            type(value) == "table" and "a table" or words.shown(tostring(value)))
    elseif policy.least and policy.most and policy.least > policy.most then
        return ("min %s is above max %s: nothing could pass"):format(policy.min, policy.max)
    end
    policy.ranged = policy.least ~= nil or policy.most ~= nil or policy.type_given
end

function M.prepare(policy, context)
    policy.on, policy.type_given = policy.on or "deny", policy.type ~= nil
    policy.type = policy.type or "number"
    policy.read_as = TYPES[policy.type]
    if not ON[policy.on] then
        return ("on is '%s': it is deny, clamp or drop"):format(words.shown(policy.on))
    elseif not policy.read_as then
        return ("type is '%s': it is number, integer, size or duration"):format(words.shown(policy.type))
    end
    local wrong = prepare_range(policy)
    if wrong then
        return wrong
    elseif not policy.ranged and not policy.one_of and not policy.pattern then
        return "it bounds nothing: give it type, min, max, one_of or pattern"
    elseif policy.on == "clamp" and (policy.one_of or policy.pattern) then
        return "on = \"clamp\" goes with min and max: what one_of and pattern refuse has no nearest value"
    end
    if policy.one_of then
        policy.allowed = words.set(policy.one_of)
    end
    if policy.pattern then
        policy.fits, wrong = words.expression(policy.pattern, context.filter)
        return wrong
    end
end

--- Deny looks at the outcome of the policies that change labels; the others are such.
function M.phase(policy)
    return policy.on == "deny" and "validate" or "mutate"
end

--- What is wrong with a value, and the nearest one that is right where there is one.
local function judge(policy, value)
    if policy.allowed and not policy.allowed[value] then
        return "it must be " .. words.either(policy.one_of)
    elseif policy.fits and not policy.fits(value) then
        return "it must match " .. policy.pattern
    elseif not policy.ranged then
        return nil
    end
    local read = policy.read_as.read(value)
    if not read then
        return "it is no " .. policy.type
    elseif policy.least and read < policy.least then
        return ("it must be at least %s"):format(policy.min), policy.read_as.write(policy.least)
    elseif policy.most and read > policy.most then
        return ("it must be at most %s"):format(policy.max), policy.read_as.write(policy.most)
    end
end

function M.check(policy, view)
    for name, value in pairs(view.given) do
        local wrong = policy.names(name) and judge(policy, value)
        if wrong then
            return policy.text or ("label '%s' is '%s': %s"):format(words.shown(name), words.shown(value), wrong)
        end
    end
end

function M.change(policy, view)
    local changes
    for name, value in pairs(view.given) do
        if policy.names(name) then
            local wrong, nearest = judge(policy, value)
            if wrong then
                changes = changes or {}
                changes[name] = policy.on == "clamp" and nearest or false
            end
        end
    end
    return changes
end

return M
