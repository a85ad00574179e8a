--- What a store begins with of policies: none where it has no policy file, and then no hooks either.
---
--- A root without files costs two looks at the disk; the loader, which needs luaposix, is loaded only for one that has
--- some.

local arguments = require "moonsnap.arguments"

local M = {}

--- Who acts in this process.
local function caller_of(sys, door)
    return { door = door or "module", uid = sys.uid(), gid = sys.gid(), pid = sys.pid() }
end

local function new_hooks(core, options)
    return require("moonsnap.hooks").new {
        failure = core.error, clock = core.sys.steady, filter = core.filter, caller = caller_of(core.sys, options.door),
        log = options.log,
    }
end

--- The further files that open was given, as a list.
local function files_of(policy)
    if policy == nil then
        return {}
    elseif type(policy) == "string" then
        return { policy }
    elseif type(policy) ~= "table" then
        error(("open: option policy: a path, a list of files or false expected, got %s"):format(type(policy)), 3)
    end
    for i, file in pairs(policy) do
        local path = type(file) == "table" and file.path or file
        if math.type(i) ~= "integer" or type(path) ~= "string" then
            error("open: option policy: its elements are paths, or tables with path and options", 3)
        end
    end
    return policy
end

local LOAD = { root = "string", files = "table", automations = "table", log = "function", before = "any",
    now = "function", clock = "function", wrong = "function" }

--- Has a root any policy file?
local function has_files(sys, root)
    return sys.exists(root .. "/policy.lua") or sys.exists(root .. "/policy.d")
end

--- Loads a policy, for a store or to look at.
---@param core    moonsnap.Core
---@param options moonsnap.policy.Options  without core
---@return moonsnap.Policy? policy  nil where there is no file
---@return moonsnap.Error? err
function M.load(core, options)
    local with = { core = core }
    for name, value in pairs(arguments.options("load_policy", options, LOAD)) do
        with[name] = value
    end
    local named = #(with.files or {}) > 0 or #(with.automations or {}) > 0
    if not named and not (with.root and has_files(core.sys, with.root)) then
        return nil
    end
    local policy, err = require("moonsnap.policy").load(with)
    with.before = nil -- or each would hold all that were before it
    return policy, err
end

--- What all objects of a store share: hooks and policy, where there are any.
---@param core    moonsnap.Core
---@param options moonsnap.OpenOptions
---@return {hooks?: moonsnap.Hooks, policy?: moonsnap.Policy}? shared
---@return moonsnap.Error? err  the policy cannot be loaded
function M.shared(core, options)
    local files = options.policy ~= false and files_of(options.policy) or {}
    local shared = { new_hooks = function() return new_hooks(core, options) end }
    if options.look then
        return shared
    elseif options.policy ~= false and (#files > 0 or has_files(core.sys, options.root)) then
        local policy, err = M.load(core, { root = options.root, files = files, log = options.log and
            function(_, text) options.log(text) end })
        if err then
            return nil, err
        end
        shared.policy = policy
    end
    if shared.policy or options.untrusted then
        shared.hooks = shared.new_hooks()
    end
    if options.untrusted then
        shared.hooks:use("untrusted", require("moonsnap.policy.untrusted").hooks(core, options.untrusted))
    end
    if shared.policy then
        shared.hooks:use("policy", shared.policy.hooks)
    end
    return shared
end

return M
