--- A program on a terminal of its own, as a person has it: keys go in, what the screen gets comes out.
---
---     local screen <close> = terminal.start({ "bin/moonsnap", "repl" }, { MOONSNAP_ROOT = root })
---     screen:await("moonsnap> ")
---     screen:type("1 + 1\r")
local fcntl = require "posix.fcntl"
local poll = require "posix.poll"
local process = require "spec.support.process"
local signal = require "posix.signal"
local stdlib = require "posix.stdlib"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"

local M = {}

---@class Terminal
---@field pid?   integer  while it runs
---@field text   string   all that came
---@field seen   integer  bytes of it that a test has looked at
local Terminal = {}
Terminal.__index = Terminal

local function become(name, argv, env)
    unistd.setpid("s") -- a session of its own, whose terminal is what it opens next
    local tty = assert(fcntl.open(name, fcntl.O_RDWR))
    for fd = 0, 2 do
        unistd.dup2(tty, fd)
    end
    stdlib.setenv("ASAN_OPTIONS", process.asan_options())
    for variable, value in pairs(env) do
        stdlib.setenv(variable, value or nil)
    end
    unistd.execp(argv[1], { table.unpack(argv, 2) })
    unistd._exit(127)
end

---@param argv string[]
---@param env table<string, string|false>
---@return Terminal
function M.start(argv, env)
    local master = assert(stdlib.openpt(fcntl.O_RDWR | fcntl.O_NOCTTY))
    assert(stdlib.grantpt(master))
    assert(stdlib.unlockpt(master))
    fcntl.fcntl(master, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    local name = assert(stdlib.ptsname(master))
    local pid = assert(unistd.fork())
    if pid == 0 then
        become(name, argv, env)
    end
    return setmetatable({ pid = pid, master = master, text = "", seen = 0 }, Terminal)
end

--- What comes within a second, without what moves the cursor or paints; false when nobody writes any more.
local function more(self)
    if poll.rpoll(self.master, 1000) ~= 1 then
        return true
    end
    local bytes = unistd.read(self.master, 65536)
    if not bytes or bytes == "" then
        return false
    end
    self.text = self.text .. bytes:gsub("\27%[[%d;?]*[%a]", ""):gsub("\r", "")
    return true
end

--- Waits until text comes behind what was looked at already.
---@param text string
---@return string between  what came before it
function Terminal:await(text)
    local till = os.time() + 20
    while not self.text:find(text, self.seen + 1, true) do
        if not more(self) or os.time() > till then
            error(("no %q on the screen:\n%s"):format(text, self.text:sub(self.seen + 1)), 2)
        end
    end
    local from, to = self.text:find(text, self.seen + 1, true)
    local between = self.text:sub(self.seen + 1, from - 1)
    self.seen = to
    return between
end

---@param keys string  "\r" is enter, "\t" TAB, "\3" ^C, "\4" ^D
function Terminal:type(keys)
    assert(unistd.write(self.master, keys))
end

--- Waits for its end.
---@return integer status
function Terminal:finish()
    local till = os.time() + 20
    while more(self) do
        assert(os.time() <= till, "it does not end")
    end
    local _, how, status = wait.wait(self.pid)
    self.pid = nil
    return how == "exited" and status or 128 + status
end

function Terminal:__close()
    if self.pid then
        signal.kill(self.pid, signal.SIGKILL)
        wait.wait(self.pid)
    end
    unistd.close(self.master)
end

return M
