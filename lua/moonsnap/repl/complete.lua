--- What can stand where the cursor is: names of globals, fields and methods, and keys of snapshots in quotes.
---
--- Looks at values, calls nothing of theirs: a field that only a function of a metatable knows is not found.

local M = {}

local MOST = 200

local KEYWORDS = {
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
    "not", "or", "repeat", "return", "then", "true", "until", "while",
}

--- Where the string that the cursor is in begins (its first byte), or nil.
local function open_string(line)
    local quote, from, at = nil, nil, 1
    while at <= #line do
        local byte = line:sub(at, at)
        if quote and byte == "\\" then
            at = at + 1
        elseif quote == byte then
            quote = nil
        elseif not quote and (byte == '"' or byte == "'") then
            quote, from = byte, at + 1
        elseif not quote and line:sub(at, at + 1) == "--" then
            return nil
        end
        at = at + 1
    end
    return quote and from or nil
end

--- Where fields of a value are found.
local function tables_of(value)
    local tables, seen = {}, {}
    local at = value
    while at ~= nil and not seen[at] and #tables < 8 do
        seen[at] = true
        if type(at) == "table" then
            tables[#tables + 1] = at
        end
        local meta = debug.getmetatable(at)
        at = type(meta) == "table" and rawget(meta, "__index") or nil
    end
    return tables
end

local function field(value, name)
    for _, fields in ipairs(tables_of(value)) do
        local found = rawget(fields, name)
        if found ~= nil then
            return found
        end
    end
end

--- Names of fields of a value that begin so; only functions behind a colon.
local function names(value, prefix, methods)
    local list, seen = {}, {}
    for _, fields in ipairs(tables_of(value)) do
        for name, found in next, fields do
            if type(name) == "string" and name:sub(1, #prefix) == prefix and name:find("^[%a_][%w_]*$")
                and not seen[name] and (not methods or type(found) == "function") then
                seen[name] = true
                list[#list + 1] = name
            end
        end
    end
    table.sort(list)
    return list
end

--- Candidates for the word before the cursor.
---@param line string   up to the cursor
---@param env table     the globals
---@param keys fun(prefix: string, most: integer): string[]  keys of snapshots, sorted
---@return string[] candidates  whole words, each in place of the one that begins at from
---@return integer from
function M.candidates(line, env, keys)
    local from = open_string(line)
    if from then
        return keys(line:sub(from), MOST), from
    end
    local path, separator, prefix = line:match("([%a_][%w_%.:]*)([%.:])([%w_]*)$")
    if not path then
        prefix = line:match("[%a_][%w_]*$") or ""
        local list = names(env, prefix)
        for _, word in ipairs(prefix ~= "" and KEYWORDS or {}) do
            if word:sub(1, #prefix) == prefix then
                list[#list + 1] = word
            end
        end
        return list, #line - #prefix + 1
    end
    local value = env
    for name in path:gmatch("[%a_][%w_]*") do
        value = field(value, name)
    end
    local start = #line - #prefix + 1
    return value ~= nil and names(value, prefix, separator == ":") or {}, start
end

--- The first keys of a store that begin so.
---@param store moonsnap.Store
---@return fun(prefix: string, most: integer): string[]
function M.keys_of(store)
    return function(prefix, most)
        local list = {}
        local ok = pcall(function()
            for info in store:walk() do
                if info.name:sub(1, #prefix) == prefix then
                    list[#list + 1] = info.name
                    if #list >= most then
                        break
                    end
                end
            end
        end)
        table.sort(list)
        return ok and list or {}
    end
end

return M
