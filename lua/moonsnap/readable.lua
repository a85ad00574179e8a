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

return M
