--- The policies of a service's stores: those of their roots, and at the main one those that the configuration names,
--- with its automation. A new set is built beside the old one, which goes on until the new one is whole.
---
---     build(service, settings) -> set | nil, err     nothing is changed yet but that new timers have begun
---     set:swap(before)                               between two requests; before ends
---     set:close()                                    instead, when it is not wanted after all

local moonsnap = require "moonsnap"

local automation = require "moonsnap.automation"
local waiting = require "moonsnap.automation.waiting"

local M = {}

--- What stands before one store.
---@class moonsnap.service.PolicyPart
---@field held    moonsnap.plugins.Held
---@field policy? moonsnap.Policy  nil where there is no file

---@class moonsnap.service.PolicySet
---@field parts moonsnap.service.PolicyPart[]
---@field stops function[]  what ends timers of automation
---@field log   fun(text: string, hook?: string)  what hooks log
local Set = {}
Set.__index = Set

--- The snapshotter that automation works with, looked up at each call: a reload may put other things around it.
local function store_of(service)
    local function now()
        local snapshotters = assert(service.graph:get("io.containerd.service.v1.snapshots-service"))
        return snapshotters:find(snapshotters.default, service.name_space)
    end
    return setmetatable({}, { __metatable = false, __index = function(_, name)
        local value = now()[name]
        return type(value) == "function" and function(_, ...)
            local store = now()
            return store[name](store, ...)
        end or value
    end })
end

local function say(service, level, message, fields)
    if service.options.say then
        service.options.say(level, message, fields)
    end
end

--- What the loader gets for each automation file; what ends its timers goes into stops.
local function automations(service, settings, stops)
    local places, store = {}, store_of(service)
    local waits = waiting.looping {
        loop = service.loop, watched = service.watched, timers = service.timers, clock = moonsnap.sys.steady,
    }
    for i, grant in ipairs(settings.automations) do
        places[i], stops[#stops + 1] = automation.place({
            grant = grant, sys = moonsnap.sys, waiting = waits, failure = moonsnap.error, timers = service.timers,
            tasks = service.router.tasks, running = service.programs, log = function(...) say(service, ...) end,
        }, store)
    end
    return places
end

--- Loads what stands before one store.
local function load(service, settings, held, stops)
    local main = held == service.stores.main
    return moonsnap.load_policy {
        root = service.options.policy ~= false and held.writer.root or nil,
        files = main and settings.policies or {},
        automations = main and automations(service, settings, stops) or {},
        before = held.writer.shared.policy,
        log = function(file, text) say(service, "info", text, { policy = file }) end,
    }
end

--- A set for all stores that are open, from their roots' files and settings.
---@param service  moonsnap.Service
---@param settings moonsnap.Settings
---@return moonsnap.service.PolicySet? set
---@return moonsnap.Error? err
function M.build(service, settings)
    local set, whole = setmetatable({ parts = {}, stops = {} }, Set), false
    local _guard <close> = setmetatable({}, { __close = function()
        if not whole then
            set:close()
        end
    end })
    set.log = function(text, hook) say(service, "info", text, { policy = hook }) end
    for i, held in ipairs(service.stores.held) do
        local policy, err = load(service, settings, held, set.stops)
        if err then
            return nil, err
        end
        set.parts[i] = { held = held, policy = policy }
    end
    whole = true
    return set
end

--- Stands before the stores from now on. What ended before is closed.
---@param before? moonsnap.service.PolicySet
function Set:swap(before)
    for _, part in ipairs(self.parts) do
        local shared, new = part.held.writer.shared, part.policy
        local old = shared.policy
        if new and old then
            new:inherit(old)
        end
        if new and not shared.hooks then
            shared.hooks = shared.new_hooks()
        end
        if shared.hooks then
            shared.hooks.log = self.log
            shared.hooks:use("policy", new and new.hooks)
        end
        shared.policy = new
        if old then
            old:close()
        end
    end
    if before then
        before:stop()
    end
end

--- Paths of the policy and automation files that are in force.
---@return string[]
function Set:files()
    local paths = {}
    for _, part in ipairs(self.parts) do
        for _, file in ipairs(part.policy and part.policy.files or {}) do
            paths[#paths + 1] = file.path
        end
    end
    return paths
end

--- Ends the timers of its automation.
function Set:stop()
    for _, stop in ipairs(self.stops) do
        stop()
    end
    self.stops = {}
end

function Set:close()
    self:stop()
    for _, part in ipairs(self.parts) do
        if part.policy then
            part.policy:close()
        end
    end
    self.parts = {}
end

return M
