--- Servers that are measured: containerd's own and this one, each a process on a root of its own, and the client
--- that loads them.
local fcntl = require "posix.fcntl"
local golang = require "spec.support.golang"
local signal = require "posix.signal"
local socket = require "posix.sys.socket"
local time = require "posix.time"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"

local M = {}

local LOAD = os.getenv("MOONSNAP_SPEC_TOOLS") .. "/load"
local READY_TRIES, READY_NANOSECONDS = 3000, 10000000

---@class bench.Server
---@field name    string
---@field root    string
---@field address string
---@field pid     integer
local Server = {}
Server.__index = Server

---@class bench.Load     what one run of the client saw
---@field rate  number   calls a second
---@field cpu   number   microseconds of the server's processor time a call
---@field p50   number   microseconds
---@field p99   number
---@field calls integer
---@field infos integer
---@field seconds number

--- A server that does not run yet; its root and all else of it are below home.
local function new(home, name, argv)
    local self = { name = name, root = ("%s/%s"):format(home, name) }
    self.address, self.log = self.root .. ".sock", self.root .. ".log"
    self.argv = argv(self)
    return setmetatable(self, Server)
end

--- containerd's own, built as the specs build their Go programs.
function M.peer(home, name)
    local program = golang.build("bench/peer")
    return new(home, name, function(self)
        return { program, self.root, self.address }
    end)
end

--- This one, as it is after an installation.
function M.moonsnap(home, name)
    return new(home, name, function(self)
        return { "bin/moonsnap", "serve", "--root", self.root, "--address", self.address, "--log-level", "warn",
            "--log-format", "json" }
    end)
end

local function answers(address)
    local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
    local good = socket.connect(fd, { family = socket.AF_UNIX, path = address })
    unistd.close(fd)
    return good ~= nil
end

local function become(self)
    local log = assert(fcntl.open(self.log, fcntl.O_WRONLY | fcntl.O_CREAT | fcntl.O_APPEND, 384))
    unistd.dup2(log, 1)
    unistd.dup2(log, 2)
    unistd.execp(self.argv[1], { table.unpack(self.argv, 2) })
    unistd._exit(127)
end

--- Starts it and waits until it takes connections.
function Server:start()
    assert(os.execute(("mkdir -p '%s' && rm -f '%s'"):format(self.root, self.address)))
    self.pid = assert(unistd.fork())
    if self.pid == 0 then
        become(self)
    end
    for _ = 1, READY_TRIES do
        if answers(self.address) then
            return self
        end
        if wait.wait(self.pid, wait.WNOHANG) ~= 0 then
            break
        end
        time.nanosleep { tv_sec = 0, tv_nsec = READY_NANOSECONDS }
    end
    local log <close> = assert(io.open(self.log))
    error(("%s does not serve: %s"):format(self.name, log:read("a")))
end

function Server:stop()
    signal.kill(self.pid, signal.SIGTERM)
    wait.wait(self.pid)
    self.pid = nil
end

function Server:__close()
    if self.pid then
        self:stop()
    end
end

local function command(self, operation, callers, options)
    local words = { ("'%s' '%s' %s %d pid=%d"):format(LOAD, self.address, operation, callers, self.pid) }
    for name, value in pairs(options) do
        words[#words + 1] = ("%s=%s"):format(name, value)
    end
    return table.concat(words, " ")
end

local function read_load(pipe)
    local calls, took, cpu, p50, p99, infos = pipe:read("n", "n", "n", "n", "n", "n")
    assert(pipe:close(), "the client failed")
    return { calls = calls, seconds = took / 1e9, rate = calls / took * 1e9, cpu = cpu / calls / 1e3, p50 = p50 / 1e3,
        p99 = p99 / 1e3, infos = infos }
end

--- Starts the client; the function it answers waits for it.
---@param options table<string, string|number>  see load.c
---@return fun(): bench.Load
function Server:begin(operation, callers, options)
    local pipe = assert(io.popen(command(self, operation, callers, options)))
    return function()
        return read_load(pipe)
    end
end

--- Loads it and waits.
---@return bench.Load
function Server:load(operation, callers, options)
    return self:begin(operation, callers, options)()
end

--- Resident memory in megabytes: all of it, and its share of what others use too.
---@return {rss: number, pss: number}
function Server:memory()
    local file <close> = assert(io.open(("/proc/%d/smaps_rollup"):format(self.pid)))
    local text = file:read("a")
    return { rss = tonumber(text:match("Rss:%s*(%d+)")) / 1024, pss = tonumber(text:match("Pss:%s*(%d+)")) / 1024 }
end

return M
