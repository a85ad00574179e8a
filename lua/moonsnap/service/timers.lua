--- What is due later: a few functions with a time each.

local M = {}

---@class moonsnap.service.Timers
local Timers = {}
Timers.__index = Timers

---@param clock fun(): number  steady seconds
---@param failed? fun(trace: string)  told of a function that raised, without: raised by run
---@return moonsnap.service.Timers
function M.new(clock, failed)
    return setmetatable({ clock = clock, timers = {}, failed = failed or error }, Timers)
end

---@param seconds number
---@param fn function
---@return table timer  for cancel
function Timers:after(seconds, fn)
    local timer = { due = self.clock() + seconds, fn = fn }
    self.timers[timer] = true
    return timer
end

--- Again and again, until cancel; each time seconds after the last.
---@param seconds number
---@param fn function
---@return table timer
function Timers:every(seconds, fn)
    local timer = self:after(seconds, fn)
    timer.period = seconds
    return timer
end

function Timers:cancel(timer)
    self.timers[timer] = nil
end

--- Milliseconds until the next one is due; -1 when there is none.
---@return integer ms
function Timers:left()
    local first
    for timer in pairs(self.timers) do
        first = first and first < timer.due and first or timer.due
    end
    return first and math.max(0, math.ceil((first - self.clock()) * 1000)) or -1
end

--- Runs those that are due.
function Timers:run()
    local now, due = self.clock(), nil
    for timer in pairs(self.timers) do
        if timer.due <= now then
            due = due or {}
            due[#due + 1] = timer
        end
    end
    for _, timer in ipairs(due or {}) do
        if self.timers[timer] then
            self.timers[timer] = timer.period and true or nil
            timer.due = now + (timer.period or 0)
            local ok, trace = xpcall(timer.fn, debug.traceback)
            if not ok then
                self.failed(trace)
            end
        end
    end
end

return M
