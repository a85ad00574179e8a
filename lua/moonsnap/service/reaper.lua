--- Reaps leases that have ended: by the clock, and at once when a lease's process ends.
---
---     every so often   all leases of all namespaces are looked at; the processes of those that live are watched
---     a process ended  its lease is reaped, by the same look
---
--- What goes with a lease goes by the rules of deleting one. A namespace with a tenant is left alone.

local M = {}

---@class moonsnap.service.ReaperOptions
---@field backends fun(): moonsnap.service.Backend[]  one a store
---@field every    number     seconds between two looks
---@field timers   moonsnap.service.Timers
---@field loop     moonsnap.rpc.Loop
---@field watched  table<integer, function>  the loop's: what to do for a descriptor that is ready
---@field tasks    moonsnap.service.Tasks
---@field pidfd    fun(pid: integer): userdata?, moonsnap.Error?
---@field failed   fun(err: moonsnap.Error)  told of what could not be reaped

---@class moonsnap.service.Reaper
---@field options moonsnap.service.ReaperOptions
---@field watches table<integer, userdata>  by pid
---@field reaped  integer  leases so far
---@field removed integer  snapshots that went with them
local Reaper = {}
Reaper.__index = Reaper

local function unwatch(self, pid)
    local watch, options = self.watches[pid], self.options
    self.watches[pid] = nil
    options.loop:watch(watch:fd(), "")
    options.watched[watch:fd()] = nil
    watch:close()
end

local function watch(self, pid)
    local options = self.options
    local opened = options.pidfd(pid)
    if not opened then
        return -- it has just ended, or counts elsewhere: the clock will tell
    end
    self.watches[pid] = opened
    options.watched[opened:fd()] = function()
        unwatch(self, pid)
        self:look()
    end
    options.loop:watch(opened:fd(), "r")
end

--- Reaps in one namespace; answers the processes whose leases live.
local function look_in(self, store, living)
    local leases, err = store:leases():list()
    local ended = false
    for _, lease in ipairs(leases or {}) do
        ended = ended or lease.ended ~= nil
        if lease.pid and not lease.ended then
            living[lease.pid] = true
        end
    end
    if not ended then
        return err
    end
    local reaped
    reaped, err = store:leases():reap()
    if reaped then
        self.reaped, self.removed = self.reaped + #reaped.leases, self.removed + #reaped.removed
    end
    return err
end

local function look_everywhere(self)
    local living = {}
    for _, backend in ipairs(self.options.backends()) do
        local engine = backend.reader.engine
        local records, err = engine:namespace_records()
        for _, record in ipairs(records or {}) do
            if engine:tenant(record.name) == false then
                local store = backend:namespace(record.name)
                err = store and look_in(self, store, living) or err
            end
        end
        if err then
            self.options.failed(err)
        end
    end
    if self.closed then
        return -- meanwhile: nobody would end the watches
    end
    for pid in pairs(living) do
        if not self.watches[pid] then
            watch(self, pid)
        end
    end
    for pid in pairs(self.watches) do
        if not living[pid] then
            unwatch(self, pid)
        end
    end
end

--- Looks at all leases, in a coroutine of its own; again afterwards when it was asked meanwhile.
function Reaper:look()
    if self.looking then
        self.again = true
        return
    end
    self.looking = true
    self.options.tasks:spawn(function()
        local ok, why
        repeat
            self.again = false
            ok, why = xpcall(look_everywhere, debug.traceback, self)
        until not ok or not self.again or self.closed
        self.looking = false -- after a bug, too: or no lease would ever end again
        if not ok then
            error(why, 0)
        end
    end)
end

function Reaper:close()
    self.closed = true
    self.options.timers:cancel(self.timer)
    for pid in pairs(self.watches) do
        unwatch(self, pid)
    end
end

---@param options moonsnap.service.ReaperOptions
---@return moonsnap.service.Reaper
function M.new(options)
    local self = setmetatable({ options = options, watches = {}, reaped = 0, removed = 0 }, Reaper)
    self.timer = options.timers:every(options.every, function() self:look() end)
    options.timers:after(0, function()
        if not self.closed then
            self:look()
        end
    end)
    return self
end

return M
