--- GET /metrics over HTTP/1.x, on a unix socket or a loopback port: what a scraper needs and no more.
---
--- Bounded in all directions: so many connections, so many bytes of a request, so many seconds. One request a
--- connection.

local fcntl = require "posix.fcntl"
local socket = require "posix.sys.socket"
local unistd = require "posix.unistd"
local errno = require "posix.errno"

local M = {}

local CONNECTIONS_MAX = 32
local REQUEST_MAX = 8192
local SECONDS = 5
local BACKLOG = 16

local REASONS = { [200] = "OK", [400] = "Bad Request", [404] = "Not Found", [405] = "Method Not Allowed",
    [431] = "Request Header Fields Too Large", [500] = "Internal Server Error" }

---@class moonsnap.service.Endpoint
---@field address     string
---@field connections table<integer, table>  by descriptor
---@field count       integer
local Endpoint = {}
Endpoint.__index = Endpoint

---@class moonsnap.service.EndpointOptions
---@field address string   "unix:/path", "/path", "127.0.0.1:9095", "[::1]:9095"
---@field fd?      integer a listening socket that was made elsewhere, instead of address
---@field text    fun(): string
---@field type    string   its Content-Type
---@field loop    moonsnap.rpc.Loop
---@field watched table<integer, function>
---@field timers  moonsnap.service.Timers
---@field sys     moonsnap.Sys
---@field failure fun(kind: string, message: string): moonsnap.Error

local LOOPBACK = { localhost = "127.0.0.1" }

--- What an address says: a path, or a family, a host and a port.
---@param address string
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return {path?: string, family?: integer, addr?: string, port?: integer}? parsed
---@return moonsnap.Error? err
function M.parse(address, failure)
    local path = address:match("^unix:(.+)$") or address:match("^/.*$")
    if path then
        return { path = path }
    end
    local host, port = address:match("^%[(.+)%]:(%d+)$")
    if not host then
        host, port = address:match("^([^:]*):(%d+)$")
    end
    local number = math.tointeger(tonumber(port or ""))
    if not number or number > 65535 then
        return nil, failure("invalid_argument",
            ("metrics address '%s': it is unix:/PATH or 127.0.0.1:PORT"):format(address))
    end
    host = LOOPBACK[host] or host
    if host == "::1" then
        return { family = socket.AF_INET6, addr = host, port = number }
    elseif host:find("^127%.%d+%.%d+%.%d+$") then
        return { family = socket.AF_INET, addr = host, port = number }
    end
    return nil, failure("invalid_argument", ("metrics address '%s': only a loopback address or a unix socket; who may "
        .. "read them from elsewhere is for a proxy to decide"):format(address))
end

local function prepared(fd)
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | fcntl.O_NONBLOCK)
    return fd
end

local function listen_on_port(options, parsed)
    local fd, why = socket.socket(parsed.family, socket.SOCK_STREAM, 0)
    local ok = fd
    if fd then
        prepared(fd)
        socket.setsockopt(fd, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ok, why = socket.bind(fd, parsed)
        if ok then
            ok, why = socket.listen(fd, BACKLOG)
        end
    end
    if ok then
        local bound = socket.getsockname(fd)
        options.address = (parsed.family == socket.AF_INET6 and "[%s]:%d" or "%s:%d"):format(parsed.addr, bound.port)
        return fd
    elseif fd then
        unistd.close(fd)
    end
    return nil, options.failure("failed_precondition", ("metrics on %s: %s"):format(options.address, why))
end

--- The listening descriptor, and for a unix socket what unlinks it.
local function open(options)
    if options.fd then
        return options.fd
    end
    local parsed, err = M.parse(options.address, options.failure)
    if not parsed then
        return nil, nil, err
    elseif not parsed.path then
        local fd
        fd, err = listen_on_port(options, parsed)
        return fd, nil, err
    end
    local listener
    listener, err = options.sys.listen(parsed.path)
    return listener and listener:take(), listener, err
end

local function drop(endpoint, connection)
    if endpoint.connections[connection.fd] ~= connection then
        return
    end
    endpoint.connections[connection.fd] = nil
    endpoint.count = endpoint.count - 1
    endpoint.options.timers:cancel(connection.timer)
    endpoint.options.watched[connection.fd] = nil
    endpoint.options.loop:watch(connection.fd, "")
    unistd.close(connection.fd)
    endpoint:listen()
end

local function again(number)
    return number == errno.EAGAIN or number == errno.EINTR
end

--- Writes what is left; closes when all is out.
local function push(endpoint, connection)
    while connection.at <= #connection.reply do
        local sent, _, number = socket.send(connection.fd, connection.reply:sub(connection.at, connection.at + 65535))
        if not sent then
            return not again(number) and drop(endpoint, connection) or nil
        end
        connection.at = connection.at + sent
    end
    return drop(endpoint, connection)
end

local function answer(endpoint, connection, status, body, head_only, type)
    local extra = status == 405 and "Allow: GET, HEAD\r\n" or ""
    connection.reply = ("HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%sConnection: close\r\n\r\n%s")
        :format(status, REASONS[status], type or "text/plain; charset=utf-8", #body, extra, head_only and "" or body)
    connection.at = 1
    endpoint.options.watched[connection.fd] = function() push(endpoint, connection) end
    endpoint.options.loop:watch(connection.fd, "w")
    push(endpoint, connection)
end

--- Status and body for a request line.
local function respond(endpoint, line)
    local method, target = line:match("^(%u+) (%S+) HTTP/1%.%d$")
    local path = target and target:match("^([^?#]*)")
    if not method then
        return 400, "this is no HTTP/1 request\n"
    elseif path ~= "/metrics" then
        return 404, "there is only /metrics\n"
    elseif method ~= "GET" and method ~= "HEAD" then
        return 405, "only GET and HEAD\n"
    end
    local ok, text = pcall(endpoint.options.text)
    if not ok then
        endpoint.options.failed(text)
        return 500, "a bug in a gauge, see the log\n"
    end
    return 200, text, method == "HEAD", endpoint.options.type
end

local function pull(endpoint, connection)
    local more, _, number = socket.recv(connection.fd, REQUEST_MAX)
    if not more or more == "" then
        return not (more == nil and again(number)) and drop(endpoint, connection) or nil
    end
    connection.request = connection.request .. more
    if #connection.request > REQUEST_MAX then
        return answer(endpoint, connection, 431, "a request has at most 8 KiB\n")
    elseif connection.request:find("\r?\n\r?\n") then
        return answer(endpoint, connection, respond(endpoint, connection.request:match("^[^\r\n]*")))
    end
end

local function accept(endpoint)
    local fd = socket.accept(endpoint.fd)
    if not fd then
        return
    end
    local connection = { fd = prepared(fd), request = "" }
    endpoint.connections[fd] = connection
    endpoint.count = endpoint.count + 1
    connection.timer = endpoint.options.timers:after(SECONDS, function() drop(endpoint, connection) end)
    endpoint.options.watched[fd] = function() pull(endpoint, connection) end
    endpoint.options.loop:watch(fd, "r")
    endpoint:listen()
end

--- Takes connections while there are few enough; the others wait in the kernel.
function Endpoint:listen()
    local wanted = self.fd and self.count < CONNECTIONS_MAX or false
    if wanted ~= self.listening and self.fd then
        self.listening = wanted
        self.options.loop:watch(self.fd, wanted and "r" or "")
    end
end

---@param options moonsnap.service.EndpointOptions
---@return moonsnap.service.Endpoint?
---@return moonsnap.Error? err
function M.new(options)
    local fd, listener, err = open(options)
    if not fd then
        return nil, err
    end
    local self = setmetatable({
        options = options, address = options.address, fd = fd, listener = listener, connections = {}, count = 0,
        listening = false,
    }, Endpoint)
    options.watched[fd] = function() accept(self) end
    self:listen()
    return self
end

--- Closes everything; a unix socket is unlinked.
function Endpoint:close()
    if not self.fd then
        return
    end
    if self.listening then
        self.options.loop:watch(self.fd, "")
    end
    self.options.watched[self.fd] = nil
    unistd.close(self.fd)
    self.fd = nil
    for _, connection in pairs(self.connections) do
        drop(self, connection)
    end
    if self.listener then
        self.listener:close()
    end
end

return M
