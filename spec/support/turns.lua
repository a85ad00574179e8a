--- A loop without sockets, for what a service's parts do: turns of batches, jobs that finish, tasks.
---
---     local turns <close> = turns.new(home)           two stores on home's root, a batch, a pool
---     turns:all(function() ... turns.batch:write(...) end, ...)    runs tasks until all have ended
local moonsnap = require "moonsnap"
local task = require "moonsnap.service.task"
local timers = require "moonsnap.service.timers"

local batch = require "moonsnap.service.batch"

local M = {}

---@class Turns
local Turns = {}
Turns.__index = Turns

local DEADLINE = 20 -- seconds, for all tasks of one test

---@param home World
---@param options? table  of the reading store
---@return Turns
function M.new(home, options)
    local open = { root = home.root, create = false, durability = "metadata" }
    for name, value in pairs(options or {}) do
        open[name] = value
    end
    local loop = moonsnap.rpc.loop()
    local self = setmetatable({
        loop = loop, tickets = {}, tasks = task.new(), timers = timers.new(moonsnap.sys.steady),
        pool = moonsnap.rpc.pool(loop, 2),
        writer = assert(moonsnap.open { root = home.root, durability = "metadata" }),
        reader = assert(moonsnap.open(open)),
    }, Turns)
    self.batch = batch.new {
        store = self.writer, pool = self.pool, tickets = self.tickets, clock = moonsnap.sys.steady,
        timers = self.timers, failure = moonsnap.error,
    }
    return self
end

--- What the pool says has finished.
function Turns:finish()
    for ticket, ok, err in self.pool.finished, self.pool do
        local go_on = self.tickets[ticket]
        self.tickets[ticket] = nil
        go_on(ok, err)
    end
end

--- One turn; waits for a job when there is nothing else to do.
function Turns:turn()
    local busy = self.batch:turn()
    local left = self.timers:left()
    if not busy and (next(self.tickets) or left >= 0) then
        self.loop:wait(left >= 0 and math.min(left, 1000) or 1000)
    end
    self:finish()
    self.timers:run()
end

--- Starts a task; answers a table that gets `ended`.
function Turns:spawn(fn)
    local state = { ended = false }
    self.tasks:spawn(function()
        fn()
        state.ended = true
    end)
    return state
end

--- Turns until done() or the deadline.
function Turns:until_then(done)
    local deadline = moonsnap.sys.steady() + DEADLINE
    while not done() do
        assert(moonsnap.sys.steady() < deadline, "the tasks did not end in time")
        self:turn()
    end
end

--- Runs functions as tasks, all started before the first turn.
function Turns:all(fns)
    local states = {}
    for i, fn in ipairs(fns) do
        states[i] = self:spawn(fn)
    end
    self:until_then(function()
        for _, state in ipairs(states) do
            if not state.ended then
                return false
            end
        end
        return true
    end)
end

function Turns:close()
    self.pool:close()
    self.batch:close()
    self.reader:close()
    self.writer:close()
    self.loop:close()
end

Turns.__close = Turns.close

return M
