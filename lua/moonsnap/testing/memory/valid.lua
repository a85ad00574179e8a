--- What can be a key, a namespace or a label, as the engine has it.

local M = {}

local KEY_MAX = 32768
local LABEL_MAX = 262144 -- bytes of name and value

--- Says what is wrong with a key, or nil.
---@param what string
---@param key string
---@return string?
function M.key(what, key)
    if #key == 0 then
        return what .. " is empty"
    elseif #key > KEY_MAX then
        return ("%s of %d bytes: the limit is %d"):format(what, #key, KEY_MAX)
    elseif key:find("\0", 1, true) then
        return what .. " has a NUL in it"
    end
    return not utf8.len(key) and what .. " is not valid UTF-8" or nil
end

--- Says what is wrong with labels, or nil.
---@param labels table<string, string>?
---@return string?
function M.labels(labels)
    for name, value in pairs(labels or {}) do
        if type(name) ~= "string" or type(value) ~= "string" then
            error("labels are strings by strings", 4)
        elseif name == "" then
            return "a label has an empty name"
        elseif name:find("\0", 1, true) or value:find("\0", 1, true) then
            return ("label '%s' has a NUL in it"):format(name:match("^[^%z]*"):sub(1, 60))
        elseif #name + #value > LABEL_MAX then
            return ("label '%s': name and value have %d bytes, the limit is %d"):format(name:sub(1, 60), #name + #value,
                LABEL_MAX)
        elseif not utf8.len(name) or not utf8.len(value) then
            return "a label is not valid UTF-8"
        end
    end
end

--- A copy of labels without those that are empty.
---@param labels table<string, string>?
---@return table<string, string>
function M.kept(labels)
    local kept = {}
    for name, value in pairs(labels or {}) do
        kept[name] = value ~= "" and value or nil
    end
    return kept
end

M.NO_FIELD = "field '%s' cannot be updated: only labels can, as \"labels\" or \"labels.NAME\""

--- The labels that a field mask makes of labels; nil and the path that cannot be.
function M.masked(labels, wanted, paths)
    local result = M.kept(labels)
    for _, path in ipairs(#paths > 0 and paths or { "labels" }) do
        local name = path:match("^labels%.(.*)$")
        if path == "labels" then
            result = M.kept(wanted)
        elseif not name then
            return nil, path
        else
            result[name] = wanted[name] ~= "" and wanted[name] or nil
        end
    end
    return result
end

return M
