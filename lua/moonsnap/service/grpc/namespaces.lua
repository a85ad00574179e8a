--- containerd.services.namespaces.v1.Namespaces: namespaces and their labels.
---
--- A namespace needs no making to be used. As in containerd, Get of one that nobody made answers it without labels
--- (clients ask there for their default snapshotter), and Update makes one.

local identifier = require "moonsnap.service.grpc.identifier"

local M = {}

local PACKAGE = "containerd.services.namespaces.v1."

---@class moonsnap.service.NamespacesOptions
---@field stores  moonsnap.service.LeaseStore[]  the first one has the records
---@field failure fun(kind: string, message: string): moonsnap.Error

--- The name that a request means.
---@return string? name
---@return moonsnap.Error? err
local function check(options, name)
    if name == nil then
        return nil, options.failure("invalid_argument", "the request names no namespace")
    elseif not identifier.valid(name) then
        return nil, options.failure("invalid_argument", ("namespace '%s': 1 to 76 letters and digits, with single "
            .. "dots, dashes and underscores between them"):format(name:sub(1, 80)))
    end
    return name
end

--- The same for a request with a whole namespace in it.
local function check_whole(options, wanted)
    local name, err = check(options, wanted and wanted.name)
    if not name then
        return nil, err
    end
    local ok
    ok, err = identifier.labels(wanted.labels, options.failure)
    return ok and name, err
end

local function message_of(record)
    return { name = record.name, labels = record.labels }
end

--- Runs fn(records) in the next transaction of the first store.
local function write(options, fn)
    return options.stores[1].batch:write(function(store) return fn(store:namespace_records()) end)
end

local function get(options, request)
    local name, err = check(options, request.name)
    if not name then
        return nil, err
    end
    local record
    record, err = options.stores[1].reader:namespace_records():get(name)
    if not record and err.kind == "not_found" then
        record = { name = name, labels = {} }
    end
    return record and { namespace = message_of(record) }, err
end

--- Those that only have snapshots in further stores come with them.
local function list(options)
    local records, err = options.stores[1].reader:namespace_records():list()
    if not records then
        return nil, err
    end
    local all, known = {}, {}
    for i, record in ipairs(records) do
        all[i], known[record.name] = message_of(record), true
    end
    for i = 2, #options.stores do
        for _, name in ipairs(assert(options.stores[i].reader:namespaces())) do
            if not known[name] then
                all[#all + 1], known[name] = { name = name }, true
            end
        end
    end
    table.sort(all, function(left, right) return left.name < right.name end)
    return { namespaces = all }
end

local function create(options, request)
    local wanted = request.namespace
    local name, err = check_whole(options, wanted)
    if not name then
        return nil, err
    end
    local record
    record, err = write(options, function(records) return records:create(name, { labels = wanted.labels }) end)
    return record and { namespace = message_of(record) }, err
end

local function update(options, request)
    local wanted, mask = request.namespace, request.update_mask
    local name, err = check_whole(options, wanted)
    if not name then
        return nil, err
    end
    local record
    record, err = write(options, function(records)
        return records:update({ name = name, labels = wanted.labels }, mask)
    end)
    return record and { namespace = message_of(record) }, err
end

--- Whether a store but the first has a snapshot in a namespace.
local function used_further(options, name)
    for i = 2, #options.stores do
        for _, used in ipairs(assert(options.stores[i].reader:namespaces())) do
            if used == name then
                return true
            end
        end
    end
    return false
end

local function delete(options, request)
    local name, err = check(options, request.name)
    if not name then
        return nil, err
    elseif used_further(options, name) then
        return nil, options.failure("failed_precondition",
            ("namespace '%s' must be empty, but it still has snapshots"):format(name))
    end
    local ok
    ok, err = write(options, function(records) return records:delete(name) end)
    return ok and {}, err
end

--- The service.
---@param options moonsnap.service.NamespacesOptions
---@return moonsnap.service.Service
function M.new(options)
    local methods = {}
    local function add(name, request, call, reply)
        methods[name] = { request = PACKAGE .. request .. "Request", reply = reply,
            call = function(message) return call(options, message) end }
    end
    add("Get", "GetNamespace", get, PACKAGE .. "GetNamespaceResponse")
    add("List", "ListNamespaces", list, PACKAGE .. "ListNamespacesResponse")
    add("Create", "CreateNamespace", create, PACKAGE .. "CreateNamespaceResponse")
    add("Update", "UpdateNamespace", update, PACKAGE .. "UpdateNamespaceResponse")
    add("Delete", "DeleteNamespace", delete, "google.protobuf.Empty")
    return { name = PACKAGE .. "Namespaces", methods = methods }
end

return M
