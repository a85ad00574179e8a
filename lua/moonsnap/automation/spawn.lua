--- Programs that automation may start: no shell, an environment of its own, a deadline, and its output.
---
---     local ran = assert(spawn { "/usr/bin/logger", "-t", "moonsnap", text })
---     if ran.status ~= 0 then log(ran.output) end

local fcntl = require "posix.fcntl"
local signal = require "posix.signal"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"

local M = {}

local OUTPUT_MAX = 65536 -- bytes that are kept; what comes after them is read and dropped
local INPUT_MAX = 65536 -- what a pipe takes without a reader
local PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

--- What is open while a program runs; closing it ends the program, whatever happens.
local Running = {}
Running.__index = Running

local function close(self, name)
    if self[name] then
        unistd.close(self[name])
        self[name] = nil
    end
end

--- Ends everything that the program has started, and reaps it.
function Running:__close()
    for _, name in ipairs { "input", "output", "into", "from" } do
        close(self, name)
    end
    if self.pid then
        signal.kill(-self.pid, signal.SIGKILL)
        wait.wait(self.pid)
        self.pid = nil
    end
    close(self, "pidfd")
    if self.among then
        self.among[self] = nil
    end
end

local function pipe()
    local reads, writes = unistd.pipe()
    if not reads then
        return nil, writes
    end
    for _, fd in ipairs { reads, writes } do
        fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    end
    return reads, writes
end

--- Starts argv with its pipes.
local function start(self, sys, argv, env, input)
    self.output, self.into = pipe()
    if not self.output then
        return nil, self.into
    end
    fcntl.fcntl(self.output, fcntl.F_SETFL, fcntl.O_NONBLOCK)
    if input then
        self.from, self.input = pipe()
        fcntl.fcntl(self.input, fcntl.F_SETFL, fcntl.O_NONBLOCK)
        unistd.write(self.input, input)
        close(self, "input")
    end
    local pid, pidfd = sys.spawn(argv, env, self.from or -1, self.into)
    if not pid then
        return nil, pidfd
    end
    self.pid, self.pidfd = pid, pidfd
    close(self, "into")
    close(self, "from")
    return true
end

--- Reads what there is: true at the end of it.
local function drain(self, parts)
    while true do
        local more = unistd.read(self.output, 16384)
        if not more then
            return false
        elseif more == "" then
            return true
        end
        if parts.size < OUTPUT_MAX then
            parts[#parts + 1] = more:sub(1, OUTPUT_MAX - parts.size)
            parts.size = parts.size + #more
        end
    end
end

--- Waits for the end; reads meanwhile, and once more after it. What its children hold open is not waited for.
local function finish(self, waiting, deadline)
    local parts, ended = { size = 0 }, false
    while not ended do
        if drain(self, parts) then
            ended = true
        elseif not waiting:on(self.output, "r", math.min(deadline, waiting.clock() + 0.1)) then
            ended = waiting:on(self.pidfd, "r", waiting.clock()) or waiting.clock() >= deadline
        end
    end
    if not waiting:on(self.pidfd, "r", deadline) then
        return nil
    end
    drain(self, parts)
    local _, how, status = wait.wait(self.pid)
    signal.kill(-self.pid, signal.SIGKILL)
    self.pid = nil
    return { status = how == "exited" and status or 128 + status, output = table.concat(parts) }
end

---@class moonsnap.automation.SpawnOptions
---@field argv    string[]  an absolute path first
---@field env?    table<string, string>  beside PATH
---@field input?  string    its standard input, at most 64 KiB
---@field seconds number    after which it is killed, with all that it started
---@field sys     moonsnap.Sys
---@field waiting moonsnap.automation.Waiting
---@field failure fun(kind: string, message: string): moonsnap.Error
---@field running? table<table, true>  those that run just now: for whom ends before they do, see kill

--- Ends all programs of a set at once.
---@param running table<table, true>
function M.kill(running)
    for one in pairs(running) do
        Running.__close(one)
    end
end

--- Runs a program to its end.
---@param options moonsnap.automation.SpawnOptions
---@return {status: integer, output: string}? ran  status is 128 + number for a signal
---@return moonsnap.Error? err  not_found, permission_denied; deadline_exceeded
function M.run(options)
    local failure, doing = options.failure, ("spawn %s"):format(options.argv[1])
    if options.input and #options.input > INPUT_MAX then
        return nil, failure("invalid_argument", doing .. ": input: at most 64 KiB")
    end
    local env = { PATH, "LC_ALL=C.UTF-8" }
    for name, value in pairs(options.env or {}) do
        env[#env + 1] = name .. "=" .. value
    end
    table.sort(env)
    local running <close> = setmetatable({ among = options.running }, Running)
    if options.running then
        options.running[running] = true
    end
    local ok, why = start(running, options.sys, options.argv, env, options.input)
    if not ok then
        return nil, type(why) == "table" and why or failure("internal", ("%s: %s"):format(doing, why))
    end
    local ran = finish(running, options.waiting, options.waiting.clock() + options.seconds)
    if not ran then
        return nil, failure("deadline_exceeded", ("%s: it was still running after %g seconds, and was ended")
            :format(doing, options.seconds))
    end
    return ran
end

return M
