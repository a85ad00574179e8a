--- Directory entries go to disk some time after they were made, on a worker: the commit that needs them then waits
--- for one sync, not for two.

local M = {}

local SECONDS = 0.05 -- from what was made to its sync: one sync for all that comes together

---@class moonsnap.service.Cover
---@field waiting any  a timer or a job of ours is under way
local Cover = {}
Cover.__index = Cover

---@param options moonsnap.service.BatchOptions
---@return moonsnap.service.Cover
function M.new(options)
    return setmetatable({
        engine = options.store.engine, pool = options.pool, tickets = options.tickets, timers = options.timers,
    }, Cover)
end

local function start(self)
    local work = self.engine:is_open() and self.engine:cover()
    local ticket = work and self.pool:run(work)
    if not ticket then
        self.waiting = nil
        return
    end
    self.tickets[ticket] = function(ok)
        self.waiting = nil
        work:close()
        if ok then
            self:soon() -- for what was made meanwhile
        end
    end
end

--- Told whenever something may have been made.
function Cover:soon()
    if not self.waiting then
        self.waiting = self.timers:after(SECONDS, function() start(self) end)
    end
end

return M
