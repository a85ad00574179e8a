--- A client of bytes: sends HTTP/2 frames on a socket, notes what comes back. For what no client library does.
---
---     local client <close> = frames.connect(path)     preface and SETTINGS are sent
---     client:call(1, "/a.B/C", "message")             a whole request
---     client:hear()                                   what is there, into client.data, .ended, .reset, .goaways
local assert = require "luassert"
local fcntl = require "posix.fcntl"
local socket = require "posix.sys.socket"
local unistd = require "posix.unistd"

local M = {}

M.DATA, M.HEADERS, M.RST_STREAM, M.SETTINGS, M.PING, M.GOAWAY = 0, 1, 3, 4, 6, 7
M.END_STREAM, M.END_HEADERS = 1, 4

---@class Frames
---@field data   table<integer, string>   of a stream
---@field ended  table<integer, true>
---@field reset  table<integer, integer>  its code
---@field closed boolean
local Frames = {}
Frames.__index = Frames

---@param path string
---@return Frames
function M.connect(path)
    local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
    assert(socket.connect(fd, { family = socket.AF_UNIX, path = path }))
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.O_NONBLOCK)
    local self = setmetatable({ fd = fd, input = "", data = {}, ended = {}, reset = {}, goaways = 0 }, Frames)
    self:say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    self:frame(M.SETTINGS, 0, 0, "")
    return self
end

function Frames:say(bytes)
    assert.equal(#bytes, socket.send(self.fd, bytes))
end

function Frames:frame(type, flags, stream, payload)
    self:say(string.pack(">I3BBI4", #payload, type, flags, stream) .. payload)
end

local function field(name, value)
    return string.pack("Bs1s1", 0, name, value)
end

--- HEADERS of a call; more fields may follow the usual ones.
---@param more? table<string, string>
function Frames:headers(stream, path, more)
    local block = field(":method", "POST") .. field(":scheme", "http") .. field(":path", path)
        .. field(":authority", "localhost") .. field("content-type", "application/grpc") .. field("te", "trailers")
    for name, value in pairs(more or {}) do
        block = block .. field(name, value)
    end
    self:frame(M.HEADERS, M.END_HEADERS, stream, block)
end

function Frames:message(stream, bytes)
    self:frame(M.DATA, M.END_STREAM, stream, string.pack(">Bs4", 0, bytes))
end

function Frames:call(stream, path, bytes, more)
    self:headers(stream, path, more)
    self:message(stream, bytes)
end

local function note(self, type, flags, stream, payload)
    if type == M.DATA then
        self.data[stream] = (self.data[stream] or "") .. payload
    elseif type == M.RST_STREAM then
        self.reset[stream] = string.unpack(">I4", payload)
    elseif type == M.GOAWAY then
        self.goaways = self.goaways + 1
    end
    if (type == M.DATA or type == M.HEADERS) and flags & M.END_STREAM ~= 0 then
        self.ended[stream] = true
    end
end

--- Takes what is there; true when there was something.
function Frames:hear()
    local bytes = not self.closed and socket.recv(self.fd, 65536)
    if not bytes then
        return false
    elseif bytes == "" then
        self.closed = true
        return true
    end
    local input, at = self.input .. bytes, 1
    while #input - at + 1 >= 9 do
        local size, type, flags, stream = string.unpack(">I3BBI4", input, at)
        if #input - at + 1 < 9 + size then
            break
        end
        note(self, type, flags, stream, input:sub(at + 9, at + 8 + size))
        at = at + 9 + size
    end
    self.input = input:sub(at)
    return true
end

--- The messages of a stream's data.
---@return string[]
function Frames:messages(stream)
    local messages, data, at = {}, self.data[stream] or "", 1
    while at <= #data do
        local _, message, after = string.unpack(">Bs4", data, at)
        messages[#messages + 1] = message
        at = after
    end
    return messages
end

function Frames:__close()
    if self.fd then
        unistd.close(self.fd)
        self.fd = nil
    end
end
Frames.close = Frames.__close

return M
