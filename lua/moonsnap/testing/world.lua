--- What one test of a policy works on: the policy, loaded anew, before a store in memory; a clock that stands still.
---
---     world.store    the whole snapshotter, hooks included     world.now    nanoseconds; the test moves it
---
--- An automation file's words do nothing here but note what they were asked: world.effects.

local automation_words = require "moonsnap.automation.words"
local delivery = require "moonsnap.events.delivery"
local environment = require "moonsnap.automation.environment"
local hooks = require "moonsnap.hooks"
local memory = require "moonsnap.testing.memory"
local snapshotter = require "moonsnap.snapshotter"
local tier = require "moonsnap.testing.tier"
local transaction = require "moonsnap.transaction"
local units = require "moonsnap.units"

local M = {}

local SECOND = 1000000000
local function nothing() end
M.START = 1767225600 * SECOND -- 2026-01-01T00:00:00Z, a Thursday

---@class moonsnap.testing.World
---@field moonsnap table
---@field now      integer
---@field store    moonsnap.Store
---@field engine   moonsnap.testing.Engine
---@field policy?  moonsnap.Policy
---@field hooks    moonsnap.Hooks
---@field effects  {word: string, [string]: any}[]  what automation asked for
---@field timers   {seconds: number, fn: function, due: integer}[]
---@field logged   string[]
---@field gone     table<integer, true>  processes that have ended
---@field delivery moonsnap.events.Delivery
---@field failures {hook: string, event: moonsnap.Event, why: string, attempts: integer, given_up: boolean}[]
local World = {}
World.__index = World

--- The module as the store sees it: with the test's clock.
local function faked(self)
    local moonsnap = self.moonsnap
    local sys = setmetatable({
        now = function() return self.now end,
        steady = function() return self.now / SECOND end,
    }, { __index = moonsnap.sys })
    local function open() -- a program that reads opens the store once more
        return self.engine:looking()
    end
    return setmetatable({ sys = sys, open = open }, { __index = moonsnap })
end

--- Words of automation that only take notes; what they answer a test may set: world.answers.WORD.
local function noting(self)
    local looked_at = automation_words.new({}).every
    local function note(word, shape)
        return function(...)
            local effect = shape(...)
            effect.word = word
            self.effects[#self.effects + 1] = effect
            local answer = self.answers[word]
            if type(answer) == "function" then
                return answer(effect)
            end
            return true
        end
    end
    return {
        append = note("append", function(path, line) return { path = path, line = line } end),
        post = note("post", function(socket, path, body) return { socket = socket, path = path, body = body } end),
        spawn = function(command)
            self.effects[#self.effects + 1] = { word = "spawn", argv = command }
            local answer = self.answers.spawn
            if answer then
                return answer(command)
            end
            return { status = 0, output = "" }
        end,
        json = automation_words.json,
        every = function(period, fn)
            local seconds = units.parse_duration(period)
            if seconds and seconds >= automation_words.SHORTEST then
                local due = self.now + math.floor(seconds * SECOND)
                self.timers[#self.timers + 1] = { seconds = seconds, fn = fn, due = due }
            end
            return looked_at(period, fn) -- raises for what is none
        end,
    }
end

local function load(self, file, options)
    local place = { path = file, options = options }
    local with = {
        now = function() return self.now end, clock = function() return self.now / SECOND end,
        log = function(_, text) self.logged[#self.logged + 1] = text end,
    }
    if tier.of(file) == "automation" then
        place.environment, place.words = environment.new(), noting(self)
        with.automations = { place }
    else
        with.files = { place }
    end
    return self.moonsnap.load_policy(with)
end

--- A new world for a policy file.
---@param moonsnap table
---@param file     string
---@param options? table<string, any>  values of the file's options
---@return moonsnap.testing.World?
---@return moonsnap.Error? err  the policy cannot be loaded
function M.new(moonsnap, file, options)
    local self = setmetatable({
        moonsnap = moonsnap, now = M.START, effects = {}, timers = {}, logged = {}, gone = {}, answers = {},
        failures = {},
    }, World)
    local policy, err = load(self, file, options)
    if err then
        return nil, err
    end
    local core = faked(self)
    self.policy = policy
    self.engine = memory.new {
        core = moonsnap, clock = core.sys.now, alive = function(pid) return not self.gone[pid] end,
    }
    self.hooks = hooks.new {
        failure = moonsnap.error, filter = moonsnap.filter, clock = core.sys.steady,
        caller = { door = "module", uid = 0, gid = 0, pid = 1 },
        log = function(text) self.logged[#self.logged + 1] = text end,
    }
    if policy then
        self.hooks:use("policy", policy.hooks)
    end
    self.store = snapshotter.new(core, self.engine, "default", {
        hooks = self.hooks, policy = policy,
        delivery = { mark = nothing, turn = nothing, close = nothing }, -- a test says when after-hooks run
    })
    self.delivery = delivery.new {
        engine = self.engine, now = core.sys.now, store = self.store,
        readers = function() return self.hooks:readers() end,
        write = function(fn)
            return transaction.run(self.engine, function() return fn(self.engine) end, self.store)
        end,
        failed = function(reader, event, why, attempts, given_up)
            self.failures[#self.failures + 1] =
                { hook = reader, event = event, why = why, attempts = attempts, given_up = given_up }
        end,
    }
    return self
end

--- Delivers to after-hooks what is due, as a store does, by the test's clock. They begin with the first event.
function World:deliver()
    for _, reader in ipairs(self.hooks:readers()) do
        if not self.engine:cursor_get(reader.name) then
            self.engine:cursor_set(reader.name, 0)
        end
    end
    while self.delivery:turn() do end -- luacheck: ignore 542
end

--- Moves the clock, and runs the timers that come due on the way, in order.
---@param seconds number
function World:advance(seconds)
    local target = self.now + math.floor(seconds * SECOND)
    while true do
        local first
        for _, timer in ipairs(self.timers) do
            first = timer.due <= target and (not first or timer.due < first.due) and timer or first
        end
        if not first then
            break
        end
        self.now = math.max(self.now, first.due)
        first.due = first.due + math.floor(first.seconds * SECOND)
        first.fn()
    end
    self.now = target
end

function World:close()
    self.engine:close()
    if self.policy then
        self.policy:close()
    end
end

World.__close = World.close

return M
