--- The namespaces of a store with their labels. None needs making; one exists while it has a record, a snapshot or a
--- lease.

local arguments = require "moonsnap.arguments"

local need, may, options_of = arguments.need, arguments.may, arguments.options

local M = {}

---@class moonsnap.Namespaces
---@field engine moonsnap.core.Store
local Namespaces = {}
local meta = { __index = Namespaces, __name = "moonsnap.namespaces" }

---@param store moonsnap.Store
---@return moonsnap.Namespaces
function M.new(store)
    return setmetatable({ engine = store.engine }, meta)
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
    options = options_of("create", options, { labels = "table" })
    return self.engine:namespace_create(name, options.labels)
end

function Namespaces:update(record, fieldpaths)
    need("update", "record", record, "table")
    need("update", "record.name", record.name, "string")
    may("update", "record.labels", record.labels, "table")
    may("update", "fieldpaths", fieldpaths, "table")
    return self.engine:namespace_update(record.name, record.labels, fieldpaths)
end

function Namespaces:delete(name)
    need("delete", "name", name, "string")
    return self.engine:namespace_delete(name)
end

return M
