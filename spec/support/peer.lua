--- A client of bytes: it sends what no gRPC client would, and tells what came back.
---
---     local peer <close> = peers.connect(served.address)
---     peer:say(peers.PREFACE .. peers.settings() .. peers.call(1, STAT, message))
---     assert(peer:heard("grpc%-status=0"))
local fcntl = require "posix.fcntl"
local poll = require "posix.poll"
local process = require "spec.support.process"
local signal = require "posix.signal"
local socket = require "posix.sys.socket"
local sys = require("moonsnap").sys
local tools = require "spec.support.tools"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"

local M = {}

M.PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
M.DATA, M.HEADERS, M.PRIORITY, M.RST, M.SETTINGS, M.PUSH = 0, 1, 2, 3, 4, 5
M.PING, M.GOAWAY, M.WINDOW, M.CONTINUATION = 6, 7, 8, 9
M.END_STREAM, M.ACK, M.END_HEADERS, M.PADDED, M.PRIORITIZED = 1, 1, 4, 8, 32

local EAGAIN = require("posix.errno").EAGAIN
local PART = 65536 -- bytes of one write

--- One frame, as it is told.
---@param type    integer
---@param flags   integer
---@param stream  integer
---@param payload? string
---@param length? integer  another one than the payload has
---@return string
function M.frame(type, flags, stream, payload, length)
    payload = payload or ""
    return string.pack(">I3BBI4", length or #payload, type, flags, stream) .. payload
end

--- Our SETTINGS; of identifiers to values.
function M.settings(values)
    local payload = ""
    for identifier, value in pairs(values or {}) do
        payload = payload .. string.pack(">I2I4", identifier, value)
    end
    return M.frame(M.SETTINGS, 0, 0, payload)
end

local function integer(value, prefix)
    if value < (1 << prefix) - 1 then
        return string.char(value)
    end
    local bytes = string.char((1 << prefix) - 1)
    value = value - ((1 << prefix) - 1)
    while value >= 128 do
        bytes = bytes .. string.char(value % 128 + 128)
        value = value // 128
    end
    return bytes .. string.char(value)
end

--- Header fields as a block: literals, nothing indexed, nothing compressed.
---@param fields string[][]
function M.block(fields)
    local parts = {}
    for i, field in ipairs(fields) do
        parts[i] = "\0" .. integer(#field[1], 7) .. field[1] .. integer(#field[2], 7) .. field[2]
    end
    return table.concat(parts)
end

--- The fields of a call of a method, and more; a value of "" takes one away.
function M.fields(path, more)
    local fields, left = {}, more or {}
    for _, field in ipairs {
        { ":method", "POST" }, { ":scheme", "http" }, { ":path", path }, { ":authority", "localhost" },
        { "content-type", "application/grpc" }, { "te", "trailers" },
    } do
        field[2] = left[field[1]] or field[2]
        if field[2] ~= "" then
            fields[#fields + 1] = field
        end
    end
    for name, value in pairs(left) do
        if name:sub(1, 1) ~= ":" and name ~= "content-type" and name ~= "te" then
            fields[#fields + 1] = { name, value }
        end
    end
    return fields
end

--- HEADERS of a call.
function M.headers(stream, path, more, flags)
    return M.frame(M.HEADERS, M.END_HEADERS | (flags or 0), stream, M.block(M.fields(path, more)))
end

--- A message with gRPC's prefix; length may lie.
function M.message(bytes, length, flag)
    return string.pack(">BI4", flag or 0, length or #bytes) .. bytes
end

--- A whole unary call, or one of a server's stream.
function M.call(stream, path, message, more)
    return M.headers(stream, path, more) .. M.frame(M.DATA, M.END_STREAM, stream, M.message(message))
end

---@class Peer
---@field fd?    integer
---@field bytes  string[]  what came
---@field closed boolean   by the other side, and all is read
---@field broken? boolean  the other side takes no more
local Peer = {}
Peer.__index = Peer

--- Connects; nil when nobody takes it.
---@param address string
---@return Peer?
function M.connect(address)
    signal.signal(signal.SIGPIPE, function() end) -- no child inherits a handler
    local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.O_NONBLOCK)
    if not socket.connect(fd, { family = socket.AF_UNIX, path = address }) then
        unistd.close(fd)
        return nil
    end
    return setmetatable({ fd = fd, bytes = {}, closed = false }, Peer)
end

--- One that has said hello.
function M.greet(address, settings)
    local peer = assert(M.connect(address))
    peer:say(M.PREFACE .. M.settings(settings))
    return peer
end

--- Takes what has come, waiting at most some seconds for the first byte.
function Peer:take(seconds)
    if self.closed or poll.rpoll(self.fd, math.ceil((seconds or 0) * 1000)) ~= 1 then
        return
    end
    local got = unistd.read(self.fd, PART)
    if not got or got == "" then
        self.closed = true
    else
        self.bytes[#self.bytes + 1] = got
    end
end

--- Bytes that came so far.
---@return integer
function Peer:size()
    local size = 0
    for _, bytes in ipairs(self.bytes) do
        size = size + #bytes
    end
    return size
end

--- Sends bytes. Answers false when the other side closes, or takes nothing for some seconds (5). With deaf it
--- reads nothing meanwhile.
---@param bytes string
---@param options? {deaf?: boolean, patience?: number}
---@return boolean all
function Peer:say(bytes, options)
    local at, quiet = 1, sys.steady()
    while at <= #bytes and not self.closed and not self.broken do
        local sent, _, errno = socket.send(self.fd, bytes:sub(at, at + PART - 1))
        if sent then
            at, quiet = at + sent, sys.steady()
        elseif errno == EAGAIN then
            poll.poll({ [self.fd] = { events = { OUT = true } } }, 20)
            if sys.steady() - quiet > (options and options.patience or 5) then
                return false
            end
        else
            self.broken = true
        end
        if not (options and options.deaf) then
            self:take(0)
        end
    end
    return at > #bytes
end

--- The frames that came so far, as lines; see tools/frames.c.
---@return string
function Peer:frames()
    local path = os.tmpname()
    tree.write(path, table.concat(self.bytes))
    local lines = process.must(tools.path("frames"), path)
    os.remove(path)
    return lines
end

--- Reads until a line matches; nil when the connection closes or the time is over before.
---@param pattern string
---@param seconds? number  5
---@return string? match
function Peer:heard(pattern, seconds)
    local till, count = sys.steady() + (seconds or 5), -1
    while true do
        if #self.bytes ~= count then
            count = #self.bytes
            local match = self:frames():match(pattern)
            if match then
                return match
            end
        end
        if self.closed or sys.steady() > till then
            return nil
        end
        self:take(till - sys.steady() + 0.01)
    end
end

--- Reads until these very bytes have come; false when the connection closes or the time is over before.
---@param bytes string
---@param seconds? number  5
---@return boolean
function Peer:received(bytes, seconds)
    local till, at = sys.steady() + (seconds or 5), #self.bytes
    while true do
        local last = (self.bytes[at - 1] or "") .. (self.bytes[at] or "")
        if last:find(bytes, 1, true) then
            return true
        elseif at < #self.bytes then
            at = at + 1
        elseif self.closed or sys.steady() > till then
            return false
        else
            self:take(till - sys.steady() + 0.01)
        end
    end
end

--- Reads until the other side closes; false when it does not within some seconds (5).
---@param seconds? number
---@return boolean
function Peer:ended(seconds)
    local till = sys.steady() + (seconds or 5)
    while not self.closed and sys.steady() < till do
        self:take(till - sys.steady() + 0.01)
    end
    return self.closed
end

function Peer:close()
    if self.fd then
        unistd.close(self.fd)
        self.fd = nil
    end
end

Peer.__close = Peer.close

---@param all Peer[]
function M.close_all(all)
    for _, peer in ipairs(all) do
        peer:close()
    end
end

return M
