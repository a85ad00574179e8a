--- A service with an ordinary client beside what a test does to it: it must answer that one all the time, in bounded
--- memory.
---
---     local siege <close> = sieges.start()
---     siege:look()          one call of the client
---     siege:check(8)        another one; at most 8 MB more than in the beginning
local caller = require "spec.support.caller"
local expect = require "spec.support.expect"
local peers = require "spec.support.peer"
local service = require "spec.support.service"
local sys = require("moonsnap").sys
local tree = require "spec.support.tree"

local M = {}

---@class Siege
---@field served  Served
---@field address string
---@field slowest number  seconds, of the client's calls
local Siege = {}
Siege.__index = Siege

M.HEADERS = { ["containerd-namespace"] = "one" }
M.STAT = "/containerd.services.snapshots.v1.Snapshots/Stat"
M.LIST = "/containerd.services.snapshots.v1.Snapshots/List"

--- A request for Stat of the snapshot "k".
M.REQUEST = "\10\9overlayfs\18\1k"
M.LIST_REQUEST = "\10\9overlayfs"

---@param options? ServiceOptions
---@return Siege
function M.start(options)
    options = options or {}
    options.mode, options.level = "direct", options.level or "warn"
    local served = service.start(options)
    local self = setmetatable({ served = served, address = served.address, slowest = 0, calls = 0 }, Siege)
    self.client = caller.new(served.address, M.HEADERS)
    assert(self.client:snapshots("Prepare", { snapshotter = "overlayfs", key = "k" }))
    self:look()
    self.before = self:memory()
    return self
end

--- One call of the ordinary client, which must be answered.
function Siege:look()
    local from = sys.steady()
    local reply, err = self.client:snapshots("Stat", { snapshotter = "overlayfs", key = "k" })
    if not reply then
        error(("the ordinary client was answered %s"):format(tostring(err)), 2)
    end
    self.slowest = math.max(self.slowest, sys.steady() - from)
    self.calls = self.calls + 1
end

--- Calls of the ordinary client for some seconds.
---@param seconds number
function Siege:look_for(seconds)
    local till = sys.steady() + seconds
    repeat
        self:look()
    until sys.steady() > till
end

--- A connection that has asked for count lists and reads none of them.
---@param count integer
---@param more? table<string, string>        header fields
---@param settings? table<integer, integer>  of the connection
---@return Peer
function Siege:lists(count, more, settings)
    local peer, calls = peers.greet(self.address, settings), {}
    local fields = { ["containerd-namespace"] = "one" }
    for name, value in pairs(more or {}) do
        fields[name] = value
    end
    for i = 1, count do
        calls[i] = peers.call(2 * i - 1, M.LIST, M.LIST_REQUEST, fields)
    end
    assert(peer:say(table.concat(calls), { deaf = true }))
    return peer
end

local function status(self, name)
    local text = tree.read(("/proc/%d/status"):format(self.served.pid))
    return assert(tonumber(text:match("\n" .. name .. ":%s*(%d+) kB"))) * 1024
end

--- Bytes that the service has in memory.
function Siege:memory()
    return status(self, "VmRSS")
end

--- Whether it runs with sanitizers, whose memory is not the service's.
function Siege:sanitized()
    return status(self, "VmSize") > 1 << 40
end

--- Descriptors that it has open.
function Siege:descriptors()
    return #tree.list(("/proc/%d/fd"):format(self.served.pid))
end

--- Waits until it has no more descriptors than that: whoever besieged it is forgotten.
function Siege:settle(descriptors)
    local till = sys.steady() + 10
    while self:descriptors() > descriptors do
        if sys.steady() > till then
            error(("%d descriptors are open, not %d"):format(self:descriptors(), descriptors), 2)
        end
        self:look()
    end
end

--- Raises when the service has taken more memory than that since it began, or kept the client waiting for longer.
---@param megabytes number
---@param seconds? number  1
function Siege:check(megabytes, seconds)
    self:look()
    local grown = (self:memory() - self.before) / 1e6
    if not self:sanitized() and grown > megabytes then
        error(("it has grown by %.1f MB, %g are fine"):format(grown, megabytes), 2)
    elseif self.slowest > (seconds or 1) * (self:sanitized() and 4 or 1) then
        error(("the ordinary client waited %.2f s"):format(self.slowest), 2)
    end
end

--- Makes committed snapshots for long lists, in one transaction behind the service's back.
function Siege:fill(count)
    local store <close> = assert(require("moonsnap").open { root = self.served.root, namespace = "one" })
    assert(store:transaction(function()
        for i = 1, count do
            assert(store:prepare(("filler-%06d"):format(i), nil, { labels = { filler = ("x"):rep(60) } }))
        end
        return true
    end))
end

function Siege:close(failure)
    local failed = failure ~= nil or expect.unwinding()
    self.client.client:close()
    self.served:close(failed and true or nil)
end

Siege.__close = Siege.close

return M
