--- io.containerd.grpc.v1: what is served, one plugin a service.

local M = {}

local TYPE = "io.containerd.grpc.v1"
local SNAPSHOTS = "io.containerd.service.v1.snapshots-service"

--- A plugin that is served only where moonsnap is the front.
local function only_direct(init)
    return function(ic)
        if ic.runtime.mode ~= "direct" then
            return nil, ic.runtime.plugin.skip(ic.runtime.failure, "only in direct mode")
        end
        return init(ic)
    end
end

M.snapshots = {
    type = TYPE, id = "snapshots", requires = { SNAPSHOTS },
    init = function(ic)
        local service, err = ic:get(SNAPSHOTS)
        if not service then
            return nil, err
        end
        local runtime = ic.runtime
        local proxy = runtime.mode == "proxy"
        return require("moonsnap.service.grpc.snapshots").new {
            snapshotters = service, failure = runtime.failure, filter = runtime.filter,
            default = service.default, name_space = proxy and runtime.name_space or nil, kept = not proxy,
        }
    end,
}

M.events = {
    type = TYPE, id = "events", requires = { "io.containerd.event.v1" },
    init = function(ic)
        local exchange, err = ic:get("io.containerd.event.v1.exchange")
        if not exchange then
            return nil, err
        end
        return require("moonsnap.service.grpc.events").new {
            exchange = exchange, failure = ic.runtime.failure, filter = ic.runtime.filter, now = ic.runtime.now,
        }
    end,
}

M.introspection = {
    type = TYPE, id = "introspection",
    init = function(ic)
        local introspection = require "moonsnap.service.grpc.introspection"
        local runtime = ic.runtime
        return introspection.new {
            graph = function() return runtime.graph end, failure = runtime.failure, filter = runtime.filter,
            uuid = introspection.uuid_of(runtime.root .. "/uuid", runtime.moonsnap.sys.random),
        }
    end,
}

M.version = {
    type = TYPE, id = "version",
    init = function(ic) return require("moonsnap.service.grpc.version").new(ic.runtime.moonsnap.version, "") end,
}

M.health = {
    type = TYPE, id = "healthcheck",
    init = function(ic)
        return require("moonsnap.service.grpc.health").new {
            failure = ic.runtime.failure, known = function(name) return ic.runtime.router.known[name] == true end,
        }
    end,
}

--- The stores that leases and namespaces are in, the service's own first, and whose snapshots are in each.
local function stores_of(metadata, snapshotters)
    local stores = {}
    for i, held in ipairs(metadata.held) do
        stores[i] = { reader = held.reader, batch = held.batch, names = {} }
        for name, backend in pairs(snapshotters.backends) do
            if backend.reader.engine == held.reader.engine then
                stores[i].names[name] = true
                stores[i].sweep = function(wait) backend:sweep(wait) end
            end
        end
    end
    return stores
end

local function kept(name)
    return only_direct(function(ic)
        local metadata, err = ic:get("io.containerd.metadata.v1.sqlite")
        if not metadata then
            return nil, err
        end
        local snapshotters
        snapshotters, err = ic:get(SNAPSHOTS)
        if not snapshotters then
            return nil, err
        end
        return require("moonsnap.service.grpc." .. name).new {
            stores = stores_of(metadata, snapshotters), failure = ic.runtime.failure, filter = ic.runtime.filter,
        }
    end)
end

local KEPT = { SNAPSHOTS, "io.containerd.metadata.v1" }

M.leases = { type = TYPE, id = "leases", requires = KEPT, init = kept("leases") }
M.namespaces = { type = TYPE, id = "namespaces", requires = KEPT, init = kept("namespaces") }

M.control = {
    type = TYPE, id = "control", requires = { SNAPSHOTS },
    init = only_direct(function(ic)
        local snapshotters, err = ic:get(SNAPSHOTS)
        if not snapshotters then
            return nil, err
        end
        local control = require("moonsnap.service.grpc.control").new {
            snapshotters = snapshotters, failure = ic.runtime.failure, filter = ic.runtime.filter,
        }
        local policies = require("moonsnap.service.grpc.control_policy").new(snapshotters, ic.runtime.failure)
        for name, verb in pairs(policies) do
            control:add(name, verb)
        end
        for name, verb in pairs(ic.runtime.service.options.verbs or {}) do
            control:add(name, verb)
        end
        control:add("program", require("moonsnap.service.grpc.control_program").new(ic.runtime, snapshotters))
        for name, verb in pairs(require("moonsnap.service.grpc.control_repl").new(ic.runtime, snapshotters)) do
            control:add(name, verb)
        end
        return control
    end),
}

return M
