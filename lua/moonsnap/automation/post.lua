--- HTTP POST over a unix socket: what somebody listens with who wants to be told.
---
---     post("/run/audit.sock", "/changes", body)        true when it was answered with 2xx

local errno = require "posix.errno"
local fcntl = require "posix.fcntl"
local socket = require "posix.sys.socket"
local unistd = require "posix.unistd"

local M = {}

local ANSWER_MAX = 65536 -- bytes of an answer that are looked at
local BODY_MAX = 1 << 20

local AGAIN = { [errno.EAGAIN] = true, [errno.EINTR] = true }

local function open(path)
    local fd, why = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0)
    if not fd then
        return nil, why
    end
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | fcntl.O_NONBLOCK)
    local ok, wrong = socket.connect(fd, { family = socket.AF_UNIX, path = path })
    if not ok then -- a unix socket answers at once, or its queue is full, which is an answer too
        unistd.close(fd)
        return nil, wrong
    end
    return fd
end

--- Sends all of text; or nil and why not.
local function send(fd, text, waiting, deadline)
    local at = 1
    while at <= #text do
        local sent, why, number = socket.send(fd, text:sub(at, at + 65535))
        if sent then
            at = at + sent
        elseif not AGAIN[number] then
            return nil, why
        elseif not waiting:on(fd, "w", deadline) then
            return nil, "nobody read it in time"
        end
    end
    return true
end

--- The status that an answer has so far, nil while its first line is not whole; 100 and its like are passed over.
local function status_of(answer)
    local status, rest = answer:match("^HTTP/1%.%d (%d%d%d)[^\r\n]*\r?\n(.*)$")
    while status and status:find("^1") do
        local following = rest:match("^\r?\n(.*)$") or rest:match("\r?\n\r?\n(.*)$")
        status, rest = (following or ""):match("^HTTP/1%.%d (%d%d%d)[^\r\n]*\r?\n(.*)$")
    end
    return tonumber(status)
end

--- The status of an answer, as soon as it is known.
local function receive(fd, waiting, deadline)
    local answer = ""
    while #answer < ANSWER_MAX do
        local more, why, number = socket.recv(fd, 4096)
        if more and more ~= "" then
            answer = answer .. more
            local status = status_of(answer)
            if status then
                return status
            elseif answer:find("\n", 1, true) and not answer:find("^HTTP/1") then
                return nil, "the answer is no HTTP/1"
            end
        elseif more then
            return nil, "it closed without an answer"
        elseif not AGAIN[number] then
            return nil, why
        elseif not waiting:on(fd, "r", deadline) then
            return nil, "no answer in time"
        end
    end
    return nil, "the answer is no HTTP/1"
end

local function talk(fd, path, body, waiting, deadline)
    local request = ("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
        .. "Connection: close\r\n\r\n%s"):format(path, #body, body)
    local ok, why = send(fd, request, waiting, deadline)
    local status
    if ok then
        status, why = receive(fd, waiting, deadline)
    end
    return status, why
end

---@class moonsnap.automation.PostOptions
---@field socket  string   absolute path
---@field path    string   "/changes"
---@field body    string
---@field seconds number   that all of it may take
---@field waiting moonsnap.automation.Waiting
---@field failure fun(kind: string, message: string): moonsnap.Error

--- Posts a body.
---@param options moonsnap.automation.PostOptions
---@return true? ok
---@return moonsnap.Error? err  unavailable: nobody listens, no answer in time, or one that is not 2xx
function M.send(options)
    local failure, doing = options.failure, ("post to %s"):format(options.socket)
    if not options.path:find("^/[%w%-._~!$&'()*+,;=:@%%/?]*$") then
        return nil, failure("invalid_argument", ("%s: '%s' is no path"):format(doing, options.path:sub(1, 80)))
    elseif #options.body > BODY_MAX then
        return nil, failure("invalid_argument", ("%s: a body of at most 1 MiB"):format(doing))
    end
    local fd, why = open(options.socket)
    if not fd then
        return nil, failure("unavailable", ("%s: %s"):format(doing, why))
    end
    local waiting = options.waiting
    local ran, status, wrong = pcall(talk, fd, options.path, options.body, waiting, waiting.clock() + options.seconds)
    unistd.close(fd)
    if not ran then
        error(status, 0)
    elseif not status then
        return nil, failure("unavailable", ("%s: %s"):format(doing, wrong))
    elseif status < 200 or status > 299 then
        return nil, failure("unavailable", ("%s: it answered %d"):format(doing, status))
    end
    return true
end

return M
