--- What automation files may do outside of the store: within what they are given, and no longer than they are given.
local environment = require "moonsnap.automation.environment"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local signal = require "posix.signal"
local socket = require "posix.sys.socket"
local task = require "moonsnap.service.task"
local timers = require "moonsnap.service.timers"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"
local waiting = require "moonsnap.automation.waiting"
local words = require "moonsnap.automation.words"
local world = require "spec.support.world"

local fails, fails_saying = expect.fails, expect.fails_saying

local function words_of(grant, more)
    local options = {
        grant = { path = "a.lua", spawn = grant.spawn or {}, files = grant.files or {}, sockets = grant.sockets or {} },
        sys = moonsnap.sys, waiting = waiting.polling(moonsnap.sys.steady), failure = moonsnap.error,
        log = function() end,
    }
    for name, value in pairs(more or {}) do
        options[name] = value
    end
    return words.new(options)
end

local function raises(saying, fn, ...)
    local ok, raised = pcall(fn, ...)
    assert.is_false(ok)
    assert.is_truthy(tostring(raised):find(saying, 1, true), tostring(raised))
end

describe("append(path, line)", function()
    it("adds a line to a file that it is given, and makes it for the owner and group", function()
        local home <close> = world.bare()
        local path = home.dir .. "/log"
        local append = words_of { files = { path } }.append
        assert(append(path, "one"))
        assert(append(path, "two\n"))
        assert.equal("one\ntwo\n", tree.read(path))
        assert.equal(416, tree.lstat(path).st_mode & 511)
    end)

    it("adds to files below a folder that it is given, and not to those beside it", function()
        local home <close> = world.bare()
        local append = words_of { files = { home.dir .. "/logs/" } }.append
        tree.mkdir(home.dir .. "/logs")
        assert(append(home.dir .. "/logs/a", "x"))
        for _, path in ipairs { "/logs/../b", "/logs", "/logs/", "/logsb", "/logs/./c", "/logs/.." } do
            raises("is not among the files", append, home.dir .. path, "x")
        end
    end)

    it("follows no link, and says what the system said", function()
        local home <close> = world.bare()
        local append = words_of { files = { home.dir .. "/" } }.append
        unistd.link("/etc/passwd", home.dir .. "/link", true)
        fails("unavailable", append(home.dir .. "/link", "x"))
        fails_saying("unavailable", "No such file", append(home.dir .. "/none/x", "x"))
        raises("at most 64 KiB", append, home.dir .. "/x", ("x"):rep(65537))
    end)
end)

--- A listener at a unix socket in a process of its own, which answers each connection with a text, "" for never.
local Server = {}
Server.__index = Server

local function serve(home, answer)
    local self = setmetatable({ path = home.dir .. "/sock", file = home.dir .. "/got" }, Server)
    local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
    assert(socket.bind(fd, { family = socket.AF_UNIX, path = self.path }))
    assert(socket.listen(fd, 5))
    self.pid = assert(unistd.fork())
    if self.pid == 0 then
        while true do
            local one = socket.accept(fd)
            local got = ""
            while not got:find("\r\n\r\n", 1, true)
                or #got:match("\r\n\r\n(.*)$") < tonumber(got:match("Content%-Length: (%d+)")) do
                got = got .. socket.recv(one, 4096)
            end
            tree.write(self.file, got)
            if answer == "" then
                unistd.sleep(60)
            end
            socket.send(one, answer)
            unistd.close(one)
        end
    end
    unistd.close(fd)
    return self
end

function Server:__close()
    signal.kill(self.pid, signal.SIGKILL)
    wait.wait(self.pid)
end

describe("post(socket, path, body)", function()
    it("posts a body and is content with 2xx", function()
        local home <close> = world.bare()
        local server <close> = serve(home, "HTTP/1.1 204 No Content\r\n\r\n")
        local post = words_of { sockets = { server.path } }.post
        assert.is_true(assert(post(server.path, "/changes?x=1", ("b"):rep(200000))))
        local got = tree.read(server.file)
        assert.is_truthy(got:find("^POST /changes%?x=1 HTTP/1%.1\r\n"))
        assert.equal(200000, #got:match("\r\n\r\n(.*)$"))
    end)

    for answer, why in pairs {
        ["HTTP/1.1 500 No\r\n\r\n"] = "it answered 500", ["SSH-2.0\r\n"] = "no HTTP/1",
        ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\n\r\n"] = "it answered 404",
    } do
        it(("fails when the answer is %q"):format(answer), function()
            local home <close> = world.bare()
            local server <close> = serve(home, answer)
            fails_saying("unavailable", why, words_of({ sockets = { server.path } }).post(server.path, "/", "x"))
        end)
    end

    it("fails when nobody listens, and when nobody answers in time", function()
        local home <close> = world.bare()
        local post = words_of({ sockets = { home.dir .. "/sock" } }).post
        fails_saying("unavailable", "No such file", post(home.dir .. "/sock", "/", "x"))
        local server <close> = serve(home, "")
        fails_saying("unavailable", "no answer in time", post(server.path, "/", "x", 0.1))
    end)

    it("is refused for other sockets, and for what is no path", function()
        local post = words_of({ sockets = { "/run/a" } }).post
        raises("is not among the sockets", post, "/run/b", "/", "x")
        fails("invalid_argument", post("/run/a", "/ HTTP/1.1\r\nX: y", "x"))
    end)
end)

describe("spawn{argv}", function()
    local spawn = words_of({ spawn = { "/bin/sh", "/bin/cat", "/nonexistent", "/bin/sleep" } }).spawn

    it("answers the status and what it wrote to both its outputs", function()
        assert.same({ status = 3, output = "out err " },
            assert(spawn { "/bin/sh", "-c", "printf 'out '; printf 'err ' >&2; exit 3" }))
        assert.same({ status = 137, output = "" }, assert(spawn { "/bin/sh", "-c", "kill -9 $$" }))
    end)

    it("gives it a path, what env says, its input, and nothing of ours", function()
        local ran = assert(spawn { "/bin/sh", "-c", "cat; /usr/bin/env | sort; ls /proc/self/fd | wc -l",
            input = "in\n", env = { X = "y" } })
        assert.is_truthy(ran.output:find("^in\nLC_ALL=C.UTF%-8\nPATH=/usr[^\n]*\nPWD=[^\n]*\nX=y\n"), ran.output)
        assert.equal("4", ran.output:match("(%d+)%s*$")) -- 0, 1, 2 and what ls reads the folder with
    end)

    it("ends it, and what it started, when its time is over", function()
        local began = moonsnap.sys.steady()
        fails_saying("deadline_exceeded", "still running after 0.2 seconds",
            spawn { "/bin/sh", "-c", "/bin/sleep 60 & /bin/sleep 60; wait", seconds = 0.2 })
        assert.is_true(moonsnap.sys.steady() - began < 30)
    end)

    it("keeps 64 KiB of a long output", function()
        assert.equal(65536, #assert(spawn { "/bin/sh", "-c", "/usr/bin/head -c 300000 /dev/zero" }).output)
    end)

    it("does not wait for what goes on in the background", function()
        assert.equal("x", assert(spawn { "/bin/sh", "-c", "/bin/sleep 60 & printf x", seconds = 20 }).output)
    end)

    it("fails for a program that is not there", function()
        fails_saying("not_found", "/nonexistent", spawn { "/nonexistent" })
    end)

    it("raises for what it is not given, and for misuse", function()
        raises("is not among the programs", spawn, { "/bin/ls" })
        raises("is not among the programs", spawn, { "sh" })
        raises("there is no option 'shell'", spawn, { "/bin/sh", shell = true })
        raises("argument 2: a string is expected", spawn, { "/bin/sh", 5 })
        raises("spawn: program", spawn, {})
        raises("seconds", spawn, { "/bin/sh", seconds = 301 })
    end)

    it("leaves no descriptor and no process behind", function()
        local function fds()
            return #tree.list("/proc/self/fd")
        end
        local before = fds()
        for _ = 1, 20 do
            assert(spawn { "/bin/sh", "-c", "true" })
            spawn { "/nonexistent" }
        end
        assert.equal(before, fds())
        assert.is_nil((wait.wait(-1, wait.WNOHANG)))
    end)
end)

describe("every(period, fn)", function()
    local function clocked()
        local now = 0
        local due = timers.new(function() return now end)
        local log = {}
        local given, stop = words_of({}, {
            timers = due, tasks = task.new(), roll = function() return 0.5 end,
            log = function(level, message, fields) log[#log + 1] = { level, message, fields.error } end,
        })
        return given.every, function(seconds)
            now = now + seconds
            due:run()
        end, stop, log
    end

    it("runs again and again, late by its share of a tenth", function()
        local every, advance = clocked()
        local runs = 0
        every("10s", function() runs = runs + 1 end)
        advance(10.4)
        assert.equal(0, runs)
        advance(0.2)
        assert.equal(1, runs)
        advance(10.5)
        assert.equal(2, runs)
    end)

    it("goes on after an error, which is in the log", function()
        local every, advance, _, log = clocked()
        every("10s", function() error("mine") end)
        advance(11)
        advance(11)
        assert.equal(2, #log)
        assert.is_truthy(log[1][3]:find("mine", 1, true))
    end)

    it("does not run beside itself", function()
        local every, advance, _, log = clocked()
        local go_on, runs = nil, 0
        every("10s", function()
            runs = runs + 1
            task.await(function(resume) go_on = resume end)
        end)
        advance(11)
        advance(11)
        assert.same({ 1, "warn" }, { runs, log[1][1] })
        go_on()
        advance(11)
        assert.equal(2, runs)
    end)

    it("ends with its file", function()
        local every, advance, stop = clocked()
        local runs = 0
        local function count() runs = runs + 1 end
        every("10s", count)
        every("20s", count)
        stop()
        advance(100)
        assert.equal(0, runs)
    end)

    it("refuses what is no duration, and less than a second", function()
        local every = clocked()
        raises("is no duration", every, "soon", print)
        raises("a second or more", every, "10ms", print)
        raises("a function is expected", every, "10s", 1)
    end)
end)

describe("json(value)", function()
    it("writes names in order, and refuses what is no data", function()
        local json = words_of({}).json
        assert.equal([[{"a":[1,"x"],"b":true}]], json { b = true, a = { 1, "x" } })
        raises("json: ", json, { print })
    end)
end)

describe("the environment of automation", function()
    local function run(text)
        local chunk = assert(load(text, "=a.lua", "t", environment.new()))
        return chunk()
    end

    it("has the language, and nothing that reads, loads or debugs", function()
        assert.equal(6, run "local t = table.pack(1, 2, 3) return math.tointeger(t[1] + t[2] + t[3])")
        assert.equal("", run [[
            local there = {}
            for _, name in ipairs { "io", "debug", "load", "loadfile", "dofile", "loadstring", "require", "package",
                "collectgarbage", "print", "warn" } do
                there[#there + 1] = _G[name] and name or nil
            end
            there[#there + 1] = string.dump and "string.dump"
            there[#there + 1] = os.execute and "os.execute"
            return table.concat(there, " ")]])
    end)

    it("keeps what it changes to itself", function()
        run "string.format = nil; x = 1; math.huge = 0"
        assert.is_function(string.format)
        assert.is_nil(rawget(_G, "x"))
        assert.is_true(math.huge > 0)
        assert.is_nil(run [[return getmetatable("")]])
        raises("__gc", run, "setmetatable({}, { __gc = function() end })")
    end)
end)
