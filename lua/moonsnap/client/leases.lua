--- Leases and namespaces behind a service's socket: over containerd's own services, and for what those have no call
--- for (leases of processes, renewing, reaping) over moonsnap.v1.Control.
---
--- containerd's tell less than a store does: not what went with a lease, and not when a namespace was made.

local arguments = require "moonsnap.arguments"
local leases = require "moonsnap.leases"

local need, may, options_of = arguments.need, arguments.may, arguments.options

local M = {}

local LEASES, NAMESPACES = "containerd.services.leases.v1.", "containerd.services.namespaces.v1."
local EMPTY = "google.protobuf.Empty"

---@class moonsnap.client.Leases: moonsnap.Leases
---@field wire  moonsnap.client.Wire
---@field store moonsnap.client.Store
local Leases = {}
local leases_meta = { __index = Leases, __name = "moonsnap.client.leases" }

---@param store moonsnap.client.Store
---@return moonsnap.Leases
function M.leases(store)
    return setmetatable({ wire = store.wire, store = store }, leases_meta)
end

local function ask(self, method, request, answers_nothing)
    return self.wire:unary("/" .. LEASES .. "Leases/" .. method, LEASES .. method .. "Request", request,
        answers_nothing and EMPTY or LEASES .. method .. "Response")
end

local function lease_of(message)
    return { id = message.id, created = message.created_at or 0, labels = message.labels }
end

function Leases:create(id, options)
    may("create", "id", id, "string")
    options = options_of("create", options, { labels = "table", ttl = "integer", pid = "integer" })
    if options.ttl or options.pid then
        return self.store:ask("lease_create", { id = id, labels = options.labels, ttl = options.ttl,
            pid = options.pid })
    end
    local reply, err = ask(self, "Create", { id = id, labels = options.labels })
    return reply and lease_of(reply.lease), err
end

function Leases:renew(id, ttl)
    need("renew", "id", id, "string")
    may("renew", "ttl", ttl, "integer")
    return self.store:ask("lease_renew", { id = id, ttl = ttl })
end

--- Those that have ended, by their time or with their process.
function Leases:expired()
    local all, err = self.store:all("leases", {})
    if not all then
        return nil, err
    end
    local found = {}
    for _, lease in ipairs(all) do
        if lease.ended then
            found[#found + 1] = lease
        end
    end
    return found
end

function Leases:reap()
    return self.store:ask("lease_reap", {})
end

--- Waits until it is done, and answers an empty list: nobody says what went.
function Leases:delete(id)
    need("delete", "id", id, "string")
    local reply, err = ask(self, "Delete", { id = id, sync = true }, true)
    return reply and {}, err
end

--- By id what Control tells of leases: when each ends, and whether it has.
local function more_of(self, filters)
    local by_id = {}
    if not self.store.without then
        for _, lease in ipairs(self.store:all("leases", { filters = filters }) or {}) do
            by_id[lease.id] = lease
        end
    end
    return by_id
end

function Leases:list(...)
    local filters, filter = table.pack(...), nil
    if filters.n == 1 and type(filters[1]) == "userdata" then
        filter, filters = filters[1], { n = 0 }
    end
    for i = 1, filters.n do
        need("list", "filter " .. i, filters[i], "string")
    end
    filters.n = nil
    local reply, err = ask(self, "List", { filters = filters })
    if not reply then
        return nil, err
    end
    local more = more_of(self, filters)
    for i, message in ipairs(reply.leases) do
        reply.leases[i] = more[message.id] or lease_of(message)
    end
    return leases.matching(reply.leases, filter)
end

local function changing(verb, method)
    return function(self, id, resource)
        need(verb, "id", id, "string")
        need(verb, "resource", resource, "table")
        need(verb, "resource.type", resource.type, "string")
        need(verb, "resource.id", resource.id, "string")
        local reply, err = ask(self, method, { id = id, resource = { type = resource.type, id = resource.id } }, true)
        return reply and true, err
    end
end

Leases.add = changing("add", "AddResource")
Leases.drop = changing("drop", "DeleteResource")

function Leases:resources(id)
    need("resources", "id", id, "string")
    local reply, err = ask(self, "ListResources", { id = id })
    return reply and reply.resources, err
end

--- Namespaces ----------------------------------------------------------------------------------

---@class moonsnap.client.Namespaces: moonsnap.Namespaces
---@field wire moonsnap.client.Wire
local Namespaces = {}
local namespaces_meta = { __index = Namespaces, __name = "moonsnap.client.namespaces" }

---@param wire moonsnap.client.Wire
---@return moonsnap.Namespaces
function M.namespaces(wire)
    return setmetatable({ wire = wire }, namespaces_meta)
end

local function ask_namespaces(self, method, request)
    local message = NAMESPACES .. method .. (method == "List" and "Namespaces" or "Namespace")
    return self.wire:unary("/" .. NAMESPACES .. "Namespaces/" .. method, message .. "Request", request,
        method == "Delete" and EMPTY or message .. "Response")
end

local function record_of(message)
    return { name = message.name, created = 0, labels = message.labels }
end

local function answer(reply, err)
    return reply and record_of(reply.namespace), err
end

--- One that nobody made is there without labels.
function Namespaces:get(name)
    need("get", "name", name, "string")
    return answer(ask_namespaces(self, "Get", { name = name }))
end

function Namespaces:list()
    local reply, err = ask_namespaces(self, "List", {})
    if not reply then
        return nil, err
    end
    for i, message in ipairs(reply.namespaces) do
        reply.namespaces[i] = record_of(message)
    end
    return reply.namespaces
end

function Namespaces:create(name, options)
    need("create", "name", name, "string")
    options = options_of("create", options, { labels = "table" })
    return answer(ask_namespaces(self, "Create", { namespace = { name = name, labels = options.labels } }))
end

function Namespaces:update(record, fieldpaths)
    need("update", "record", record, "table")
    need("update", "record.name", record.name, "string")
    may("update", "record.labels", record.labels, "table")
    may("update", "fieldpaths", fieldpaths, "table")
    return answer(ask_namespaces(self, "Update",
        { namespace = { name = record.name, labels = record.labels }, update_mask = fieldpaths }))
end

function Namespaces:delete(name)
    need("delete", "name", name, "string")
    local reply, err = ask_namespaces(self, "Delete", { name = name })
    return reply and true, err
end

return M
