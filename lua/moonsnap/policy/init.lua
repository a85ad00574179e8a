--- Policies: the files that say what a store's callers may do, loaded into states of their own.
---
---     ROOT/policy.lua, ROOT/policy.d/*.lua, further files --load--> hooks, label policies, retention rules
---
--- Each file runs in a sandbox of its own: no io, os, debug, load or network, and budgets that end whatever it does.
--- A policy is loaded whole or not at all; another one can be built beside it, and takes over what its files keep.

local files = require "moonsnap.policy.files"
local hooks = require "moonsnap.hooks"
local label_policies = require "moonsnap.policy.labels"
local label_spec = require "moonsnap.policy.labels.spec"
local loading = require "moonsnap.policy.loading"

local M = {}

---@class moonsnap.policy.Options
---@field core     moonsnap.Core    sandboxes, filters, errors, clocks
---@field root?    string           whose policy.lua and policy.d are loaded first
---@field files?   (string|moonsnap.policy.Place)[]  further files, with values for their options
---@field automations? moonsnap.policy.Automation[]  files that run in this state, behind the others
---@field now?     fun(): integer   nanoseconds since 1970, where not the machine's
---@field clock?   fun(): number    steady seconds, where not the machine's
---@field log?     fun(file: string, text: string)   what files say; without, it is lost
---@field before?  moonsnap.Policy  whose kept values the files find
---@field wrong?   fun(place: string, text: string)   told of each hook, label policy and rule that is refused, instead
---                of ending with the first

--- A file of automation: what it may do is in the globals that it gets.
---@class moonsnap.policy.Automation: moonsnap.policy.Place
---@field environment table
---@field words?      table<string, function>

---@class moonsnap.Policy
---@field labels moonsnap.labels.Set
local Policy = {}
Policy.__index = Policy

local function error_kinds(core)
    local set = {}
    for _, kind in ipairs(core.kinds()) do
        set[kind] = true
    end
    return set
end

--- All files of a policy, in the order in which they are loaded.
local function places_of(options)
    local more = {}
    for i, place in ipairs(options.files or {}) do
        more[i] = type(place) == "string" and { path = place } or place
    end
    table.move(options.automations or {}, 1, #(options.automations or {}), #more + 1, more)
    return files.order(options.root, more, options.core.error)
end

--- Loads the files of a policy.
---@param options moonsnap.policy.Options
---@return moonsnap.Policy? policy  nil where there is no file
---@return moonsnap.Error? err      not_found, permission_denied, invalid_argument: FILE:LINE: why
function M.load(options)
    local places, err = places_of(options)
    if not places or #places == 0 then
        return nil, err
    end
    local core = options.core
    local now, clock = options.now or core.sys.now, options.clock or core.sys.steady
    local policy = setmetatable({
        hooks = hooks.new { failure = core.error, clock = clock, filter = core.filter },
        labels = label_policies.new { filter = core.filter, now = now },
        retention = {}, files = {},
    }, Policy)
    local load = loading.new {
        policy = policy, options = options, now = now, kinds = label_spec.kinds(), error_kinds = error_kinds(core),
    }
    for _, place in ipairs(places) do
        local ok
        ok, err = load:load(place)
        if not ok then
            policy:close()
            return nil, err
        end
    end
    return policy
end

--- The file of a path.
---@param path string
---@return moonsnap.policy.File?
function Policy:file(path)
    for _, file in ipairs(self.files) do
        if file.path == path then
            return file
        end
    end
end

--- Takes over what the files of another policy keep, but for what these have kept anew: the last step before a swap.
---@param before moonsnap.Policy
function Policy:inherit(before)
    for _, file in ipairs(self.files) do
        local old = before:file(file.path)
        setmetatable(file.kept, nil)
        for name, value in pairs(old and old.kept or {}) do
            if not file.written[name] then
                file.kept[name], file.weights[name] = value, old.weights[name]
            end
        end
    end
end

--- What is loaded, for people and JSON.
---@return {files: table[], hooks: table[], labels: table[], rules: table[]}
function Policy:describe()
    local described = { files = {}, hooks = self.hooks:status(), labels = {}, rules = {} }
    for i, file in ipairs(self.files) do
        described.files[i] = { path = file.path, tier = file.tier, options = file.options,
            memory = file.state:memory(), included_by = file.includer and file.includer.path }
    end
    for i, policy in ipairs(self.labels.policies) do
        described.labels[i] = { name = policy.name, kind = policy.kind, label = policy.label, phase = policy.phase,
            file = policy.place }
    end
    for i, rule in ipairs(self.retention) do
        described.rules[i] = { name = rule.name, file = rule.file }
    end
    return described
end

--- Ends the states of its files. Nobody may be running one.
function Policy:close()
    for _, file in ipairs(self.files) do
        file.state:close()
    end
end

Policy.__close = Policy.close

return M
