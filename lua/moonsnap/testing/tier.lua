--- What kind of program a file is, told by the words it uses.
---
---     configuration   mode, namespace, plugin, ...    of a service
---     automation      append, post, spawn, every      beside those of a policy
---     policy          all others

local M = {}

local CONFIGURATION = { "mode", "namespace", "durability", "metrics", "grace", "disable", "plugin", "register", "wrap",
    "policy", "automation" }
local POLICY = { "hook", "labels", "retention", "option", "include" }
local AUTOMATION = { "append", "post", "spawn", "every" }

--- Text without comments and what stands in strings.
local function bare(text)
    text = text:gsub("%-%-%[(=*)%[.-%]%1%]", " "):gsub("%-%-[^\n]*", " ")
    text = text:gsub("%[(=*)%[.-%]%1%]", "''")
    return (text:gsub('"[^"\n]*"', "''"):gsub("'[^'\n]*'", "''"))
end

--- Is one of the words called: at the beginning of a statement, where first is set?
local function calls(text, words, first)
    for _, word in ipairs(words) do
        for before, after in text:gmatch("([^\n]*)%f[%w_]" .. word .. "%f[^%w_]%s*(.)") do
            local called = after == "(" or after == "{" or after == "'" or after == '"'
            if called and not before:find("[%.:]%s*$") and (not first or not before:find("%S")) then
                return true
            end
        end
    end
    return false
end

--- Is one of the words taken for a variable, where a statement may begin: `mode = "direct"`?
local function assigns(text, words)
    for _, word in ipairs(words) do
        if ("\n" .. text):find("\n%s*" .. word .. "%s*=[^=]") then
            return true
        end
    end
    return false
end

--- The tier of a program's text.
---@param text string
---@return "configuration"|"policy"|"automation"
function M.of_text(text)
    text = bare(text:gsub("^\xEF\xBB\xBF", "")) -- Lua leaves a byte order mark out
    if calls(text, POLICY, true) then
        return calls(text, AUTOMATION) and "automation" or "policy"
    elseif calls(text, CONFIGURATION, true) then
        return "configuration"
    elseif calls(text, AUTOMATION) then
        return "automation"
    end
    return assigns(text, CONFIGURATION) and "configuration" or "policy"
end

--- The tier of a file; one that cannot be read is a policy, whose loader then says why.
---@param path string
---@return "configuration"|"policy"|"automation"
function M.of(path)
    local file <close> = io.open(path)
    return file and M.of_text(file:read("a") or "") or "policy"
end

return M
