--- The namespaces of a store with their labels. None needs making; one exists while it has a record, a snapshot or a
--- lease.

local arguments = require "moonsnap.arguments"

local need, may, options_of = arguments.need, arguments.may, arguments.options

local M = {}

---@class moonsnap.Namespaces
---@field engine moonsnap.core.Store
---@field shared {hooks?: moonsnap.Hooks}
local Namespaces = {}
local meta = { __index = Namespaces, __name = "moonsnap.namespaces" }

---@param store moonsnap.Store
---@return moonsnap.Namespaces
function M.new(store)
    return setmetatable({ engine = store.engine, shared = store.shared }, meta)
end

--- Raises while a hook runs: hooks look at the store, and change nothing.
local function refuse_hooks(namespaces, verb)
    local hooks = namespaces.shared and namespaces.shared.hooks
    if hooks then
        hooks:refuse_running("namespaces: " .. verb)
    end
end

function Namespaces:get(name)
    need("get", "name", name, "string")
    return self.engine:namespace_get(name)
end

function Namespaces:list()
    return self.engine:namespace_records()
end

function Namespaces:create(name, options)
    need("create", "name", name, "string")
    refuse_hooks(self, "create")
    options = options_of("create", options, { labels = "table" })
    return self.engine:namespace_create(name, options.labels)
end

function Namespaces:update(record, fieldpaths)
    need("update", "record", record, "table")
    refuse_hooks(self, "update")
    need("update", "record.name", record.name, "string")
    may("update", "record.labels", record.labels, "table")
    may("update", "fieldpaths", fieldpaths, "table")
    return self.engine:namespace_update(record.name, record.labels, fieldpaths)
end

function Namespaces:delete(name)
    need("delete", "name", name, "string")
    refuse_hooks(self, "delete")
    return self.engine:namespace_delete(name)
end

return M
