--- From settings to a graph of started plugins, and a router with what they serve.

local moonsnap = require "moonsnap"

local backend = require "moonsnap.service.backend"
local batch = require "moonsnap.service.batch"
local config = require "moonsnap.config"
local judge = require "moonsnap.config.judge"
local plugin = require "moonsnap.plugin"
local router = require "moonsnap.service.router"

local M = {}

local STORES = "io.containerd.metadata.v1.sqlite"

local function filter_of(filters)
    return moonsnap.filter(filters)
end

--- Options of the overlays of the store at the root, which is open before its snapshotter starts.
---@param settings moonsnap.Settings
---@return string[]
function M.mount_options(settings)
    local overlayfs = settings.config["io.containerd.snapshotter.v1.overlayfs"]
    return overlayfs and overlayfs.mount_options or {}
end

--- What all plugins share.
local function runtime_of(service, options, settings)
    return {
        moonsnap = moonsnap, message = moonsnap.message, failure = moonsnap.error, filter = filter_of,
        plugin = plugin, batch = batch, backend = backend,
        root = options.root, driver = options.driver, mode = service.mode, name_space = service.name_space,
        durability = options.durability or settings.durability or "metadata",
        mount_options = M.mount_options(settings),
        loop = service.loop, pool = service.pool, tickets = service.tickets, timers = service.timers,
        router = service.router, clock = moonsnap.sys.steady, now = moonsnap.sys.now, service = service,
    }
end

local function registry_of(settings)
    local registry, problems = judge.registry(settings)
    if problems[1] then
        return nil, config.told(problems[1])
    end
    local wrong = config.wrong(settings, registry)
    if wrong then
        return nil, wrong
    end
    return registry
end

--- Says what is wrong with settings, or nil.
---@param settings moonsnap.Settings
---@return string?
function M.wrong(settings)
    local _, wrong = registry_of(settings)
    return wrong
end

--- Starts the graph that settings ask for. What stands in kept goes on in it.
---@param service moonsnap.Service
---@param settings moonsnap.Settings
---@param kept? table<string, moonsnap.Started>  of the graph before
---@return moonsnap.Graph? graph
---@return moonsnap.service.Router|moonsnap.Error offered  a router with the services that it started; or the error
function M.graph(service, settings, kept)
    local registry, wrong = registry_of(settings)
    if not registry then
        return nil, moonsnap.error("invalid_argument", wrong)
    end
    local options = service.options
    local runtime = runtime_of(service, options, settings)
    local graph
    graph, wrong = registry:start {
        root = options.root, config = settings.config, disabled = settings.disabled,
        wrappers = settings.wrappers, runtime = runtime, failure = moonsnap.error, kept = kept,
    }
    if not graph then
        return nil, moonsnap.error("invalid_argument", "plugins: " .. wrong)
    end
    runtime.graph = graph
    local stores, err = graph:get(STORES)
    local started = graph.by_name[STORES]
    err = started and started.err or err -- without a store there is no service: why, in its own words
    local offered = router.new { message = moonsnap.message }
    for id, offer in pairs(stores and graph:all("io.containerd.grpc.v1") or {}) do
        local ok, raised = pcall(offered.add, offered, offer)
        if not ok then
            err = moonsnap.error("invalid_argument", ("service of plugin %s: %s"):format(id, raised))
        end
    end
    if err then
        graph:close(kept)
        return nil, err
    end
    return graph, offered
end

return M
