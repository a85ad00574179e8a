--- Directories of what was removed go away on a worker, behind the answer: on some file systems a rmdir waits for
--- the disk.

local M = {}

---@class moonsnap.service.Retire
---@field running boolean
---@field waiting fun()[]  to be called once nothing is left
local Retire = {}
Retire.__index = Retire

---@param options moonsnap.service.BatchOptions
---@return moonsnap.service.Retire
function M.new(options)
    return setmetatable({
        engine = options.store.engine, pool = options.pool, tickets = options.tickets, running = false, waiting = {},
    }, Retire)
end

--- Told whenever something may have been removed.
function Retire:go()
    if self.running then
        return
    end
    local work = self.engine:is_open() and self.engine:retire()
    local ticket = work and self.pool:run(work)
    if ticket then
        self.running = true
        self:watch(work, ticket)
        return
    end
    if work then
        work:close() -- no thread could be had: the next one takes it
    end
    local waiting = self.waiting
    self.waiting = {}
    for _, go_on in ipairs(waiting) do
        go_on()
    end
end

--- Waits for the job, which is handed back when it takes long.
function Retire:watch(work, ticket)
    self.tickets[ticket] = function(ok)
        local again = ok == false and self.pool:run(work)
        if again then
            return self:watch(work, again)
        end
        self.running = false
        work:close()
        self:go()
    end
end

--- Calls fn once the directories of all that was removed by now are gone from layers/.
function Retire:when_done(fn)
    self.waiting[#self.waiting + 1] = fn
    self:go()
end

return M
