--- Looks at what callers pass: misuse raises, and blames the line that called the public function.
---
--- Every function here is called straight from a public one: the levels of `error` count on it.

local M = {}

local function type_of(value)
    return math.type(value) == "integer" and "integer" or type(value)
end

local function fits(value, wanted)
    return type_of(value) == wanted or (wanted == "number" and type(value) == "number")
end

--- Raises unless value has the type.
---@param where  string   the function, as its users write it
---@param name   string   of the argument
---@param value  any
---@param wanted string   a Lua type, or "integer"
function M.need(where, name, value, wanted)
    if not fits(value, wanted) then
        error(("%s: %s: %s expected, got %s"):format(where, name, wanted, type_of(value)), 3)
    end
end

--- Raises unless value is nil or has the type.
---@param where  string
---@param name   string
---@param value  any
---@param wanted string
function M.may(where, name, value, wanted)
    if value ~= nil and not fits(value, wanted) then
        error(("%s: %s: %s expected, got %s"):format(where, name, wanted, type_of(value)), 3)
    end
end

local function names_of(known)
    local names = {}
    for name in pairs(known) do
        names[#names + 1] = name
    end
    table.sort(names)
    return table.concat(names, ", ")
end

--- Raises unless options is nil or a table that has only known names, with their types.
---@param where   string
---@param options table?
---@param known   table<string, string>  name to type; "any" takes all
---@return table options  an empty one for nil
function M.options(where, options, known)
    if options == nil then
        return {}
    end
    if type(options) ~= "table" then
        error(("%s: options: table expected, got %s"):format(where, type_of(options)), 3)
    end
    for name, value in pairs(options) do
        local wanted = known[name]
        if wanted == nil then
            error(("%s: unknown option '%s' (known: %s)"):format(where, tostring(name), names_of(known)), 3)
        end
        if wanted ~= "any" and not fits(value, wanted) then
            error(("%s: option %s: %s expected, got %s"):format(where, name, wanted, type_of(value)), 3)
        end
    end
    return options
end

return M
