--- The command as a person types it: bin/moonsnap in a process of its own, against one store.
---
---     local moonsnap = command.on(home.root)
---     assert.equal(0, moonsnap("prepare", "a").code)
local dkjson = require "dkjson"
local process = require "spec.support.process"
local stdlib = require "posix.stdlib"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"

local fcntl = require "posix.fcntl"

local M = {}

---@class Answer
---@field code integer  exit status; 128 + number for a signal
---@field out  string
---@field err  string
local Answer = {}
Answer.__index = Answer

--- Standard output as JSON.
function Answer:json()
    local value, _, wrong = dkjson.decode(self.out)
    return value ~= nil and value or error(("%s in %q, with %q"):format(wrong, self.out, self.err))
end

--- The error that --json prints on standard error.
function Answer:failure()
    local value, _, wrong = dkjson.decode(self.err)
    return value and value.error or error(("%s in %q"):format(tostring(wrong), self.err))
end

--- Standard output as lines.
---@return string[]
function Answer:lines()
    local lines = {}
    for line in self.out:gmatch("([^\n]*)\n") do
        lines[#lines + 1] = line
    end
    return lines
end

local function redirect(path, flags, fd)
    local opened = assert(fcntl.open(path, flags, 384))
    unistd.dup2(opened, fd)
    unistd.close(opened)
end

local function become(dir, argv, env)
    redirect(dir .. "/in", fcntl.O_RDONLY, 0)
    redirect(env.STDOUT or dir .. "/out", fcntl.O_WRONLY | fcntl.O_CREAT, 1)
    redirect(dir .. "/err", fcntl.O_WRONLY | fcntl.O_CREAT, 2)
    env.STDOUT = nil
    for name, value in pairs(env) do
        stdlib.setenv(name, value or nil)
    end
    unistd.execp(argv[1], { table.unpack(argv, 2) })
    unistd._exit(127)
end

--- Runs a program to its end. A variable that is false is taken away; STDOUT names a file to write to.
---@param argv string[]
---@param how? {stdin?: string, env?: table<string, string|false>}
---@return Answer
function M.run(argv, how)
    local dir = assert(stdlib.mkdtemp((os.getenv("TMPDIR") or "/tmp") .. "/ms-command.XXXXXX"))
    tree.write(dir .. "/in", how and how.stdin or "")
    local env = { ASAN_OPTIONS = process.asan_options() }
    for name, value in pairs(how and how.env or {}) do
        env[name] = value
    end
    local pid = assert(unistd.fork())
    if pid == 0 then
        become(dir, argv, env)
    end
    local _, ended, status = wait.wait(pid)
    local answer = setmetatable({
        code = ended == "exited" and status or 128 + status,
        out = tree.read(dir .. "/out") or "",
        err = tree.read(dir .. "/err") or "",
    }, Answer)
    tree.remove(dir)
    return answer
end

--- The command on a store: called with words, it answers what run answers.
---@param root string
---@return fun(...: string): Answer
function M.on(root)
    return function(...)
        return M.run({ "bin/moonsnap", ... }, { env = { MOONSNAP_ROOT = root, MOONSNAP_NAMESPACE = false } })
    end
end

return M
