--- Tells the service manager how the service is: ready, reloading, stopping, alive. Says nothing where nobody asked.

local M = {}

---@class moonsnap.service.Notify
---@field watchdog? number  seconds within which the manager wants to hear that we are alive
local Notify = {}
Notify.__index = Notify

---@class moonsnap.service.NotifyOptions
---@field send   fun(text: string): boolean?, moonsnap.Error?   sys.notify
---@field clock  fun(): number                                  steady seconds: CLOCK_MONOTONIC
---@field pid    integer
---@field getenv fun(name: string): string?
---@field failed? fun(err: moonsnap.Error)                       told when the manager could not be

--- Seconds of WATCHDOG_USEC, when it is meant for this process.
local function watchdog(options)
    local whose, microseconds = options.getenv("WATCHDOG_PID"), options.getenv("WATCHDOG_USEC")
    local number = math.tointeger(tonumber(microseconds or ""))
    if not number or number <= 0 or (whose and math.tointeger(tonumber(whose)) ~= options.pid) then
        return nil
    end
    return number / 1e6
end

---@param options moonsnap.service.NotifyOptions
---@return moonsnap.service.Notify
function M.new(options)
    return setmetatable({
        send = options.send, clock = options.clock, failed = options.failed or function() end,
        watchdog = watchdog(options),
    }, Notify)
end

local function tell(self, text)
    local _, err = self.send(text)
    if err then
        self.failed(err)
    end
end

--- A line for people who ask for the service's state.
local function status(words)
    return words and "\nSTATUS=" .. words:gsub("%c", " ") or ""
end

---@param words? string
function Notify:ready(words)
    tell(self, "READY=1" .. status(words))
end

--- Must be followed by ready.
function Notify:reloading()
    tell(self, ("RELOADING=1\nMONOTONIC_USEC=%d"):format(math.floor(self.clock() * 1e6)))
end

---@param words? string
function Notify:stopping(words)
    tell(self, "STOPPING=1" .. status(words))
end

function Notify:status(words)
    tell(self, "STATUS=" .. words:gsub("%c", " "))
end

function Notify:alive()
    tell(self, "WATCHDOG=1")
end

return M
