--- Namespaces with their labels, in memory.

local valid = require "moonsnap.testing.memory.valid"

local M = {}

--- Does a namespace have snapshots?
local function has_snapshots(self, name)
    return next(self.state.names[name] or {}) ~= nil
end

local function used(self, name)
    return has_snapshots(self, name) or next(self.state.leases[name] or {}) ~= nil
end

local function shown(name, record)
    return { name = name, created = record and record.created or 0, labels = valid.kept(record and record.labels) }
end

local function missing(self, name)
    return self:fail("not_found", "namespace '%s' does not exist", name:sub(1, 100))
end

function M:namespace_records()
    self:open()
    local names, list = {}, {}
    for _, known in ipairs { self.state.records, self.state.names, self.state.leases } do
        for name in pairs(known) do
            names[name] = self.state.records[name] ~= nil or used(self, name) or nil
        end
    end
    for name in pairs(names) do
        list[#list + 1] = shown(name, self.state.records[name])
    end
    table.sort(list, function(a, b) return a.name < b.name end)
    return list
end

function M:namespace_get(name)
    self:open()
    local wrong = valid.key("namespace", name)
    if wrong then
        return self:fail("invalid_argument", wrong)
    elseif not self.state.records[name] and not used(self, name) then
        return missing(self, name)
    end
    return shown(name, self.state.records[name])
end

function M:namespace_create(name, labels)
    self:open()
    local wrong = valid.key("namespace", name) or valid.labels(labels)
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    return self:write(nil, function()
        if self.state.records[name] or used(self, name) then
            return self:fail("already_exists", "namespace '%s' already exists", name:sub(1, 100))
        end
        self:set(self.state.records, name, { created = self:now(), labels = valid.kept(labels) })
        return shown(name, self.state.records[name])
    end)
end

function M:namespace_update(name, labels, paths)
    self:open()
    local wrong = valid.key("namespace", name) or valid.labels(labels)
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    return self:write(nil, function()
        local record = self.state.records[name]
        local result, path = valid.masked(record and record.labels or {}, labels or {}, paths or {})
        if not result then
            return self:fail("invalid_argument", valid.NO_FIELD, path:sub(1, 80))
        end
        self:set(self.state.records, name,
            { created = record and record.created or self:now(), labels = result })
        return shown(name, self.state.records[name])
    end)
end

function M:namespace_delete(name)
    self:open()
    return self:write(nil, function()
        if not self.state.records[name] and not used(self, name) then
            return missing(self, name)
        elseif has_snapshots(self, name) then
            return self:fail("failed_precondition", "namespace '%s' must be empty, but it still has snapshots",
                name:sub(1, 100))
        end
        self:set(self.state.records, name, nil)
        self:set(self.state.leases, name, nil)
        return true
    end)
end

return M
