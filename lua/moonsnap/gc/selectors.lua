--- Splits filters as rules write them: containerd's grammar, and a few fields more that only a planner knows.
---
---     labels.class==cache,age>7d        age, idle: durations; size: a size; depth: layers; with > >= < <=
---     tag==v1,tag~=^v                   the words of the label moonsnap/tags, commas between; one of them must match
---
--- What is containerd's own goes on to its own compiler as it is written; simple comparisons (==, presence) of name,
--- parent, kind and labels are told apart, so that a planner needs no call into C for each row.

local units = require "moonsnap.units"

local M = {}

local MEASURES = { age = units.parse_duration, idle = units.parse_duration, size = units.parse_size,
    depth = math.tointeger }
local COMPARE = { [">"] = true, [">="] = true, ["<"] = true, ["<="] = true }

--- Where the selector that begins at `at` ends: the next comma that no quotes hold.
local function end_of(text, at)
    local quote, before = nil, nil
    while at <= #text do
        local byte = text:sub(at, at)
        if quote then
            if byte == "\\" then
                at = at + 1
            elseif byte == quote then
                quote = nil
            end
        elseif byte == '"' or ((byte == "/" or byte == "|") and before == "~=") then
            quote = byte
        elseif byte == "," then
            return at
        end
        before = text:sub(at - 1, at)
        at = at + 1
    end
    return at
end

--- The selectors of one filter, as they are written.
---@param text string
---@return string[]
function M.split(text)
    local found, at = {}, 1
    while at <= #text do
        local stop = end_of(text, at)
        found[#found + 1] = text:sub(at, stop - 1)
        at = stop + 1
    end
    return found
end

--- The plain field that a path names: "name", "kind", "labels.a.b"; nil for what only the compiler understands.
local function path_of(written)
    local plain = written:gsub('"([^"\\]*)"', function(inner) return inner end)
    if plain:find('["\\]') or plain == "" then
        return nil
    end
    if not written:find('"') and not written:find("^[%w_.]+$") then
        return nil
    end
    return plain
end

local function unquoted(value)
    local inner = value:match('^"([^"\\%c]*)"$')
    return inner or (not value:find('["\\,%s%c]') and value ~= "" and value or nil)
end

---@class moonsnap.gc.Selector
---@field is     "equal" | "present" | "measure" | "tag" | "other"
---@field path?  string   of equal and present: name, parent, kind, labels.NAME; of measure: the field
---@field op?    string   of measure
---@field value? any
---@field text   string   as it is written

local FIELDS = { name = true, parent = true, kind = true }

local function is_field(path)
    return path and (FIELDS[path] or path:find("^labels%..")) and true or false
end

local function measure(text, field, op, value)
    if not COMPARE[op] then
        return nil, ("'%s': %s is compared with >, >=, < or <="):format(text, field)
    end
    local number, wrong
    if field == "depth" then
        number = math.tointeger(tonumber(value))
        wrong = number == nil and ("'%s' is no number of layers"):format(value) or nil
    else
        number, wrong = MEASURES[field](value)
    end
    if not number then
        return nil, ("'%s': %s"):format(text, wrong)
    end
    return { is = "measure", path = field, op = op, value = number, text = text }
end

--- Reads one selector.
---@param written string
---@return moonsnap.gc.Selector? selector
---@return string? wrong
function M.read(written)
    local text = written:match("^%s*(.-)%s*$")
    local field, op, value = text:match("^(%a+)%s*([<>=!~]+)%s*(.*)$")
    if field and MEASURES[field] then
        return measure(text, field, op, value)
    elseif text == "tag" or (field == "tag" and (op == "==" or op == "!=" or op == "~=")) then
        return { is = "tag", text = text }
    end
    local left, right = text:match("^([^=!~<>]-)%s*==%s*(.+)$")
    local path = left and path_of(left)
    local plain = right and unquoted(right)
    if is_field(path) and plain then
        return { is = "equal", path = path, value = plain, text = text }
    elseif text:find("^[^=!~<>,]+$") and is_field(path_of(text)) then
        return { is = "present", path = path_of(text), text = text }
    end
    return { is = "other", path = path_of(text:match("^([^=!~<>]-)%s*[=!~<>]") or ""), text = text }
end

return M
