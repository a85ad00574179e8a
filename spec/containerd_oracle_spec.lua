--- Random calls, answered by a service behind containerd and by containerd's own overlay snapshotter.
local caller = require "spec.support.caller"
local golang = require "spec.support.golang"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local service = require "spec.support.service"

local STEPS = 2000
local PACKAGE = "containerd.services.snapshots.v1."
local REQUESTS = { Mounts = "MountsRequest", Usage = "UsageRequest", Cleanup = "CleanupRequest" }
local REPLIES = {
    Commit = "google.protobuf.Empty", Remove = "google.protobuf.Empty", Cleanup = "google.protobuf.Empty",
    Mounts = PACKAGE .. "MountsResponse", Usage = PACKAGE .. "UsageResponse",
}

local KEYS = { "a", "b", "c", "d", "e/f g", "ä", "" }
local NAMES = { "l1", "l2", "l3", "l4", "l5", "a", "" }
local LABELS = { "x", "y.z", "containerd.io/snapshot.ref", "containerd.io/snapshot/w" }
local VALUES = { "", "1", "2", "ü" }
local MASKS = { "labels", "labels.x", "labels.y.z", "labels.containerd.io/snapshot/w", "labels.", "parent", "name", "",
    "Labels", "labels.x,labels.y.z" }
local FILTERS = { "kind==active", "kind!=active", "kind==committed,labels.x", "parent==l1", "parent!=\"\"",
    "labels.x==1", "labels.\"y.z\"~=[12]", "labels.nothing!=1", "name~=^l", "parent", "name==", "kind==ACTIVE",
    "labels.x~=[", "" }

local function one_of(list)
    return list[math.random(#list)]
end

local function some_labels()
    local labels = {}
    for _ = 1, math.random(0, 2) do
        labels[one_of(LABELS)] = one_of(VALUES)
    end
    return labels
end

local function some_of(list, most)
    local found = {}
    for i = 1, math.random(0, most) do
        found[i] = one_of(list)
    end
    return found
end

local function parent()
    return math.random(3) == 1 and "" or one_of(NAMES)
end

local function any_key()
    return math.random(2) == 1 and one_of(KEYS) or one_of(NAMES)
end

local CALLS = {
    Prepare = function() return { key = one_of(KEYS), parent = parent(), labels = some_labels() } end,
    View = function() return { key = one_of(KEYS), parent = parent(), labels = some_labels() } end,
    Commit = function() return { name = one_of(NAMES), key = one_of(KEYS), labels = some_labels() } end,
    Remove = function() return { key = any_key() } end,
    Stat = function() return { key = any_key() } end,
    Usage = function() return { key = any_key() } end,
    Mounts = function() return { key = any_key() } end,
    Update = function()
        return { info = { name = any_key(), labels = some_labels(), parent = one_of { "", "l1" } },
            update_mask = some_of(MASKS, 2) }
    end,
    List = function() return { filters = some_of(FILTERS, 2) } end,
    Cleanup = function() return {} end,
}
local OFTEN = { "Prepare", "Prepare", "Prepare", "View", "Commit", "Commit", "Commit", "Remove", "Remove", "Stat",
    "Usage", "Mounts", "Update", "Update", "List", "Cleanup" }

--- Moments and places aside.
local function essence_of_info(info)
    return { name = info.name, kind = info.kind, parent = info.parent, labels = info.labels,
        fresh = info.created_at == info.updated_at }
end

--- Options without what they say of places; how many lowers there are is kept.
local function essence_of_mount(mount)
    local options = {}
    for i, option in ipairs(mount.options) do
        local lowers = option:match("^lowerdir=(.*)")
        options[i] = lowers and "lowerdir " .. select(2, lowers:gsub(":", "")) or option:match("^[^=]+=/") or option
    end
    for i, option in ipairs(options) do
        options[i] = option:gsub("=/$", "")
    end
    table.sort(options)
    return { type = mount.type, options = options }
end

local function essence(reply)
    if reply.info and reply.info[1] == nil and reply.info.name then
        return essence_of_info(reply.info)
    elseif reply.mounts then
        local mounts = {}
        for i, mount in ipairs(reply.mounts) do
            mounts[i] = essence_of_mount(mount)
        end
        return mounts
    end
    return reply
end

--- All infos of a List, by name.
local function list(client, request)
    local infos = {}
    local ok, err = pcall(function()
        for reply in client:stream("/" .. PACKAGE .. "Snapshots/List", PACKAGE .. "ListSnapshotsRequest", request,
            PACKAGE .. "ListSnapshotsResponse") do
            for _, info in ipairs(reply.info) do
                infos[info.name] = essence_of_info(info)
            end
        end
    end)
    return ok and infos or nil, err
end

--- What a server answers to a step: its essence, or the kind of its refusal.
local function answer(client, method, request)
    local reply, err
    if method == "List" then
        reply, err = list(client, request)
    else
        reply, err = client:call(("/%sSnapshots/%s"):format(PACKAGE, method),
            PACKAGE .. (REQUESTS[method] or method .. "SnapshotRequest"), request,
            REPLIES[method] or ("%s%sSnapshotResponse"):format(PACKAGE, method))
        reply = reply and essence(reply)
    end
    return reply or { refused = err.kind }, err
end

--- Where containerd's own gives an error no class, ours says what it is; and an empty name it looks at last.
local function agreeable(request, ours, theirs)
    if not ours.refused or not theirs.refused then
        return false
    end
    local empty = request.key == "" or request.name == "" or request.info and request.info.name == ""
    local classless = theirs.refused == "internal" or theirs.refused == "unknown"
    return ours.refused == "invalid_argument" and (classless or empty)
end

local function start_peer(dir)
    local peer = process.start { golang.build("bench/peer"), dir .. "/peer-root", dir .. "/peer" }
    local till = os.time() + 20
    while true do
        local client = moonsnap.rpc.connect(dir .. "/peer")
        if client then
            client:close()
            return peer
        end
        assert(os.time() < till, "containerd's own snapshotter does not answer")
    end
end

describe("a service behind containerd #slow", function()
    it("answers as containerd's own overlay snapshotter answers", needs.root(needs.golang(function()
        local seed = require "spec.support.seed"
        math.randomseed(seed)
        local served <close> = service.start { mode = "proxy", level = "info" }
        local peer <close> = start_peer(served.dir)
        local ours <close> = caller.new(served.address)
        local theirs <close> = caller.new(served.dir .. "/peer")
        for _, client in ipairs { ours, theirs } do -- a store that was never written answers otherwise
            answer(client, "Prepare", { key = "first" })
        end
        local counts = {}
        for step = 1, STEPS do
            local method = one_of(OFTEN)
            local request = CALLS[method]()
            local our, our_err = answer(ours, method, request)
            local their, their_err = answer(theirs, method, request)
            if not agreeable(request, our, their) then
                local what = ("seed %d, step %d: %s %s\nmoonsnap: %s\ncontainerd: %s"):format(seed, step, method,
                    require("dkjson").encode(request), tostring(our_err), tostring(their_err))
                assert.same(their, our, what)
            end
            counts[our.refused or "fine"] = (counts[our.refused or "fine"] or 0) + 1
        end
        assert.is_true(counts.fine > STEPS // 4, "most steps are refused")
        assert(peer.pid)
    end)))
end)
