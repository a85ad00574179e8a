--- containerd.services.snapshots.v1.Snapshots: its ten calls, over any object with a snapshotter's methods.

local identifier = require "moonsnap.service.grpc.identifier"

local M = {}

local PACKAGE = "containerd.services.snapshots.v1."
local KINDS = { view = 1, active = 2, committed = 3 }
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
        return true
    end
    return identifier.labels(labels, options.failure)
end

--- Options of a verb that waits: it does not begin, or go on, once the caller is gone.
local function waiting(context, verb_options)
    verb_options.alive = function() return context:alive() end
    return verb_options
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

--- The same, of a snapshot that is looked at: nothing is called "".
local function looking(options, fn)
    return on(options, function(snapshotter, request, context)
        if request.key == "" then
            return nil, options.failure("not_found", "snapshot '' does not exist")
        end
        return fn(snapshotter, request, context)
    end)
end

local function creating(options, verb)
    return on(options, function(snapshotter, request, context)
        local ok, err = check_labels(options, request.labels)
        if not ok then
            return nil, err
        end
        local mounts
        mounts, err = snapshotter[verb](snapshotter, request.key, request.parent,
            waiting(context, { labels = request.labels, lease = lease_of(options, context) }))
        return mounts and { mounts = mounts }, err
    end)
end

local function commit(options)
    return on(options, function(snapshotter, request, context)
        local ok, err = check_labels(options, request.labels)
        if not ok then
            return nil, err
        end
        ok, err = snapshotter:commit(request.name, request.key, waiting(context, {
            labels = request.labels, parent = request.parent ~= "" and request.parent or nil,
            lease = lease_of(options, context),
        }))
        if not ok and err.kind == "not_found" and not options.name_space and snapshotter:stat(request.name) then
            -- as containerd's front door, which looks at the name first: a commit that is repeated has happened
            return nil, options.failure("already_exists", ("commit '%s': the name is taken"):format(request.name))
        end
        return ok and {}, err
    end)
end

local function update(options)
    return on(options, function(snapshotter, request, context)
        local info = request.info
        if not info or info.name == "" and not options.name_space then
            return nil, options.failure("invalid_argument", "update: the request names no snapshot")
        end
        local ok, err = check_labels(options, info.labels)
        if not ok then
            return nil, err
        end
        local mask = request.update_mask
        local updated
        updated, err = snapshotter:update({ name = info.name, labels = info.labels },
            mask and #mask > 0 and mask or nil, waiting(context, {}))
        return updated and { info = info_message(updated) }, err
    end)
end

--- Infos as messages of up to LIST_MAX, for a snapshotter whose rows come as tables.
local function list_tables(options, snapshotter, request, context)
    local filter, err = options.filter(request.filters)
    if not filter then
        return nil, err
    end
    local next_info, walk, control, closing = snapshotter:walk(filter)
    if not next_info then
        return nil, walk
    end
    local infos = {}
    for info in next_info, walk, control, closing do
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
        if not snapshotter.pages then
            return list_tables(options, snapshotter, request, context)
        end
        local pages, err = snapshotter:pages(request.filters)
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
    add("Remove", on(options, function(snapshotter, request, context)
        local ok, err = snapshotter:remove(request.key, waiting(context, {}))
        return ok and {}, err
    end), "RemoveSnapshotRequest", "google.protobuf.Empty")
    add("Stat", looking(options, function(snapshotter, request)
        if snapshotter.stat_message then
            return snapshotter:stat_message(request.key)
        end
        local info, err = snapshotter:stat(request.key)
        return info and { info = info_message(info) }, err
    end), "StatSnapshotRequest", PACKAGE .. "StatSnapshotResponse")
    add("Update", update(options), "UpdateSnapshotRequest", PACKAGE .. "UpdateSnapshotResponse")
    add("List", list(options), "ListSnapshotsRequest", PACKAGE .. "ListSnapshotsResponse")
    methods.List.stream = true
    add("Usage", looking(options, function(snapshotter, request, context)
        return snapshotter:usage(request.key, waiting(context, {}))
    end), "UsageRequest")
    add("Cleanup", on(options, function(snapshotter, _, context)
        local cleaned, err = snapshotter:cleanup(waiting(context, {}))
        return cleaned and {}, err
    end), "CleanupRequest", "google.protobuf.Empty")
    return { name = PACKAGE .. "Snapshots", methods = methods }
end

return M
