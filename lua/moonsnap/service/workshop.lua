--- What the namespaces of one snapshotter share: its stores, its workers, and the freeing of what was removed.

local task = require "moonsnap.service.task"

local M = {}

local FIRST = 64       -- entries that the loop looks at itself before it asks a worker
local QUIET = 0.1      -- seconds without a remove after which freeing begins
local QUIET_MOST = 2   -- seconds that it waits for that

--- What the namespaces of one store share.
---@class moonsnap.service.Workshop
local Workshop = {}
Workshop.__index = Workshop

--- Runs work on a worker until it has ended or nobody waits for it.
---@param work moonsnap.Work
---@param alive? fun(): boolean
---@return true? ok
---@return moonsnap.Error? err
function Workshop:drive(work, alive)
    while true do
        if alive and not alive() then
            return nil, self.failure("canceled", "the caller is gone")
        end
        local done, err = task.await(function(resume)
            local ticket, wrong = self.pool:run(work)
            if not ticket then
                return resume(nil, wrong)
            end
            self.tickets[ticket] = resume
        end)
        if done == nil then
            return nil, err
        elseif done then
            return true
        end
    end
end

--- The first step here, which most layers need no more than; the rest on a worker.
function Workshop:finish(work, alive)
    local more, err = work:step(FIRST)
    if more == nil then
        return nil, err
    end
    if not more then
        return true
    end
    return self:drive(work, alive)
end

--- What is slow about making key (native copies the parent), done on a worker: false when nothing is. nil without
--- an error: the verb itself says what is wrong.
---@return moonsnap.core.Stage | false | nil
---@return moonsnap.Error? err
function Workshop:fill(name_space, key, parent, kind, alive)
    if self.reader.driver ~= "native" or (parent or "") == "" then
        return false
    end
    local filled = self.reader.engine:fill(name_space, key, parent, kind, self.durability)
    if not filled then
        return filled
    end
    local ok, err = self:drive(filled, alive)
    if ok then
        return filled
    end
    filled:close()
    return nil, err
end

--- A finished seal. nil without an error: commit says what is wrong, in its own order.
---@return moonsnap.Seal?
---@return moonsnap.Error? err
function Workshop:seal(name_space, key, durability, alive)
    local made = self.reader.engine:seal(name_space, key, durability)
    if not made then
        return nil
    end
    local ok, err
    if durability == "metadata" then
        ok, err = self:finish(made, alive)
    else
        ok, err = self:drive(made, alive)
    end
    if ok then
        return made
    end
    made:close()
    return nil, err
end

--- Frees what lies in the trash, one sweep at a time; resume is called when all is freed that was there by now.
function Workshop:sweep(resume)
    if resume then
        self.waiting[#self.waiting + 1] = resume
    end
    if self.sweeping then
        self.again = true
        return
    end
    local waiting = self.waiting
    self.waiting, self.sweeping, self.again = {}, true, false
    local work
    local function over()
        self.sweeping = false
        if work then
            work:close()
        end
        for _, go_on in ipairs(waiting) do
            go_on()
        end
        if self.again then
            self:sweep()
        end
    end
    local function slice()
        local ticket = work and self.pool:run(work)
        if not ticket then
            return over()
        end
        self.tickets[ticket] = function(ok)
            if ok == false then
                return slice()
            end
            over()
        end
    end
    self.batch.retire:when_done(function()
        work = self.reader.engine:sweep(0)
        slice()
    end)
end

--- Frees once removing has paused: a collector that removes hundreds does not wait for their deletion.
function Workshop:sweep_soon()
    local now = self.clock()
    self.last_remove = now
    if self.soon then
        return
    end
    self.first_remove = now
    local function look()
        local time = self.clock()
        if time - self.last_remove >= QUIET or time - self.first_remove >= QUIET_MOST then
            self.soon = nil
            self:sweep()
        else
            self.soon = self.timers:after(QUIET, look)
        end
    end
    self.soon = self.timers:after(QUIET, look)
end

---@param options moonsnap.service.BackendOptions
---@return moonsnap.service.Workshop
function M.new(options)
    local reader = options.reader
    return setmetatable({
        reader = reader, batch = options.batch, pool = options.pool, tickets = options.tickets,
        timers = options.timers, clock = options.timers.clock,
        failure = options.failure, filter = reader.core.filter,
        durability = options.durability or "metadata", sync_remove = options.sync_remove,
        upperdir = options.upperdir_label and reader.root .. "/layers/" or nil,
        waiting = {}, sweeping = false, again = false,
    }, Workshop)
end

return M
