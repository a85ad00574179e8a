--- containerd.services.snapshots.v1.Snapshots: its ten calls, over any object with a snapshotter's methods.

local identifier = require "moonsnap.service.identifier"

local M = {}

local PACKAGE = "containerd.services.snapshots.v1."
local KINDS = { view = 1, active = 2, committed = 3 }
local LABEL_MAX = 4096 -- bytes of name and value, as containerd's front door has it
local LIST_MAX = 100   -- infos in one message
local LIST_TURN = 4    -- messages of a list that goes on, until others have their turn

---@class moonsnap.service.SnapshotsOptions
---@field snapshotters moonsnap.service.Snapshotters
---@field failure      fun(kind: string, message: string): moonsnap.Error
---@field filter       fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?
---@field default      string   the snapshotter that a proxy serves
---@field name_space?  string   the one namespace of a proxy; without: the caller's header decides
---@field kept         boolean  whether calls may name a lease

local function info_message(info)
    return {
        name = info.name, parent = info.parent, kind = KINDS[info.kind],
        created_at = info.created, updated_at = info.updated, labels = info.labels,
    }
end

--- The snapshotter that a call means.
---@return moonsnap.service.Backend? snapshotter
---@return moonsnap.Error? err
local function meant(options, request, context)
    if options.name_space then
        return options.snapshotters:find(options.default, options.name_space)
    end
    local name_space, err = identifier.namespace(context, options.failure)
    if not name_space then
        return nil, err
    end
    local name = request.snapshotter
    local found = options.snapshotters:find(name, name_space)
    if not found then
        return nil, options.failure("invalid_argument", ("snapshotter '%s': there is %s"):format(name,
            table.concat(options.snapshotters:names(), ", ")))
    end
    return found
end

--- containerd's rule about the length of a label, which its front door holds.
local function check_labels(options, labels)
    if options.name_space then
        return nil
    end
    for name, value in pairs(labels) do
        if #name + #value > LABEL_MAX then
            return options.failure("invalid_argument",
                ("label '%s': name and value have %d bytes, %d are allowed"):format(name:sub(1, 64), #name + #value,
                    LABEL_MAX))
        end
    end
end

local function lease_of(options, context)
    return options.kept and context.lease or nil
end

--- A handler that finds its snapshotter first.
local function on(options, fn)
    return function(request, context)
        local snapshotter, err = meant(options, request, context)
        if not snapshotter then
            return nil, err
        end
        return fn(snapshotter, request, context)
    end
end

local function creating(options, verb)
    return on(options, function(snapshotter, request, context)
        local wrong = check_labels(options, request.labels)
        if wrong then
            return nil, wrong
        end
        local mounts, err = snapshotter[verb](snapshotter, request.key, request.parent,
            { labels = request.labels, lease = lease_of(options, context) })
        return mounts and { mounts = mounts }, err
    end)
end

local function commit(options)
    return on(options, function(snapshotter, request, context)
        local wrong = check_labels(options, request.labels)
        if wrong then
            return nil, wrong
        end
        local ok, err = snapshotter:commit(request.name, request.key, {
            labels = request.labels, parent = request.parent ~= "" and request.parent or nil,
            lease = lease_of(options, context),
        })
        if not ok and err.kind == "not_found" and not options.name_space and snapshotter:stat(request.name) then
            -- as containerd's front door, which looks at the name first: a commit that is repeated has happened
            return nil, options.failure("already_exists", ("commit '%s': the name is taken"):format(request.name))
        end
        return ok and {}, err
    end)
end

local function update(options)
    return on(options, function(snapshotter, request)
        local info = request.info
        if not info or info.name == "" and not options.name_space then
            return nil, options.failure("invalid_argument", "update: the request names no snapshot")
        end
        local wrong = check_labels(options, info.labels)
        if wrong then
            return nil, wrong
        end
        local mask = request.update_mask
        local updated, err = snapshotter:update({ name = info.name, labels = info.labels },
            mask and #mask > 0 and mask or nil)
        return updated and { info = info_message(updated) }, err
    end)
end

--- Infos as messages of up to LIST_MAX, for a snapshotter whose rows come as tables.
local function list_tables(snapshotter, filter, context)
    local infos = {}
    for info in snapshotter:walk(filter) do
        infos[#infos + 1] = info_message(info)
        if #infos == LIST_MAX then
            if not context:send({ info = infos }) then
                return true
            end
            infos = {}
        end
    end
    if #infos > 0 then
        context:send({ info = infos })
    end
    return true
end

local function list(options)
    return on(options, function(snapshotter, request, context)
        local filter, err = options.filter(request.filters)
        if not filter then
            return nil, err
        end
        if not snapshotter.pages then
            return list_tables(snapshotter, filter, context)
        end
        local pages
        pages, err = snapshotter:pages(request.filters)
        if not pages then
            return nil, err
        end
        local call, sent = context.call, 0
        while context:room() do -- first: a client that does not read costs one message, not two
            if not pages(call) then
                break
            end
            sent = sent + 1
            if sent % LIST_TURN ~= 0 then
                call:flush()
            end
        end
        return true
    end)
end

--- The service.
---@param options moonsnap.service.SnapshotsOptions
---@return moonsnap.service.Service
function M.new(options)
    local methods = {}
    local function add(name, call, request, reply)
        methods[name] = { request = PACKAGE .. request, reply = reply or PACKAGE .. name .. "Response", call = call }
    end
    add("Prepare", creating(options, "prepare"), "PrepareSnapshotRequest", PACKAGE .. "PrepareSnapshotResponse")
    add("View", creating(options, "view"), "ViewSnapshotRequest", PACKAGE .. "ViewSnapshotResponse")
    add("Mounts", on(options, function(snapshotter, request)
        if snapshotter.mounts_message then
            return snapshotter:mounts_message(request.key)
        end
        local mounts, err = snapshotter:mounts(request.key)
        return mounts and { mounts = mounts }, err
    end), "MountsRequest")
    add("Commit", commit(options), "CommitSnapshotRequest", "google.protobuf.Empty")
    add("Remove", on(options, function(snapshotter, request)
        local ok, err = snapshotter:remove(request.key)
        return ok and {}, err
    end), "RemoveSnapshotRequest", "google.protobuf.Empty")
    add("Stat", on(options, function(snapshotter, request)
        if snapshotter.stat_message then
            return snapshotter:stat_message(request.key)
        end
        local info, err = snapshotter:stat(request.key)
        return info and { info = info_message(info) }, err
    end), "StatSnapshotRequest", PACKAGE .. "StatSnapshotResponse")
    add("Update", update(options), "UpdateSnapshotRequest", PACKAGE .. "UpdateSnapshotResponse")
    add("List", list(options), "ListSnapshotsRequest", PACKAGE .. "ListSnapshotsResponse")
    methods.List.stream = true
    add("Usage", on(options, function(snapshotter, request)
        return snapshotter:usage(request.key)
    end), "UsageRequest")
    add("Cleanup", on(options, function(snapshotter)
        local cleaned, err = snapshotter:cleanup()
        return cleaned and {}, err
    end), "CleanupRequest", "google.protobuf.Empty")
    return { name = PACKAGE .. "Snapshots", methods = methods }
end

return M
