--- The snapshots-service: the snapshotters of a service by name, what stands around them, and their namespaces.

local M = {}

---@class moonsnap.service.Snapshotters
---@field backends table<string, moonsnap.service.Backend>
---@field default  string
---@field exchange? moonsnap.service.Exchange  what their events go through
---@field methods  table[]  what stands around each, innermost first
local Snapshotters = {}
Snapshotters.__index = Snapshotters

---@param backends table<string, moonsnap.service.Backend>
---@param default? string  the one that is meant where nobody names one
---@return moonsnap.service.Snapshotters
function M.new(backends, default)
    return setmetatable({ backends = backends, default = default, layers = {}, cache = {} }, Snapshotters)
end

--- The same service with methods around those of every snapshotter: fn(inner, ...) instead of inner's own.
---
---     service:around { remove = function(inner, key, options) ... return inner:remove(key, options) end }
---@param methods table<string, function>
---@return moonsnap.service.Snapshotters
function Snapshotters:around(methods)
    local outer = M.new(self.backends, self.default)
    outer.exchange = self.exchange
    table.move(self.layers, 1, #self.layers, 1, outer.layers)
    outer.layers[#outer.layers + 1] = methods
    return outer
end

--- One snapshotter inside another: what methods has comes first, everything else is inner's.
local function wrapped(inner, methods)
    local bound = {}
    for name, fn in pairs(methods) do
        bound[name] = function(_, ...) return fn(inner, ...) end
    end
    -- what stands around a method is asked: the short ways past it, rows that C encodes, are closed
    if methods.walk or methods.stat then
        bound.pages, bound.stat_message = false, false
    end
    if methods.mounts then
        bound.mounts_message = false
    end
    return setmetatable(bound, {
        __index = function(object, name)
            local value = inner[name]
            if type(value) ~= "function" then
                return value
            end
            local forward = function(_, ...) return value(inner, ...) end
            rawset(object, name, forward)
            return forward
        end,
    })
end

---@return string[] names  sorted
function Snapshotters:names()
    local names = {}
    for name in pairs(self.backends) do
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

--- A snapshotter in a namespace, with everything around it; nil for a name that is none.
---@param name string
---@param name_space string
---@return moonsnap.service.Backend?
function Snapshotters:find(name, name_space)
    local by_name = self.cache[name]
    local found = by_name and by_name[name_space]
    if found then
        return found
    end
    local backend = self.backends[name]
    if not backend then
        return nil
    end
    found = backend:namespace(name_space)
    for _, methods in ipairs(self.layers) do
        found = wrapped(found, methods)
    end
    self.cache[name] = by_name or setmetatable({}, { __mode = "v" })
    self.cache[name][name_space] = found
    return found
end

return M
