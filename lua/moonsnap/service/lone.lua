--- One transaction over many turns of the loop: the writing store of a batch lent to one task, while other writes
--- wait and reads go on.
---
---     batch: idle --lend--> alone --begin, at the gate--> open: the task works a slice a turn
---                                 --commit, on its thread--> idle

local task = require "moonsnap.service.task"

local M = {}

---@class moonsnap.service.Lone
---@field batch   moonsnap.service.Batch
---@field pool    moonsnap.Pool
---@field tickets table<any, fun(ok: boolean?, err: moonsnap.Error?)>
---@field timers  moonsnap.service.Timers
---@field tasks   moonsnap.service.Tasks

--- Waits until no transaction is open and takes the store: what it answers stands for it among the tickets.
---@param lone moonsnap.service.Lone
---@return table? token
---@return moonsnap.Error? err
local function borrow(lone)
    return task.await(function(resume)
        lone.tasks:spawn(function()
            local token, begun = {}, false
            local _, err = lone.batch:alone(function()
                begun = true
                lone.timers:after(0, function() resume(token) end)
                return token
            end)
            if not begun then
                resume(nil, err)
            end
        end)
    end)
end

local function give_back(lone, token)
    local done = lone.tickets[token]
    lone.tickets[token] = nil
    done(true)
    lone.batch.retire:go()
    if lone.batch.cover then
        lone.batch.cover:soon()
    end
end

--- Waits for a job of the pool.
local function finished(lone, ticket)
    return task.await(function(resume) lone.tickets[ticket] = resume end)
end

local function begin(lone, guard)
    local begun, err = guard:try()
    if begun ~= false then
        return begun, err
    end
    local ticket
    ticket, err = lone.pool:begin(guard)
    if not ticket then
        return nil, err
    end
    return finished(lone, ticket)
end

local function commit(lone, guard)
    local ticket = lone.pool:commit(guard)
    if ticket then
        return finished(lone, ticket)
    end
    return guard:commit() -- no thread could be had
end

--- Lets the loop turn once.
---@param lone moonsnap.service.Lone
function M.pause(lone)
    task.await(function(resume) lone.timers:after(0, resume) end)
end

--- Runs fn in a transaction; it may wait, by pause. Rolls back when it answers nil or raises, and when keep is false.
---@generic T
---@param lone moonsnap.service.Lone
---@param keep boolean
---@param fn fun(): T?, moonsnap.Error?
---@return T?
---@return moonsnap.Error? err
function M.transaction(lone, keep, fn)
    local token, err = borrow(lone)
    if not token then
        return nil, err
    end
    local _lent <close> = setmetatable({}, { __close = function() give_back(lone, token) end })
    local guard <close> = lone.batch.engine:transaction()
    local ok, result
    ok, err = begin(lone, guard)
    if not ok then
        return nil, err
    end
    result, err = fn()
    if result == nil or not keep then
        return result, err
    end
    ok, err = commit(lone, guard)
    if not ok then
        return nil, err
    end
    return result
end

return M
