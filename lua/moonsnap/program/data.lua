--- What a program may answer: values that JSON has.

local M = {}

local PLAIN = { ["nil"] = true, boolean = true, number = true, string = true }

--- Says what of a value is no data. Tables that come out of the sandbox are bounded in depth and hold no cycles.
---@param value any
---@return string? wrong  "a function is no data", "a boolean is no name"
function M.wrong(value)
    local is = type(value)
    if PLAIN[is] then
        return nil
    elseif is ~= "table" then
        return ("a %s is no data"):format(is == "userdata" and "function" or is) -- of the sandbox's: a handle of ours
    end
    for name, element in pairs(value) do
        if type(name) ~= "string" and type(name) ~= "number" then
            return ("a %s is no name"):format(type(name))
        end
        local wrong = M.wrong(element)
        if wrong then
            return wrong
        end
    end
end

return M
