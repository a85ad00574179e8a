--- Where the service listens: on the socket that a service manager passed, or on one that it makes.

local socket = require "posix.sys.socket"
local stat = require "posix.sys.stat"

local M = {}

---@class moonsnap.service.Sockets
---@field fd        integer             for the service
---@field address   string              for people
---@field listener? moonsnap.Listener   of a socket that we made
---@field metrics?  integer             a passed socket named "metrics"

---@class moonsnap.service.ListenOptions
---@field sys      moonsnap.Sys
---@field failure  fun(kind: string, message: string): moonsnap.Error
---@field address? string
---@field root     boolean               is this the machine's root
---@field getenv   fun(name: string): string?

--- Where a service is found that was not told otherwise; nil when nothing says it.
---@param root boolean
---@param getenv fun(name: string): string?
---@return string? path
function M.default(root, getenv)
    if root then
        return "/run/moonsnap/moonsnap.sock"
    end
    local dir = getenv("XDG_RUNTIME_DIR")
    return dir and dir ~= "" and dir .. "/moonsnap.sock" or nil
end

--- Sorts out what was passed.
local function inherited(options, passed)
    local main, metrics
    for _, given in ipairs(passed) do
        if given.name == "metrics" then
            metrics = given.fd
        elseif main then
            return nil, options.failure("invalid_argument", ("two sockets were passed (descriptors %d and %d): one is "
                .. "served, a second one must be named metrics"):format(main.fd, given.fd))
        else
            main = given
        end
    end
    if main and not main.unix then
        return nil, options.failure("failed_precondition",
            ("descriptor %d, which was passed, is no unix stream socket that listens"):format(main.fd))
    end
    local name = main and socket.getsockname(main.fd)
    return { fd = main and main.fd, metrics = metrics, address = name and name.path or "a socket that was passed" }
end

---@param options moonsnap.service.ListenOptions
---@return moonsnap.service.Sockets? sockets
---@return moonsnap.Error? err
function M.open(options)
    local passed, err = options.sys.listen_fds()
    local sockets
    if passed then
        sockets, err = inherited(options, passed)
    end
    if not sockets or sockets.fd then
        return sockets, err
    end
    local path = options.address or M.default(options.root, options.getenv)
    if not path then
        return nil, options.failure("invalid_argument", "neither --address nor XDG_RUNTIME_DIR says where to listen")
    end
    local directory = path:match("^(.+)/")
    if directory then
        stat.mkdir(directory, 448) -- where it is there already, nothing happens
    end
    sockets.listener, err = options.sys.listen(path)
    if not sockets.listener then
        return nil, err
    end
    sockets.fd, sockets.address = sockets.listener:take(), path
    return sockets
end

return M
