--- What was raised, or answered for an error, by code that others have written.

local M = {}

--- Whether a value is an error as the verbs answer them. Nothing of its metatable is called.
function M.is_error(value)
    return type(value) == "table" and type(rawget(value, "kind")) == "string"
        and type(rawget(value, "message")) == "string"
end

--- For xpcall: an error value as it is, anything else as text with where it was raised.
function M.traced(raised)
    return M.is_error(raised) and raised or debug.traceback(tostring(raised), 2)
end

--- The error value: what is none is a bug.
---@param raised any
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return moonsnap.Error
function M.error_of(raised, failure)
    return M.is_error(raised) and raised or failure("internal", tostring(raised))
end

return M
