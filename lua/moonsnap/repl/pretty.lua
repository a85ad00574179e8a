--- Values for people: tables sorted and in as few lines as fit, errors as kind and text, times and sizes readable.
--- Pure.

local raised = require "moonsnap.raised"
local text = require "moonsnap.cli.text"

local M = {}

local DEPTH = 6     -- tables inside each other that are shown
local ENTRIES = 200 -- of one table
local LONG = 2000   -- bytes of a string

local COLOURS = { string = "32", number = "36", boolean = "33", ["nil"] = "2", key = "34", error = "31", dim = "2" }

--- Nanoseconds since 1970, by the names that infos and events have.
local TIMES = { created = true, updated = true, used = true, at = true, until_ = true, expires = true, ended = true }
local FIRST_TIME = 1000000000 * 86400 * 365

---@class moonsnap.repl.Pretty
---@field width    integer  columns of the terminal; 80
---@field coloured boolean

local function paint(how, colour, words)
    return how.coloured and ("\27[%sm%s\27[0m"):format(COLOURS[colour] or "0", words) or words
end

local function quoted(value)
    local shown = #value > LONG and value:sub(1, LONG) or value
    local words = '"' .. text.plain((shown:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("\t", "\\t"))) .. '"'
    return #value > LONG and ("%s... (%d bytes)"):format(words, #value) or words
end

local function number(key, value)
    if math.type(value) == "integer" and TIMES[key] and value > FIRST_TIME then
        return text.instant(value):gsub("%.?0*Z$", "Z")
    elseif key == "size" and math.type(value) == "integer" and value >= 1024 then
        return ("%d (%s)"):format(value, text.size(value))
    end
    return tostring(value)
end

local RANK = { number = 1, string = 2, boolean = 3 }

local function before(a, b)
    local left, right = type(a), type(b)
    if left ~= right then
        return (RANK[left] or 4) < (RANK[right] or 4)
    elseif left == "number" or left == "string" then
        return a < b
    end
    return tostring(a) < tostring(b)
end

local function sorted_keys(value, from)
    local keys = {}
    for key in next, value do
        if not (math.type(key) == "integer" and key >= 1 and key <= from) then
            keys[#keys + 1] = key
        end
    end
    table.sort(keys, before)
    return keys
end

local show

local function key_words(how, key, inside)
    if type(key) == "string" and key:find("^[%a_][%w_]*$") then
        return paint(how, "key", key)
    end
    return "[" .. show(how, key, nil, inside) .. "]"
end

--- The entries of a table, each in its words.
local function entries_of(how, value, inside)
    local entries, length = {}, rawlen(value)
    for at = 1, math.min(length, ENTRIES) do
        entries[at] = show(how, rawget(value, at), nil, inside)
    end
    for _, key in ipairs(sorted_keys(value, length)) do
        if #entries >= ENTRIES then
            break
        end
        entries[#entries + 1] = key_words(how, key, inside) .. " = " .. show(how, rawget(value, key), key, inside)
    end
    local count = 0
    for _ in next, value do
        count = count + 1
    end
    if count > #entries then
        entries[#entries + 1] = paint(how, "dim", ("... and %s more"):format(text.count(count - #entries)))
    end
    return entries
end

--- On one line where that fits and nothing in it has several.
local function joined(how, entries, depth)
    local room, whole = how.width - 2 * depth - 4, 0
    for _, entry in ipairs(entries) do
        whole = whole + text.width(entry) + 2
        if entry:find("\n", 1, true) then
            whole = math.huge
        end
    end
    if whole <= room then
        return #entries == 0 and "{}" or "{ " .. table.concat(entries, ", ") .. " }"
    end
    local margin = ("  "):rep(depth)
    return "{\n" .. margin .. table.concat(entries, ",\n" .. margin) .. "\n" .. margin:sub(3) .. "}"
end

--- Has it methods? One within another is a world of its own: it is shown when it is asked for.
local function is_object(value)
    local meta = getmetatable(value)
    return type(meta) == "table" and rawget(meta, "__index") ~= nil
end

local function show_table(how, value, inside)
    if raised.is_error(value) then
        return paint(how, "error", value.kind .. ": " .. text.plain(value.message))
    elseif inside[value] then
        return paint(how, "dim", "(a table around this)")
    elseif inside.depth >= DEPTH or inside.depth > 0 and is_object(value) then
        return paint(how, "dim", "{...}")
    end
    inside[value], inside.depth = true, inside.depth + 1
    local words = joined(how, entries_of(how, value, inside), inside.depth)
    inside[value], inside.depth = nil, inside.depth - 1
    return words
end

function show(how, value, key, inside)
    local kind = type(value)
    if kind == "string" then
        return paint(how, "string", quoted(value))
    elseif kind == "number" then
        return paint(how, "number", number(key, value))
    elseif kind == "boolean" or kind == "nil" then
        return paint(how, kind, tostring(value))
    end
    local meta = getmetatable(value)
    local named = type(meta) == "table" and rawget(meta, "__tostring") ~= nil and not raised.is_error(value)
    if kind == "table" and not named then
        return show_table(how, value, inside)
    end
    local ok, words = pcall(tostring, value)
    return paint(how, "dim", "<" .. (ok and text.plain(words) or kind) .. ">")
end

--- One value.
---@param value any
---@param how? moonsnap.repl.Pretty
---@return string
function M.show(value, how)
    how = how or {}
    return show({ width = how.width or 80, coloured = how.coloured or false }, value, nil, { depth = 0 })
end

--- What an expression answered: its values, one below the other where there are several tables.
---@param values {n: integer, [integer]: any}
---@param how? moonsnap.repl.Pretty
---@return string?  nil where there are none
function M.values(values, how)
    local shown, broken = {}, false
    for at = 1, values.n do
        shown[at] = M.show(values[at], how)
        broken = broken or shown[at]:find("\n", 1, true) ~= nil
    end
    return values.n > 0 and table.concat(shown, broken and "\n" or "    ") or nil
end

--- What was raised.
---@param value any
---@param how? moonsnap.repl.Pretty
---@return string
function M.error(value, how)
    if raised.is_error(value) or type(value) ~= "string" then
        return M.show(value, how)
    end
    local lines = {}
    for line in value:gmatch("[^\n]+") do
        lines[#lines + 1] = text.plain((line:gsub("\t", "    ")))
    end
    return paint(how or {}, "error", table.concat(lines, "\n"))
end

return M
