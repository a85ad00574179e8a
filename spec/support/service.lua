--- A running service for a test: `moonsnap serve` in a process of its own, on a root and a socket of its own.
---
---     local served <close> = service.start { mode = "direct" }
---     ... connect to served.address, look at served.root ...
---
--- Closing it ends it by SIGTERM and fails unless it exits with 0 and no sanitizer has said anything.
local dkjson = require "dkjson"
local expect = require "spec.support.expect"
local fcntl = require "posix.fcntl"
local poll = require "posix.poll"
local signal = require "posix.signal"
local socket = require "posix.sys.socket"
local stdlib = require "posix.stdlib"
local time = require "posix.time"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"
local world = require "spec.support.world"

local M = {}

---@class ServiceOptions
---@field mode?    "proxy" | "direct"
---@field driver?  "overlay" | "native"
---@field beside?  Served                       on this one's root and address; closed before it
---@field config?  string                       text of its configuration file
---@field args?    string[]                     more words of its command line
---@field env?     table<string, string|false>  false takes a variable away
---@field command? string[]                     instead of bin/moonsnap: what starts it
---@field level?   string                       of its log; "debug"
---@field bugs?    true                         bugs in handlers and timers are what the test is about
---@field inherit? table<integer, integer>      descriptors of ours that it gets, by the number they have there

---@class Served
---@field dir     string   everything of it is below
---@field root    string   the store's root
---@field address string   the socket's path
---@field pid?    integer  while it runs
---@field status? integer  once it has ended: exit status, or 128 + the number of a signal
---@field notes   string   what it told its NOTIFY_SOCKET
local Served = {}
Served.__index = Served

local REPORTS = { "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", '"msg":"a bug in a ' }

local function now()
    local at = time.clock_gettime(time.CLOCK_MONOTONIC)
    return at.tv_sec + at.tv_nsec / 1e9
end

--- A service that does not run yet.
---@param options? ServiceOptions
---@return Served
function M.new(options)
    local other = options and options.beside
    local home = not other and world.bare() or nil
    local self = setmetatable({
        home = home, dir = home and home.dir or tree.mkdir(other.dir .. "/beside"), options = options or {}, notes = "",
    }, Served)
    self.root = other and other.root or home.root
    self.address = other and other.address or self.dir .. "/s"
    if self.options.config then
        self:configure(self.options.config)
    end
    return self
end

--- A service that answers.
---@param options? ServiceOptions
---@return Served
function M.start(options)
    local self = M.new(options)
    local ok, err = pcall(self.start, self)
    if not ok then
        self:close(err)
        error(err, 0)
    end
    return self
end

--- Writes its configuration file.
---@param text string
function Served:configure(text)
    self.config = self.dir .. "/config.lua"
    tree.write(self.config, text)
    assert(os.execute("chmod 0600 " .. self.config))
end

local function command_line(self)
    local options = self.options
    local argv = table.move(options.command or { "bin/moonsnap" }, 1, #(options.command or { 1 }), 1, {})
    local words = { "serve", "--root", self.root, "--log-level", options.level or "debug" }
    if not options.inherit then
        table.move({ "--address", self.address }, 1, 2, #words + 1, words)
    end
    for _, name in ipairs { "mode", "driver" } do
        if options[name] then
            table.move({ "--" .. name, options[name] }, 1, 2, #words + 1, words)
        end
    end
    if self.config then
        table.move({ "--config", self.config }, 1, 2, #words + 1, words)
    end
    table.move(options.args or {}, 1, #(options.args or {}), #words + 1, words)
    return table.move(words, 1, #words, #argv + 1, argv)
end

local function become(self, argv, stdout)
    local log = assert(fcntl.open(self.dir .. "/log", fcntl.O_WRONLY | fcntl.O_CREAT | fcntl.O_APPEND, 384))
    local null = assert(fcntl.open("/dev/null", fcntl.O_RDONLY))
    unistd.dup2(null, 0)
    unistd.dup2(stdout, 1)
    unistd.dup2(log, 2)
    local count = 0
    for target, fd in pairs(self.options.inherit or {}) do
        if fd == target then
            fcntl.fcntl(fd, fcntl.F_SETFD, 0)
        else
            unistd.dup2(fd, target)
        end
        count = count + 1
    end
    if count > 0 then
        stdlib.setenv("LISTEN_PID", tostring(unistd.getpid()))
        stdlib.setenv("LISTEN_FDS", tostring(count))
    end
    stdlib.setenv("NOTIFY_SOCKET", self.dir .. "/notify")
    for name, value in pairs(self.options.env or {}) do
        stdlib.setenv(name, value or nil)
    end
    unistd.execp(argv[1], { table.unpack(argv, 2) })
    unistd._exit(127)
end

local function listen_to_notes(self)
    local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM, 0))
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    tree.remove(self.dir .. "/notify")
    assert(socket.bind(fd, { family = socket.AF_UNIX, path = self.dir .. "/notify" }))
    return fd
end

--- Starts the process; does not wait.
function Served:launch()
    assert(not self.pid, "it runs already")
    local argv = command_line(self)
    self.notify = self.notify or listen_to_notes(self)
    self.notes, self.status = "", nil
    local out, stdout = assert(unistd.pipe())
    fcntl.fcntl(out, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    local pid = assert(unistd.fork())
    if pid == 0 then
        become(self, argv, stdout)
    end
    unistd.close(stdout)
    self.pid, self.out, self.output = pid, out, ""
end

--- Starts it and waits until it says that it is ready.
function Served:start()
    self:launch()
    self:await_note("READY=1")
    return self
end

local function reap(self)
    unistd.close(self.out)
    local _, how, status = wait.wait(self.pid)
    self.status = how == "exited" and status or 128 + status
    self.pid, self.out = nil, nil
end

--- Waits for its socket of notes and for its end, at most some seconds. Its standard output is open while it lives.
local function watch(self, seconds)
    local fds = { [self.notify] = { events = { IN = true } }, [self.out] = { events = { IN = true } } }
    if poll.poll(fds, math.max(0, math.ceil(seconds * 1000))) == 0 then
        return
    end
    if fds[self.notify].revents.IN then
        self.notes = self.notes .. assert(socket.recv(self.notify, 4096)) .. "\n"
    elseif fds[self.out].revents.IN or fds[self.out].revents.HUP then
        local more = unistd.read(self.out, 65536)
        self.output = self.output .. (more or "")
        if not more or more == "" then
            reap(self)
        end
    end
end

--- Waits until it has told its NOTIFY_SOCKET text.
---@param text string
---@param seconds? number
function Served:await_note(text, seconds)
    local till = now() + (seconds or 20)
    while not self.notes:find(text, 1, true) do
        if not self.pid then
            error(("the service ended with status %d before %s:\n%s"):format(self.status, text, self:log()), 0)
        elseif now() > till then
            error(("the service did not say %s but %q:\n%s"):format(text, self.notes, self:log()), 0)
        end
        watch(self, till - now())
    end
end

--- What it has written to standard error so far.
---@return string
function Served:log()
    return tree.exists(self.dir .. "/log") and tree.read(self.dir .. "/log") or ""
end

--- The entries of its log, as JSON has them.
---@return table[]
function Served:entries()
    local list = {}
    for line in self:log():gmatch("[^\n]+") do
        list[#list + 1] = assert(dkjson.decode(line), line)
    end
    return list
end

--- The first entry with that message.
---@param message string
---@return table?
function Served:entry(message)
    for _, one in ipairs(self:entries()) do
        if one.msg == message then
            return one
        end
    end
end

--- Waits until its log holds text (plain).
---@param text string
---@param seconds? number
function Served:await_log(text, seconds)
    local till = now() + (seconds or 10)
    while not self:log():find(text, 1, true) do
        if not self.pid or now() > till then
            error(("%q is not in the log:\n%s"):format(text, self:log()), 0)
        end
        watch(self, 0.02)
    end
end

---@param number? integer  SIGTERM
function Served:signal(number)
    signal.kill(self.pid, number or signal.SIGTERM)
end

--- Waits for its end and answers its status; raises when it does not end, or a sanitizer has found something.
---@param seconds? number
---@return integer status
function Served:finish(seconds)
    local till = now() + (seconds or 30)
    while self.pid do
        if now() > till then
            self:kill()
            error("the service did not end:\n" .. self:log(), 0)
        end
        watch(self, till - now())
    end
    local log = self:log()
    for _, report in ipairs(REPORTS) do
        if log:find(report, 1, true) and not (self.options.bugs and report:find("bug", 1, true)) then
            error(log, 0)
        end
    end
    return self.status
end

--- Ends it by SIGTERM; raises unless it exits with 0.
function Served:stop()
    if self.pid then
        self:signal()
        local status = self:finish()
        if status ~= 0 then
            error(("the service ended with status %d:\n%s"):format(status, self:log()), 0)
        end
    end
end

--- Ends it by SIGKILL, as a crash would.
function Served:kill()
    if self.pid then
        signal.kill(self.pid, signal.SIGKILL)
        reap(self)
    end
end

function Served:close(failure)
    local failed = failure ~= nil or expect.unwinding()
    local ok, wrong = true, nil
    if failed then
        io.stderr:write("the service's log:\n", self:log():sub(-8000), "\n")
        self:kill()
    else
        ok, wrong = pcall(self.stop, self)
    end
    if self.notify then
        unistd.close(self.notify)
        self.notify = nil
    end
    if self.home then
        self.home:close(not ok and wrong or failed and true or nil)
    end
    if not ok then
        error(wrong, 0)
    end
end

Served.__close = Served.close

return M
