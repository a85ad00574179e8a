--- Collects by the retention rules of stores' policies while a service runs.
---
---     startup    once, at the beginning
---     timer      each rule every so often: its `every`, an hour without
---     pressure   when a rule's high is reached, or its min_free is not there; looked at every few seconds
---     commit     after so many commits
---
--- One collection at a time, a namespace after the other; those with a tenant (containerd's) are left alone. A plan
--- that would need force is not applied: `refused` is told.

local gc_rules = require "moonsnap.gc.rules"
local units = require "moonsnap.units"

local M = {}

local EVERY = 3600     -- seconds, of rules that do not say
local REFUSED = 60     -- seconds until a trigger that was refused is listened to again
local PAGE = 1000      -- events that are counted in one look

---@class moonsnap.service.CollectorOptions
---@field backend moonsnap.service.Backend
---@field timers  moonsnap.service.Timers
---@field tasks   moonsnap.service.Tasks
---@field clock   fun(): number           steady seconds
---@field filter  fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?
---@field every   number                  seconds between two looks
---@field commits integer                 that make one collection; 0: none
---@field refused   fun(name_space: string, err: moonsnap.Error)   a plan that could not be made, or not applied
---@field collected fun(name_space: string, done: moonsnap.gc.Applied)

---@class moonsnap.service.Collector
---@field options moonsnap.service.CollectorOptions
---@field last    table<string, number>   when each rule was last run by the timer
---@field counts  {runs: integer, plans: integer, removed: integer, bytes: integer, refused: integer}
local Collector = {}
Collector.__index = Collector

local function rules_of(self)
    local policy = self.options.backend.writer.shared.policy
    return policy and policy.retention or {}
end

local function listens(rule, trigger)
    for _, name in ipairs(rule.on or { trigger }) do
        if name == trigger then
            return true
        end
    end
    return false
end

--- Rules whose time has come, by name; nil when there are none.
local function due(self, now)
    local found
    for _, rule in ipairs(rules_of(self)) do
        local last = self.last[rule.name] or self.began
        local every = rule.every and units.parse_duration(rule.every) or EVERY
        if listens(rule, "timer") and now - last >= every then
            found = found or {}
            found[rule.name] = true
            self.last[rule.name] = now
        end
    end
    return found
end

--- Does a rule want room on the file system by now?
local function pressed(rule, disk)
    local bounds = rule.bounds
    if not bounds or not listens(rule, "pressure") then
        return false
    end
    local least = bounds.min_free and units.parse_size(bounds.min_free, disk.size)
    return bounds.high and disk.size - disk.free > disk.size * bounds.high / 100
        or least and disk.free < least or false
end

local function under_pressure(self)
    local disk
    for _, rule in ipairs(rules_of(self)) do
        if rule.bounds and (rule.bounds.high or rule.bounds.min_free) then
            disk = disk or self.options.backend.reader.engine:filesystem()
            if disk and pressed(rule, disk) then
                return true
            end
        end
    end
    return false
end

--- Counts commits since the last look; true while there are enough for a collection.
local function committed(self)
    local most, engine = self.options.commits, self.options.backend.reader.engine
    if most <= 0 then
        return false
    end
    local list, since = engine:events(self.cursor, PAGE, nil, self.filter)
    if list then
        self.cursor, self.commits = since, self.commits + #list
    end
    return self.commits >= most
end

--- One namespace, one trigger.
local function collect(self, name_space, trigger, due_rules)
    local store, err = self.options.backend:namespace(name_space)
    local gc = store and store:gc()
    local plan
    if gc then
        plan, err = gc:plan { trigger = trigger, due = due_rules }
    end
    self.counts.plans = self.counts.plans + 1
    if not plan or not plan.id then
        return err
    end
    local done
    done, err = gc:apply(plan.id)
    if done then
        done.plan = plan.id
        self.options.collected(name_space, done)
        self.counts.removed, self.counts.bytes = self.counts.removed + done.removed, self.counts.bytes + done.size
    end
    return err
end

local function refused(self, trigger, name_space, err)
    if err and err.kind == "aborted" then -- reloaded meanwhile: at the next look, by the new rules
        self.last, self.started = {}, trigger ~= "startup"
        self.commits = trigger == "commit" and self.options.commits or self.commits
    elseif err then
        self.counts.refused = self.counts.refused + 1
        self.mute[trigger] = self.options.clock() + REFUSED
        self.options.refused(name_space, err)
    end
end

--- All namespaces that are ours to collect in.
local function run(self, trigger, due_rules)
    local engine = self.options.backend.reader.engine
    self.options.backend:sweep(true) -- what has gone already, or went before a kill, is free before more is taken
    if self.closed then
        return
    end
    local names, err = engine:namespaces()
    for _, name in ipairs(names or {}) do
        if self.closed then
            return
        elseif engine:tenant(name) == false then
            err = collect(self, name, trigger, due_rules)
            refused(self, trigger, name, err)
        end
    end
    self.counts.runs = self.counts.runs + 1
    refused(self, trigger, "", not names and err or nil)
end

--- Collects, in a coroutine of its own, unless a collection runs.
---@param trigger string
---@param due_rules? table<string, true>
function Collector:start(trigger, due_rules)
    assert(gc_rules.TRIGGERS[trigger], trigger)
    if self.running or #rules_of(self) == 0 then
        return false
    end
    self.running = true
    self.options.tasks:spawn(function()
        local ok, why = xpcall(run, debug.traceback, self, trigger, due_rules)
        self.running = false -- after a bug, too: or nothing would ever be collected again
        if not ok then
            error(why, 0)
        end
    end)
    return true
end

local function muted(self, trigger, now)
    return (self.mute[trigger] or 0) > now
end

--- Looks whether something asks for a collection.
function Collector:look()
    if self.running or self.closed or #rules_of(self) == 0 then
        return
    end
    local now = self.options.clock()
    if not self.started then
        self.started = true
        self:start("startup")
    elseif not muted(self, "pressure", now) and under_pressure(self) then
        self:start("pressure")
        self.mute.pressure = math.max(self.mute.pressure or 0, now + self.options.every * 6)
    elseif committed(self) and not muted(self, "commit", now) then
        self.commits = 0
        self:start("commit")
    else
        local rules = not muted(self, "timer", now) and due(self, now)
        if rules then
            self:start("timer", rules)
        end
    end
end

function Collector:close()
    self.closed = true
    self.options.timers:cancel(self.timer)
end

---@param options moonsnap.service.CollectorOptions
---@return moonsnap.service.Collector
function M.new(options)
    local engine = options.backend.reader.engine
    local self = setmetatable({ options = options, last = {}, mute = {}, began = options.clock(), commits = 0,
        cursor = engine:last_event(), filter = assert(options.filter { 'topic=="/snapshot/commit"' }),
        counts = { runs = 0, plans = 0, removed = 0, bytes = 0, refused = 0 } }, Collector)
    self.timer = options.timers:every(options.every, function() self:look() end)
    return self
end

return M
