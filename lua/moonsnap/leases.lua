--- The leases of one namespace of a store: names that hold snapshots while somebody works with them.

local arguments = require "moonsnap.arguments"

local need, options_of = arguments.need, arguments.options

local M = {}

---@class moonsnap.Leases
---@field store moonsnap.Store
local Leases = {}
local meta = { __index = Leases, __name = "moonsnap.leases" }

---@param store moonsnap.Store
---@return moonsnap.Leases
function M.new(store)
    return setmetatable({ store = store }, meta)
end

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

--- An id for a lease without one, as containerd makes them: nanoseconds, dash, 4 digits of base64url.
local function made_up(sys)
    local bits = tonumber(sys.random():sub(1, 6), 16)
    local digits = {}
    for i = 4, 1, -1 do
        digits[i] = ALPHABET:sub(bits % 64 + 1, bits % 64 + 1)
        bits = bits // 64
    end
    return ("%d-%s"):format(sys.now() % 1000000000, table.concat(digits))
end

function Leases:create(id, options)
    arguments.may("create", "id", id, "string")
    options = options_of("create", options, { labels = "table" })
    local store = self.store
    if id == nil or id == "" then
        id = made_up(store.core.sys)
    end
    return store.engine:lease_create(store.name_space, id, options.labels)
end

function Leases:delete(id)
    need("delete", "id", id, "string")
    return self.store.engine:lease_delete(self.store.name_space, id)
end

--- A lease as filters see it.
local function fields_of(lease)
    local fields = { id = lease.id }
    for name, value in pairs(lease.labels) do
        fields["labels." .. name] = value
    end
    return fields
end

--- Those of a list of leases that a compiled filter matches; without one, the list.
---@param all moonsnap.Lease[]
---@param filter? moonsnap.Filter
---@return moonsnap.Lease[]
function M.matching(all, filter)
    if not filter then
        return all
    end
    local found = {}
    for _, lease in ipairs(all) do
        if filter:match_fields(fields_of(lease)) then
            found[#found + 1] = lease
        end
    end
    return found
end

function Leases:list(...)
    local store, filters = self.store, table.pack(...)
    local filter, err
    if filters.n == 1 and type(filters[1]) == "userdata" then
        filter = filters[1]
    elseif filters.n > 0 then
        for i = 1, filters.n do
            need("list", "filter " .. i, filters[i], "string")
        end
        filter, err = store.core.filter(filters)
        if not filter then
            return nil, err
        end
    end
    local all
    all, err = store.engine:leases(store.name_space)
    return all and M.matching(all, filter), err
end

function Leases:add(id, resource)
    need("add", "id", id, "string")
    need("add", "resource", resource, "table")
    need("add", "resource.type", resource.type, "string")
    need("add", "resource.id", resource.id, "string")
    return self.store.engine:lease_add(self.store.name_space, id, resource.type, resource.id)
end

function Leases:drop(id, resource)
    need("drop", "id", id, "string")
    need("drop", "resource", resource, "table")
    need("drop", "resource.type", resource.type, "string")
    need("drop", "resource.id", resource.id, "string")
    return self.store.engine:lease_drop(self.store.name_space, id, resource.type, resource.id)
end

function Leases:resources(id)
    need("resources", "id", id, "string")
    return self.store.engine:lease_resources(self.store.name_space, id)
end

return M
