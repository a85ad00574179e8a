--- containerd's identifiers: namespaces, parts of topics.

local M = {}

local SIZE_MAX = 76

--- 1 to 76 letters and digits, with single `.`, `_` and `-` between them.
---@param text string
---@return boolean
function M.valid(text)
    return #text <= SIZE_MAX and text:find("^%w") ~= nil and text:find("%w$") ~= nil
        and not text:find("[^%w%._%-]") and not text:find("[%._%-][%._%-]")
end

--- The namespace that a call's header names.
---@param context moonsnap.service.Context
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return string? name_space
---@return moonsnap.Error? err
function M.namespace(context, failure)
    local name_space = context.namespace
    if not name_space or name_space == "" then
        return nil, failure("failed_precondition", "namespace is required: send the header containerd-namespace")
    end
    if not M.valid(name_space) then
        return nil, failure("invalid_argument", ("namespace '%s': 1 to 76 letters and digits, with single dots, "
            .. "dashes and underscores between them"):format(name_space:sub(1, 80)))
    end
    return name_space
end

local LABEL_MAX = 4096

--- Whether containerd's front takes labels: it counts the bytes of name and value.
---@param labels table<string, string>?
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return true? ok
---@return moonsnap.Error? err
function M.labels(labels, failure)
    for name, value in pairs(labels or {}) do
        if #name + #value > LABEL_MAX then
            return nil, failure("invalid_argument", ("label '%s': name and value have %d bytes, %d are allowed")
                :format(name:sub(1, 64), #name + #value, LABEL_MAX))
        end
    end
    return true
end

--- "/snapshot/prepare": identifiers with a slash before each.
---@param topic string
---@return boolean
function M.topic(topic)
    if topic:sub(1, 1) ~= "/" then
        return false
    end
    for part in (topic .. "/"):sub(2):gmatch("([^/]*)/") do
        if not M.valid(part) then
            return false
        end
    end
    return true
end

return M
