--- Bytes as text that anybody can read.

local M = {}

--- The text with each byte that is no UTF-8 replaced by U+FFFD.
---@param bytes string
---@return string
function M.repaired(bytes)
    local parts, at = {}, 1
    while at <= #bytes do
        local ok, bad = utf8.len(bytes, at)
        parts[#parts + 1] = bytes:sub(at, ok and #bytes or bad - 1)
        if ok then
            break
        end
        parts[#parts + 1] = "\u{FFFD}"
        at = bad + 1
    end
    return table.concat(parts)
end

--- The same of all texts in a value, names included; a table is copied.
---@generic T
---@param value T
---@return T
function M.value(value)
    if type(value) == "string" then
        return M.repaired(value)
    elseif type(value) ~= "table" then
        return value
    end
    local copy = setmetatable({}, getmetatable(value))
    for name, element in pairs(value) do
        copy[M.value(name)] = M.value(element)
    end
    return copy
end

return M
