--- What a request does to labels: those it gives, those it takes away, and how they will be.
---
---     made (prepare, view, commit, import)   what is given is all there will be
---     update without paths, or of "labels"   the same
---     update of "labels.NAME", ...           what is not named stays as it is
---     remove, evict                          everything stays as it is
---
--- A label of no text is one taken away.

---@class moonsnap.labels.View
---@field request moonsnap.Request
---@field given   table<string, string>  by the request, as changed so far
---@field taken   table<string, true>    named by the request without a value
---@field old     table<string, string>  before the request; of a commit, those of the active
---@field stays   boolean                what is not named stays
local View = {}
View.__index = View

local M = {}

local KEEPS = { remove = true, evict = true }

--- The labels that an update's paths name; nil when they name all.
local function named(request)
    local paths = request.verb == "update" and request.fieldpaths or {}
    if #paths == 0 then
        return nil
    end
    local names = {}
    for _, path in ipairs(paths) do
        if path == "labels" then
            return nil
        end
        names[path:match("^labels%.(.+)$") or path] = true
    end
    return names
end

---@param request moonsnap.Request
---@return moonsnap.labels.View
function M.new(request)
    local names = named(request)
    local self = setmetatable({
        request = request, given = {}, taken = {}, old = request.current and request.current.labels or {},
        stays = names ~= nil or KEEPS[request.verb] or false,
    }, View)
    for name, value in pairs(request.labels or {}) do
        if value ~= "" and (not names or names[name]) then
            self.given[name] = value
        end
    end
    for name in pairs(names or (request.verb == "update" and self.old) or {}) do
        self.taken[name] = not self.given[name] or nil
    end
    return self
end

--- A label as it will be.
---@param name string
---@return string?
function View:after(name)
    return self.given[name] or self.stays and not self.taken[name] and self.old[name] or nil
end

--- All labels as they will be.
---@return table<string, string>
function View:all()
    local labels = {}
    for name, value in pairs(self.stays and self.old or {}) do
        labels[name] = not self.taken[name] and value or nil
    end
    for name, value in pairs(self.given) do
        labels[name] = value
    end
    return labels
end

--- Takes over what a policy answers: values set, false drops what the request says of a label.
---@param changes table<string, string|false>
function View:change(changes)
    for name, value in pairs(changes) do
        self.given[name] = value or nil
        self.taken[name] = nil
    end
end

--- The request with its labels as they will be, for filters and the functions of policies.
---@return moonsnap.Request
function View:seen()
    local seen = {}
    for name, value in pairs(self.request) do
        seen[name] = value
    end
    seen.labels = self:all()
    return seen
end

return M
