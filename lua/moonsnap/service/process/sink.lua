--- Where the log goes: a descriptor whose reader may be slow or gone, and whom nothing waits for.
---
--- What a full pipe or socket cannot take is lost, counted, and told of as soon as there is room again.

local poll = require "posix.poll"
local stat = require "posix.sys.stat"
local unistd = require "posix.unistd"

local M = {}

---@class moonsnap.service.Sink
---@field fd    integer
---@field lost  integer   lines since the last one that was written
---@field bounded boolean it is a pipe or a socket, which a reader must empty
local Sink = {}
Sink.__index = Sink

---@param fd integer
---@return moonsnap.service.Sink
function M.new(fd)
    local what = stat.fstat(fd)
    local mode = what and what.st_mode or 0
    return setmetatable({
        fd = fd, lost = 0, bounded = stat.S_ISFIFO(mode) ~= 0 or stat.S_ISSOCK(mode) ~= 0,
        ready = { [fd] = { events = { OUT = true } } },
    }, Sink)
end

local function has_room(sink)
    return not sink.bounded or poll.poll(sink.ready, 0) == 1
end

--- Writes whole lines. A pipe that says it has room takes 4,096 bytes.
---@param lines string
---@param lost? fun(count: integer): string  the line that tells of lost ones
function Sink:write(lines, lost)
    if not has_room(self) then
        self.lost = self.lost + 1
        return
    end
    if self.lost > 0 and lost then
        lines = lost(self.lost) .. lines
    end
    self.lost = 0
    unistd.write(self.fd, lines)
end

return M
