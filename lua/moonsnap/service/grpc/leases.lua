--- containerd.services.leases.v1.Leases: names that hold snapshots while a client works with them.
---
--- A lease stands in the store at the service's root, and under the same id in each further store, so that what a
--- snapshot's transaction writes about it stays in one database. The first store's word is what counts.

local identifier = require "moonsnap.service.grpc.identifier"

local M = {}

local PACKAGE = "containerd.services.leases.v1."

---@class moonsnap.service.LeaseStore
---@field reader moonsnap.Store
---@field batch  moonsnap.service.Batch
---@field names? table<string, true>       of the snapshotters whose snapshots are in it
---@field sweep? fun(wait: boolean)        frees what removal left; yields with wait

---@class moonsnap.service.LeasesOptions
---@field stores  moonsnap.service.LeaseStore[]  the first one's leases are the leases
---@field failure fun(kind: string, message: string): moonsnap.Error
---@field filter  fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?

local PLAIN = { content = true, ingests = true, images = true } -- held by name only: there are none here

--- The name of the snapshotter that a resource's type names, "" for one that is no snapshot.
---@return string? snapshotter
---@return moonsnap.Error? err
local function snapshotter_of(options, resource)
    local failure = options.failure
    if not resource then
        return nil, failure("invalid_argument", "the request names no resource")
    end
    local sort, rest = resource.type:match("^([^/]*)(.*)$")
    if sort == "snapshots" then
        local name = rest:match("^/([^/]+)$")
        if not name then
            return nil, failure("invalid_argument",
                ("resource type '%s': snapshots/<snapshotter> is meant"):format(resource.type:sub(1, 80)))
        end
        return name
    elseif not PLAIN[sort] then
        return nil, failure("unimplemented", ("resource type '%s' is not supported"):format(resource.type:sub(1, 80)))
    elseif rest ~= "" or sort == "content" and not resource.id:find("^[%w+._-]+:%x+$") then
        return nil, failure("invalid_argument",
            ("resource '%s' of type '%s'"):format(resource.id:sub(1, 80), resource.type:sub(1, 80)))
    end
    return ""
end

--- The store that a snapshotter's snapshots are in; the first one for what is nowhere.
local function store_of(options, snapshotter)
    for _, store in ipairs(options.stores) do
        if store.names and store.names[snapshotter] then
            return store
        end
    end
    return options.stores[1]
end

--- Runs fn(leases) in the store's next transaction.
local function write(store, name_space, fn)
    return store.batch:write(function(writer)
        local here, err = writer:namespace(name_space)
        if not here then
            return nil, err
        end
        return fn(here:leases())
    end)
end

--- The same in all further stores; what one of them answers with the kind `fine` is fine.
local function write_further(options, name_space, fine, fn)
    for i = #options.stores, 2, -1 do
        local ok, err = write(options.stores[i], name_space, fn)
        if not ok and err.kind ~= fine then
            return nil, err
        end
    end
    return true
end

local function leases_of(store, name_space)
    local here, err = store.reader:namespace(name_space)
    return here and here:leases(), err
end

--- A handler in the namespace of the caller.
local function on(options, fn)
    return function(request, context)
        local name_space, err = identifier.namespace(context, options.failure)
        if not name_space then
            return nil, err
        end
        return fn(name_space, request)
    end
end

local function create(options)
    return on(options, function(name_space, request)
        local ok, err = identifier.labels(request.labels, options.failure)
        if not ok then
            return nil, err
        end
        local function make(leases) return leases:create(request.id, { labels = request.labels }) end
        local lease
        lease, err = write(options.stores[1], name_space, make)
        if not lease then
            return nil, err
        end
        request.id = lease.id
        ok, err = write_further(options, name_space, "already_exists", make)
        return ok and { lease = { id = lease.id, created_at = lease.created, labels = lease.labels } }, err
    end)
end

--- The first store last: as long as the lease is there, deleting it can be tried again.
local function delete(options)
    return on(options, function(name_space, request)
        local first, err = leases_of(options.stores[1], name_space)
        local there
        if first then
            there, err = first:resources(request.id)
        end
        if not there then
            return nil, err
        end
        local freed = {}
        for i = #options.stores, 1, -1 do
            local store = options.stores[i]
            local gone, wrong = write(store, name_space, function(leases) return leases:delete(request.id) end)
            if not gone and (i == 1 or wrong.kind ~= "not_found") then
                return nil, wrong
            elseif gone and #gone > 0 and store.sweep then
                freed[#freed + 1] = store
            end
        end
        for _, store in ipairs(freed) do
            store.sweep(request.sync)
        end
        return {}
    end)
end

local function list(options)
    return on(options, function(name_space, request)
        local filter, err
        if #request.filters > 0 then
            filter, err = options.filter(request.filters)
            if not filter then
                return nil, err
            end
        end
        local leases, found
        leases, err = leases_of(options.stores[1], name_space)
        if leases then
            found, err = leases:list(table.unpack { filter })
        end
        if not found then
            return nil, err
        end
        for i, lease in ipairs(found) do
            found[i] = { id = lease.id, created_at = lease.created, labels = lease.labels }
        end
        return { leases = found }
    end)
end

--- AddResource and DeleteResource.
local function changing(options, verb)
    return on(options, function(name_space, request)
        local snapshotter, err = snapshotter_of(options, request.resource)
        if not snapshotter then
            return nil, err
        end
        local ok
        ok, err = write(store_of(options, snapshotter), name_space, function(leases)
            return leases[verb](leases, request.id, request.resource)
        end)
        return ok and {}, err
    end)
end

local function list_resources(options)
    return on(options, function(name_space, request)
        local all = {}
        for i, store in ipairs(options.stores) do
            local leases, err = leases_of(store, name_space)
            local held
            if leases then
                held, err = leases:resources(request.id)
            end
            if not held and (i == 1 or err.kind ~= "not_found") then
                return nil, err
            end
            table.move(held or {}, 1, #(held or {}), #all + 1, all)
        end
        return { resources = all }
    end)
end

--- The service.
---@param options moonsnap.service.LeasesOptions
---@return moonsnap.service.Service
function M.new(options)
    local methods = {}
    local function add(name, call, reply)
        methods[name] = { request = PACKAGE .. name .. "Request", reply = reply or PACKAGE .. name .. "Response",
            call = call }
    end
    add("Create", create(options))
    add("Delete", delete(options), "google.protobuf.Empty")
    add("List", list(options))
    add("AddResource", changing(options, "add"), "google.protobuf.Empty")
    add("DeleteResource", changing(options, "drop"), "google.protobuf.Empty")
    add("ListResources", list_resources(options))
    return { name = PACKAGE .. "Leases", methods = methods }
end

return M
