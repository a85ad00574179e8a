--- io.containerd.event.v1 and io.containerd.service.v1: what stands between the snapshotters and the sockets.

local deliveries = require "moonsnap.service.deliveries"
local exchange = require "moonsnap.service.exchange"
local snapshotters = require "moonsnap.service.snapshotters"

local M = {}

local SERVICE = "io.containerd.service.v1"
local SNAPSHOTTER = "io.containerd.snapshotter.v1"

M.exchange = {
    type = "io.containerd.event.v1", id = "exchange",
    init = function(ic) return exchange.new(ic.runtime.message) end,
}

--- Publishes every prepare, commit and remove: the rows that the engine wrote with the change.
local function publish(ic, backends)
    local events, err = ic:get("io.containerd.event.v1.exchange")
    if not events then
        return nil, err
    end
    for name, backend in pairs(backends) do
        events:follow(backend.reader.engine, name, ic.runtime.mode == "proxy" and ic.runtime.name_space or nil)
    end
    return true
end

--- The hooks behind a change are told of it. What they get as store is of the graph that serves then.
local function deliver(ic)
    local runtime = ic.runtime
    local events, metadata = ic:get("io.containerd.event.v1.exchange"), ic:get("io.containerd.metadata.v1.sqlite")
    for _, held in ipairs(metadata and metadata.held or {}) do
        deliveries.begin(held, events, runtime, function()
            for _, backend in pairs(runtime.service.graph:all(SNAPSHOTTER)) do
                if backend.reader == held.reader then
                    return backend
                end
            end
        end)
    end
end

--- The snapshotter that is meant where nobody names one: the one over the store at the root.
local function default_of(ic, backends)
    local metadata = ic:get("io.containerd.metadata.v1.sqlite")
    local first
    for name, backend in pairs(backends) do
        if metadata and backend.reader == metadata.main.reader then
            return name
        end
        first = first and first < name and first or name
    end
    return first
end

M.snapshots = {
    type = SERVICE, id = "snapshots-service", requires = { "io.containerd.event.v1", SNAPSHOTTER },
    init = function(ic)
        local backends = ic:all(SNAPSHOTTER)
        if next(backends) == nil then
            return nil, ic.runtime.failure("failed_precondition", "no snapshotter has started")
        end
        local ok, err = publish(ic, backends)
        if not ok then
            return nil, err
        end
        local service = snapshotters.new(backends, default_of(ic, backends))
        service.exchange = ic:get("io.containerd.event.v1.exchange")
        deliver(ic)
        return service
    end,
}

return M
