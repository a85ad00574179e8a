--- Group commit: the writes that arrived together are one transaction and one fsync.
---
---     idle --turn--> open: each write in a savepoint, 0.1 ms a turn --> commits, on its thread --> idle, answers
---      |               ^
---      +--> begins, on that thread, when another process is writing
---
--- Nothing waits to fill a batch: it is what came while the one before was on its way to the disk.

local cover = require "moonsnap.service.cover"
local retire = require "moonsnap.service.retire"
local task = require "moonsnap.service.task"

local M = {}

local SLICE = 0.0001 -- seconds of writes in one turn: so long does a call wait that arrived meanwhile
local MOST = 256    -- writes in one transaction

---@class moonsnap.service.BatchOptions
---@field store    moonsnap.Store  the writing one; its engine is the batch's alone
---@field pool     moonsnap.Pool
---@field tickets  table<integer, fun(ok: boolean?, err: moonsnap.Error?)>
---@field clock    fun(): number   steady seconds
---@field timers?  moonsnap.service.Timers  without: commits wait for two syncs
---@field failure  fun(kind: string, message: string): moonsnap.Error
---@field acting?  fun(fn: function): function   makes a write one of who calls it

---@class moonsnap.service.BatchCounts
---@field batches    integer  transactions that were handed to the disk
---@field writes     integer  that ended well
---@field failures   integer  that answered an error of their own
---@field canceled   integer  that were not begun: their caller was gone
---@field broken     integer  batches whose COMMIT failed
---@field largest    integer  writes in one batch
---@field waits      integer  begins that waited for another process
---@field seconds    number   that COMMITs took
---@field sizes      table<integer, integer>  batches by the power of two that their size reaches

---@class moonsnap.service.Batch
---@field counts moonsnap.service.BatchCounts
local Batch = {}
Batch.__index = Batch

---@param options moonsnap.service.BatchOptions
---@return moonsnap.service.Batch
function M.new(options)
    options.store.engine:defer() -- directories are made where COMMIT is
    return setmetatable({
        store = options.store, engine = options.store.engine,
        savepoint = options.store.engine:transaction(), pool = options.pool, tickets = options.tickets,
        clock = options.clock, failure = options.failure, acting = options.acting,
        cover = options.timers and cover.new(options), retire = retire.new(options),
        state = "idle", queue = {}, first = 1, last = 0, done = {},
        counts = { batches = 0, writes = 0, failures = 0, canceled = 0, broken = 0, largest = 0, waits = 0,
            seconds = 0, sizes = {} },
    }, Batch)
end

local function push(self, item)
    self.last = self.last + 1
    self.queue[self.last] = item
end

local function pop(self)
    local item = self.queue[self.first]
    self.queue[self.first] = nil
    self.first = self.first + 1
    if self.first > self.last then
        self.first, self.last = 1, 0
    end
    return item
end

--- Runs fn(store) in the next transaction; see types.lua.
---@param fn fun(store: moonsnap.Store): any, moonsnap.Error?
---@param alive? fun(): boolean  false: nobody waits for it any more, it is not begun
function Batch:write(fn, alive)
    return task.await(function(resume)
        if self.state == "closed" then
            return resume(nil, self.failure("unavailable", "the service ends"))
        end
        push(self, { fn = self.acting and self.acting(fn) or fn, resume = resume, alive = alive })
    end)
end

--- Runs fn(engine) between two transactions, with the writing store idle. It answers a ticket of the pool and is
--- waited for, or nil, err.
---@param fn fun(engine: moonsnap.core.Store): integer?, moonsnap.Error?
---@return true? ok
---@return moonsnap.Error? err
function Batch:alone(fn)
    return task.await(function(resume)
        if self.state == "closed" then
            return resume(nil, self.failure("unavailable", "the service ends"))
        end
        push(self, { alone = fn, resume = resume })
    end)
end

---@return integer queued
---@return integer in_flight  that wait for the disk
function Batch:pending()
    return self.last - self.first + 1, #self.done
end

--- One write in its savepoint.
local function run(self, item)
    if item.alive and not item.alive() then
        item.count = "canceled"
        return false, self.failure("canceled", "the caller is gone")
    end
    local savepoint = self.savepoint
    local begun, err = savepoint:begin()
    if not begun then
        return false, err
    end
    local ran, result, why = pcall(item.fn, self.store)
    if not ran then
        savepoint:rollback()
        return false, self.failure("internal", "a write failed: " .. tostring(result))
    end
    if result == nil and why ~= nil then
        savepoint:rollback()
        return false, why
    end
    local kept, wrong = savepoint:commit()
    if not kept then
        return false, wrong
    end
    return true, result
end

--- Answers everybody in the batch.
local function answer(done)
    for i = 1, #done do
        local item = done[i]
        if item.ok then
            item.resume(item.result)
        else
            item.resume(nil, item.result)
        end
    end
end

local function count_batch(counts, good)
    local size = 1
    while size * 2 <= good do
        size = size * 2
    end
    counts.batches = counts.batches + 1
    counts.largest = math.max(counts.largest, good)
    counts.sizes[size] = (counts.sizes[size] or 0) + 1
end

--- The transaction has ended: ok, or nothing in it is.
local function ended(self, ok, err)
    local done = self.done
    self.done, self.state = {}, "idle"
    if not ok then
        self.counts.broken = self.counts.broken + 1
        local why = self.failure(err.kind == "resource_exhausted" and err.kind or "unavailable",
            "the write could not be made durable: " .. err.message)
        for i = 1, #done do
            if done[i].ok then
                done[i].ok, done[i].result = false, why
            end
        end
    end
    for i = 1, #done do
        local word = done[i].count or done[i].ok and "writes" or "failures"
        self.counts[word] = self.counts[word] + 1
    end
    self.retire:go()
    if self.cover then
        self.cover:soon()
    end
    answer(done)
end

--- Hands COMMIT to its thread; without anything to commit there is none.
local function commit(self)
    local guard, good = self.guard, 0
    self.guard = nil
    for i = 1, #self.done do
        good = good + (self.done[i].ok and 1 or 0)
    end
    if good == 0 then
        guard:close()
        return ended(self, true)
    end
    count_batch(self.counts, good)
    self.state = "commits"
    local started = self.clock()
    local function go_on(ok, err)
        self.counts.seconds = self.counts.seconds + (self.clock() - started)
        ended(self, ok, err)
    end
    local ticket = self.pool:commit(guard)
    if ticket then
        self.tickets[ticket] = go_on
    else
        go_on(guard:commit()) -- no thread could be had
    end
end

local function fail_all(self, err)
    while self.first <= self.last do
        pop(self).resume(nil, err)
    end
end

--- BEGIN at once, or on the thread where it may wait at the gate.
local function begin(self)
    local guard = self.engine:transaction()
    local begun, err = guard:try()
    if begun then
        self.guard, self.state = guard, "open"
        return
    end
    local ticket
    if begun == false then
        ticket, err = self.pool:begin(guard)
    end
    if not ticket then
        return fail_all(self, err)
    end
    self.state = "begins"
    self.counts.waits = self.counts.waits + 1
    self.tickets[ticket] = function(ok, why)
        self.state = "idle"
        if not ok then
            return fail_all(self, why)
        end
        self.guard, self.state = guard, "open"
    end
end

local function run_alone(self)
    local item = pop(self)
    self.state = "alone"
    self.retire:when_done(function()
        local ticket, err = item.alone(self.engine)
        if not ticket then
            self.state = "idle"
            return item.resume(nil, err)
        end
        self.tickets[ticket] = function(ok, why)
            self.state = "idle"
            item.resume(ok, why)
        end
    end)
end

local function is_alone(self)
    local item = self.queue[self.first]
    return item and item.alone
end

--- Called once a turn of the loop. True: there is more to do at once.
---@return boolean
function Batch:turn()
    while self.state == "idle" and is_alone(self) do
        run_alone(self)
    end
    if self.state == "idle" and self.first <= self.last then
        begin(self)
    end
    if self.state ~= "open" then
        return false
    end
    local done, clock = self.done, self.clock
    local until_then = clock() + SLICE
    while self.first <= self.last and #done < MOST and not is_alone(self) do
        local item = pop(self)
        item.ok, item.result = run(self, item)
        done[#done + 1] = item
        if clock() >= until_then and self.first <= self.last and #done < MOST then
            return true
        end
    end
    commit(self)
    return self.state == "idle" and self.first <= self.last
end

--- Rolls back what is open; what is queued is answered with unavailable.
function Batch:close()
    local guard, done = self.guard, self.done
    self.guard, self.done, self.state = nil, {}, "closed"
    local err = self.failure("unavailable", "the service ends")
    if guard then
        guard:close()
    end
    for i = 1, #done do
        done[i].ok, done[i].result = false, err
    end
    answer(done)
    fail_all(self, err)
end

return M
