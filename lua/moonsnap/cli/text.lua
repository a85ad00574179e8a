--- Words and columns for people: pure functions from values to text.

local units = require "moonsnap.units"

local M = {}

--- 1536 to "1.5 KiB".
---@param bytes integer
---@return string
function M.size(bytes)
    return units.show_size(bytes)
end

--- 1234567 to "1,234,567".
---@param number integer
---@return string
function M.count(number)
    local digits = tostring(number)
    local grouped = digits:reverse():gsub("(%d%d%d)", "%1,"):reverse()
    return (grouped:gsub("^,", ""))
end

--- A number and its noun: "1 entry", "2 entries".
---@param number integer
---@param one string
---@param many? string
---@return string
function M.several(number, one, many)
    return ("%s %s"):format(M.count(number), number == 1 and one or many or one .. "s")
end

--- Nanoseconds since 1970 to RFC 3339 in UTC, with all nine digits.
---@param ns integer
---@return string
function M.instant(ns)
    return ("%s.%09dZ"):format(os.date("!%Y-%m-%dT%H:%M:%S", ns // 1000000000), ns % 1000000000)
end

--- The same to the second, for columns.
---@param ns integer
---@return string
function M.moment(ns)
    return os.date("!%Y-%m-%dT%H:%M:%SZ", ns // 1000000000) --[[@as string]]
end

local function hexadecimal(bytes)
    return (bytes:gsub(".", function(byte)
        return ("\\x%02x"):format(byte:byte())
    end))
end

--- What may reach a terminal: control characters and bytes that are no UTF-8 become \xNN, so that a
--- name is one line and gives no orders.
---@param text string
---@return string
function M.plain(text)
    if not text:find("[%c\x7f-\xff]") then
        return text
    end
    local parts, at = {}, 1
    while at <= #text do
        local ok, bad = utf8.len(text, at)
        local upto = ok and #text or bad - 1
        parts[#parts + 1] = text:sub(at, upto):gsub("[%c\x7f]", hexadecimal):gsub("\xc2[\x80-\x9f]", hexadecimal)
        if not ok then
            parts[#parts + 1] = hexadecimal(text:sub(bad, bad))
        end
        at = upto + (ok and 1 or 2)
    end
    return table.concat(parts)
end

--- A word as a shell reads it back.
---@param word string
---@return string
function M.shell(word)
    if word:find("^[%w_./:=,+@%%-]+$") then
        return word
    end
    return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- A value as the filter grammar reads it back.
---@param value string
---@return string
function M.filter_value(value)
    return '"' .. value:gsub('[\\"]', "\\%0"):gsub("%c", hexadecimal) .. '"'
end

--- Columns that text takes, escape sequences for colour aside.
---@param text string
---@return integer
function M.width(text)
    local bare = text:gsub("\27%[[%d;]*m", "")
    return utf8.len(bare) or #bare
end

--- Rows of cells to aligned lines, two spaces between columns and none at the end.
---@param rows string[][]
---@param right? table<integer, true>  columns that align to the right
---@return string[]
function M.columns(rows, right)
    local widths = {}
    for _, row in ipairs(rows) do
        for column, cell in ipairs(row) do
            widths[column] = math.max(widths[column] or 0, M.width(cell))
        end
    end
    local lines = {}
    for number, row in ipairs(rows) do
        local cells = {}
        for column, cell in ipairs(row) do
            local space = (" "):rep(widths[column] - M.width(cell))
            cells[column] = right and right[column] and space .. cell or cell .. space
        end
        lines[number] = table.concat(cells, "  "):gsub("%s+$", "")
    end
    return lines
end

--- "name=value" of each label, sorted.
---@param labels table<string, string>
---@return string[]
function M.labels(labels)
    local list = {}
    for name, value in pairs(labels) do
        list[#list + 1] = M.plain(name) .. "=" .. M.plain(value)
    end
    table.sort(list)
    return list
end

return M
