--- moonsnap: overlay snapshots for scripts. The face of the module; types.lua describes it.

local core = require "moonsnap.core"

local arguments = require "moonsnap.arguments"
local policies = require "moonsnap.policies"
local snapshotter = require "moonsnap.snapshotter"
local verdicts = require "moonsnap.hooks.verdicts"

local M = {
    version = core.version, sys = core.sys, rpc = core.rpc, message = core.message, sandbox = core.sandbox,
    verdict = {
        deny = verdicts.deny, defer = verdicts.defer, exists = verdicts.exists, rewrite = verdicts.rewrite,
    },
}

local OPEN = {
    root = "string", driver = "string", namespace = "string", durability = "string", create = "boolean",
    mount_options = "table", look = "boolean", policy = "any", untrusted = "string", door = "string", log = "function",
}

function M.open(options)
    arguments.need("open", "options", options, "table")
    arguments.need("open", "option root", options.root, "string")
    arguments.options("open", options, OPEN)
    local engine, err =
        core.open(options.root, options.driver, options.durability, options.mount_options,
            options.create ~= false and not options.look, options.look)
    if not engine then
        return nil, err
    end
    local name_space = options.namespace or "default"
    local ok
    ok, err = engine:check_namespace(name_space)
    local shared
    if ok then
        shared, err = policies.shared(core, options)
    end
    if not shared then
        engine:close()
        return nil, err
    end
    return snapshotter.new(core, engine, name_space, shared)
end

function M.load_policy(options)
    arguments.need("load_policy", "options", options, "table")
    return policies.load(core, options)
end

function M.rebuild(root)
    arguments.need("rebuild", "root", root, "string")
    return core.rebuild(root)
end

function M.filter(filters)
    arguments.need("filter", "filters", filters, "table")
    return core.filter(filters)
end

--- A store behind a service's socket.
function M.connect(options)
    return require("moonsnap.client").connect(core, options)
end

M.error = core.error

return M
