--- A hook that fails again and again at its budget's cost is switched off for a while. One that is skipped when it
--- fails (open) is switched off by any failure.
---
---     on --5 failures within 60 s--> off --60 s--> trial: one request runs it --> on, or off again

local M = {}

local FAILURES = 5
local WINDOW = 60 -- seconds
local PAUSE = 60

---@class moonsnap.hooks.Breaker
---@field failures number[]  when the last ones happened
---@field until_?  number    it is off until then
---@field last?    string    what failed
---@field trouble  {is: boolean?}
local Breaker = {}
Breaker.__index = Breaker

---@param clock   fun(): number  steady seconds
---@param trouble {is: boolean?} of all breakers of a set: once one has opened, each is looked at
---@return moonsnap.hooks.Breaker
function M.new(clock, trouble)
    return setmetatable({ clock = clock, failures = {}, trouble = trouble }, Breaker)
end

--- Whether the hook runs. After the pause it does once, and what comes of that decides.
---@return boolean
function Breaker:runs()
    local till = self.until_
    if not till then
        return true
    end
    local now = self.clock()
    if now < till then
        return false
    end
    self.until_ = now + PAUSE -- for all others, until the trial has ended
    self.trial = true
    return true
end

--- It ran, or failed in a way that costs next to nothing.
---@param why? string  what failed
function Breaker:good(why)
    self.last = why or self.last
    if self.trial then
        self.failures, self.until_, self.trial = {}, nil, nil
    end
end

---@param why string
function Breaker:failed(why)
    local now, kept = self.clock(), {}
    for _, at in ipairs(self.failures) do
        if now - at < WINDOW then
            kept[#kept + 1] = at
        end
    end
    kept[#kept + 1] = now
    self.failures, self.last = kept, why
    if self.trial or #kept >= FAILURES then
        self.until_, self.trial, self.trouble.is = now + PAUSE, nil, true
    end
end

---@return "on" | "off" | "trial"
function Breaker:state()
    return not self.until_ and "on" or self.clock() < self.until_ and "off" or "trial"
end

--- What to tell whom it is off for.
---@return string
function Breaker:text()
    return ("is off after %d failures, last: %s"):format(#self.failures, self.last)
end

return M
