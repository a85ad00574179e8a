--- Waiting for descriptors, with a deadline: by poll where nothing else is to be done, by the loop in a service.
---
---     local ready = waiting:on(fd, "r", deadline)      true, or false when the deadline has passed
---
--- In a service the caller is in a coroutine, and the loop goes on meanwhile.

local poll = require "posix.poll"

local task = require "moonsnap.service.task"

local M = {}

---@class moonsnap.automation.Waiting
---@field clock fun(): number  steady seconds
---@field on    fun(self, fd: integer, what: "r"|"w", deadline: number): boolean

local Polling = {}
Polling.__index = Polling

--- Blocks.
---@param clock fun(): number
---@return moonsnap.automation.Waiting
function M.polling(clock)
    return setmetatable({ clock = clock }, Polling)
end

function Polling:on(fd, what, deadline)
    local events = what == "r" and { IN = true } or { OUT = true }
    repeat
        local left = math.max(0, math.ceil((deadline - self.clock()) * 1000))
        local ready = poll.poll({ [fd] = { events = events } }, left)
        if ready and ready > 0 then
            return true
        end
    until self.clock() >= deadline -- a signal is no answer
    return false
end

local Looping = {}
Looping.__index = Looping

---@class moonsnap.automation.LoopOptions
---@field loop    moonsnap.rpc.Loop
---@field watched table<integer, function>
---@field timers  moonsnap.service.Timers
---@field clock   fun(): number

--- Yields.
---@param options moonsnap.automation.LoopOptions
---@return moonsnap.automation.Waiting
function M.looping(options)
    return setmetatable({ options = options, clock = options.clock }, Looping)
end

function Looping:on(fd, what, deadline)
    local options, timer = self.options, nil
    local ready = task.await(function(resume)
        timer = options.timers:after(math.max(0, deadline - options.clock()), function() resume(false) end)
        options.watched[fd] = function() resume(true) end
        options.loop:watch(fd, what)
    end)
    options.timers:cancel(timer)
    options.watched[fd] = nil
    options.loop:watch(fd, "")
    return ready
end

return M
