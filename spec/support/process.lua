--- Children of the test: started, read, waited for, killed by their own pid.
local fcntl = require "posix.fcntl"
local poll = require "posix.poll"
local signal = require "posix.signal"
local stdlib = require "posix.stdlib"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"

local M = {}

---@class Process
---@field pid integer
local Process = {}
Process.__index = Process

M.WORKER = "spec/support/worker.lua"

local function become(argv, env)
    for name, value in pairs(env) do
        stdlib.setenv(name, value)
    end
    unistd.execp(argv[1], { table.unpack(argv, 2) })
    unistd._exit(127)
end

--- Starts a program; its standard output and error come back through `output`, its input is a pipe.
---@param argv string[]
---@param env? table<string, string>
---@return Process
function M.start(argv, env)
    local in_read, in_write = assert(unistd.pipe())
    local out_read, out_write = assert(unistd.pipe())
    local pid = assert(unistd.fork())
    if pid == 0 then
        unistd.dup2(in_read, 0)
        unistd.dup2(out_write, 1)
        unistd.dup2(out_write, 2)
        for _, fd in ipairs { in_read, in_write, out_read, out_write } do
            unistd.close(fd)
        end
        become(argv, env or {})
    end
    unistd.close(in_read)
    unistd.close(out_write)
    for _, fd in ipairs { in_write, out_read } do -- or the next child would hold this one's input open
        fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    end
    return setmetatable({ pid = pid, input = in_write, out = out_read, text = "" }, Process)
end

--- Starts the worker script in one of its modes.
function M.worker(mode, root, ...)
    return M.start({ "lua5.4", M.WORKER, mode, root, ... }, { ASAN_OPTIONS = M.asan_options() })
end

--- The sanitizer's options for children: no leak check, which neither kill nor ptrace lets end well.
function M.asan_options()
    local options = os.getenv("ASAN_OPTIONS")
    return (options and options .. ":" or "") .. "detect_leaks=0"
end

--- Reads until the output holds text, at most some seconds. Answers false at the end of output.
function Process:await(text, seconds)
    local till = os.time() + (seconds or 20)
    while not self.text:find(text, 1, true) do
        if os.time() > till then
            error(("no %q from %d: %s"):format(text, self.pid, self.text))
        end
        if poll.rpoll(self.out, 1000) == 1 then
            local more = unistd.read(self.out, 65536)
            if not more or more == "" then
                return false
            end
            self.text = self.text .. more
        end
    end
    return true
end

--- Closes its input: workers that wait for that go on.
function Process:release()
    if self.input then
        unistd.close(self.input)
        self.input = nil
    end
end

function Process:kill(number)
    signal.kill(self.pid, number or signal.SIGKILL)
end

--- Reads to the end and waits.
---@return string output, integer status  128 + number for a signal
function Process:finish()
    self:release()
    if self.out then
        while true do
            local more = unistd.read(self.out, 65536)
            if not more or more == "" then
                break
            end
            self.text = self.text .. more
        end
        unistd.close(self.out)
        self.out = nil
        local _, how, status = wait.wait(self.pid)
        self.status = how == "exited" and status or 128 + status
    end
    return self.text, self.status
end

Process.__close = function(self)
    if self.out then
        self:kill()
        self:finish()
    end
end

--- Runs a program to its end.
---@return string output, integer status
function M.run(argv, env)
    return M.start(argv, env):finish()
end

--- Runs a program that must exit with 0; raises with its output when not.
function M.must(...)
    local argv = { ... }
    local output, status = M.run(argv)
    if status ~= 0 then
        error(("%s: status %d: %s"):format(table.concat(argv, " "), status, output), 2)
    end
    return output
end

return M
