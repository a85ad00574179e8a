--- Sockets to serve on: made without a race, taken over when stale, passed in; and telling a service manager.
local expect = require "spec.support.expect"
local fcntl = require "posix.fcntl"
local moonsnap = require "moonsnap"
local poll = require "posix.poll"
local process = require "spec.support.process"
local socket = require "posix.sys.socket"
local stat = require "posix.sys.stat"
local stdlib = require "posix.stdlib"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

local fails_saying = expect.fails_saying
local sys = moonsnap.sys

--- Does somebody listen there?
local function answers(path)
    local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
    local ok = socket.connect(fd, { family = socket.AF_UNIX, path = path })
    unistd.close(fd)
    return ok ~= nil
end

--- Leaves a socket at path that nobody listens on.
local function leave_stale(path)
    local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
    assert(socket.bind(fd, { family = socket.AF_UNIX, path = path }))
    assert(socket.listen(fd, 1))
    unistd.close(fd)
end

describe("sys.listen(path)", function()
    for _, mask in ipairs { 0, 18, 63, 511 } do
        it(("makes a socket of mode 0600 under umask %03o"):format(mask), function()
            local home <close> = world.bare()
            local before = stat.umask(mask)
            local listener, err = sys.listen(home.dir .. "/s")
            stat.umask(before)
            assert(listener, tostring(err))
            assert.equal(384, tree.mode(home.dir .. "/s"))
            assert.is_true(answers(home.dir .. "/s"))
            listener:close()
        end)
    end

    it("makes one that programs do not inherit and that does not block", function()
        local home <close> = world.bare()
        local listener <close> = assert(sys.listen(home.dir .. "/s"))
        local fd = listener:take()
        assert.equal(fcntl.FD_CLOEXEC, fcntl.fcntl(fd, fcntl.F_GETFD))
        assert.equal(fcntl.O_NONBLOCK, fcntl.fcntl(fd, fcntl.F_GETFL) & fcntl.O_NONBLOCK)
        assert.has_error(function() listener:take() end)
        unistd.close(fd)
    end)

    it("replaces a stale socket", function()
        local home <close> = world.bare()
        leave_stale(home.dir .. "/s")
        local listener <close> = assert(sys.listen(home.dir .. "/s"))
        assert.is_not_nil(listener)
        assert.is_true(answers(home.dir .. "/s"))
    end)

    it("refuses one that is alive, naming it", function()
        local home <close> = world.bare()
        local listener <close> = assert(sys.listen(home.dir .. "/s"))
        fails_saying("failed_precondition", home.dir .. "/s: already in use", sys.listen(home.dir .. "/s"))
        assert.is_true(answers(home.dir .. "/s"))
        assert.is_not_nil(listener)
    end)

    it("leaves alone what is no socket", function()
        local home <close> = world.bare()
        tree.write(home.dir .. "/file", "kept")
        tree.mkdir(home.dir .. "/directory")
        tree.symlink("nowhere", home.dir .. "/link")
        for _, name in ipairs { "file", "directory", "link" } do
            fails_saying("failed_precondition", "no socket", sys.listen(home.dir .. "/" .. name))
        end
        assert.equal("kept", tree.read(home.dir .. "/file"))
        assert.same({ "directory", "file", "link" }, tree.list(home.dir))
    end)

    it("leaves alone a datagram socket that is alive", function()
        local home <close> = world.bare()
        local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM, 0))
        assert(socket.bind(fd, { family = socket.AF_UNIX, path = home.dir .. "/s" }))
        fails_saying("failed_precondition", "already in use", sys.listen(home.dir .. "/s"))
        unistd.close(fd)
    end)

    it("says how long a path may be", function()
        local home <close> = world.bare()
        local longest = home.dir .. "/" .. ("x"):rep(107 - #home.dir - 1)
        local listener <close> = assert(sys.listen(longest))
        fails_saying("invalid_argument", "at most 107 bytes, this has 108", sys.listen(longest .. "x"))
        fails_saying("invalid_argument", "empty", sys.listen(""))
        fails_saying("invalid_argument", "NUL", sys.listen("a\0b"))
        assert.is_not_nil(listener)
    end)

    it("needs the directory", function()
        local home <close> = world.bare()
        fails_saying("not_found", "its directory", sys.listen(home.dir .. "/nowhere/s"))
    end)

    it("unlinks at the end what it made, and only that", function()
        local home <close> = world.bare()
        local first = assert(sys.listen(home.dir .. "/s"))
        first:close()
        assert.same({}, tree.list(home.dir))
        first = assert(sys.listen(home.dir .. "/s"))
        unistd.close(first:take())
        local second <close> = assert(sys.listen(home.dir .. "/s"))
        assert.is_false(first:remove())
        first:close()
        assert.is_true(answers(home.dir .. "/s"))
        assert.is_true(second:remove())
        assert.same({}, tree.list(home.dir))
    end)

    it("leaves no file beside the socket", function()
        local home <close> = world.bare()
        local listener <close> = assert(sys.listen(home.dir .. "/s"))
        assert.is_not_nil(listener)
        assert.same({ "s" }, tree.list(home.dir))
    end)

    it("lets exactly one of several starters win, each time", function()
        local home <close> = world.bare()
        local path, rounds = home.dir .. "/s", 120
        local chunk = ([[
            local moonsnap = require "moonsnap"
            local unistd = require "posix.unistd"
            io.stdout:setvbuf("line")
            for start in io.lines() do
                start = tonumber(start)
                repeat until moonsnap.sys.steady() >= start -- all of them in the same microseconds
                local listener, err = moonsnap.sys.listen(%q)
                print(listener and "won" or err.kind)
                io.read("l")
                if listener then unistd.close(listener:take()) end -- stale, for the next round
                print("left")
            end]]):format(path)
        local starters = {}
        for i = 1, 4 do
            starters[i] = process.start({ "lua5.4", "-e", chunk }, { ASAN_OPTIONS = process.asan_options() })
        end
        --- Tells all of them something at once and waits until each has said so many lines.
        local function all(line, lines)
            for _, starter in ipairs(starters) do
                unistd.write(starter.input, line)
            end
            for _, starter in ipairs(starters) do
                while select(2, starter.text:gsub("\n", "")) < lines do
                    assert.equal(1, poll.rpoll(starter.out, 20000))
                    starter.text = starter.text .. unistd.read(starter.out, 4096)
                end
            end
        end
        for round = 1, rounds do
            all(("%.6f\n"):format(sys.steady() + 0.002), 2 * round - 1)
            all("end\n", 2 * round)
        end
        local won, lost = {}, 0
        for i, starter in ipairs(starters) do
            local round = 0
            for word in starter:finish():gmatch("[^\n]+") do
                round = round + (word ~= "left" and 1 or 0)
                if word == "won" then
                    won[round] = (won[round] or 0) + 1
                elseif word ~= "left" then
                    assert.equal("failed_precondition", word)
                    lost = lost + 1
                end
            end
            assert.equal(0, starter.status, i)
        end
        for round = 1, rounds do
            assert.equal(1, won[round], "round " .. round)
        end
        assert.equal(3 * rounds, lost)
        os.remove(path)
    end)
end)

--- Runs Lua in a process that gets descriptors and variables as a service manager gives them.
local function with_passed(variables, lua)
    local script = ("%s exec lua5.4 -e '%s'"):format(variables, lua)
    return process.must("sh", "-c", script)
end

describe("sys.listen_fds()", function()
    local TELL = [[local sys = require("moonsnap").sys
        local list, err = sys.listen_fds()
        if err then print(err) end
        for _, x in ipairs(list or {}) do print(x.fd, x.name, x.unix) end
        print(os.getenv("LISTEN_FDS"))]]

    it("is an empty list without", function()
        assert.equal("nil\n", with_passed("", TELL))
    end)

    it("names what was passed and takes the variables away", function()
        local told = with_passed("LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=one:metrics 3</dev/null 4</dev/null", TELL)
        assert.equal("3\tone\tfalse\n4\tmetrics\tfalse\nnil\n", told)
    end)

    it("ignores what was meant for another process", function()
        assert.equal("2\n", with_passed("LISTEN_PID=1 LISTEN_FDS=2 3</dev/null 4</dev/null", TELL))
    end)

    it("refuses numbers that are none and descriptors that are not open", function()
        assert.is_truthy(with_passed("LISTEN_PID=$$ LISTEN_FDS=x", TELL):find("^invalid_argument: LISTEN_FDS: 'x'"))
        assert.is_truthy(with_passed("LISTEN_PID=$$ LISTEN_FDS=1000", TELL):find("^invalid_argument"))
        local closed = with_passed("LISTEN_PID=$$ LISTEN_FDS=2 3</dev/null 4<&-", TELL)
        assert.is_truthy(closed:find("^failed_precondition: LISTEN_FDS: descriptor 4 is not open"))
    end)
end)

describe("sys.notify(text)", function()
    local function told(path, name)
        local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM, 0))
        assert(socket.bind(fd, { family = socket.AF_UNIX, path = path }))
        stdlib.setenv("NOTIFY_SOCKET", name)
        local sent, err = sys.notify("READY=1\nSTATUS=fine")
        stdlib.setenv("NOTIFY_SOCKET", nil)
        local text = sent and socket.recv(fd, 100)
        unistd.close(fd)
        assert.is_true(sent, tostring(err))
        return text
    end

    it("sends to a path", function()
        local home <close> = world.bare()
        assert.equal("READY=1\nSTATUS=fine", told(home.dir .. "/n", home.dir .. "/n"))
    end)

    it("sends to an abstract name", function()
        local name = "moonsnap-spec-" .. sys.random()
        assert.equal("READY=1\nSTATUS=fine", told("\0" .. name, "@" .. name))
    end)

    it("is false when nobody asked", function()
        stdlib.setenv("NOTIFY_SOCKET", nil)
        assert.is_false(sys.notify("READY=1"))
    end)

    it("says when nobody is there, or the name is none", function()
        local home <close> = world.bare()
        stdlib.setenv("NOTIFY_SOCKET", home.dir .. "/nobody")
        expect.fails("not_found", sys.notify("READY=1"))
        stdlib.setenv("NOTIFY_SOCKET", "relative")
        expect.fails("invalid_argument", sys.notify("READY=1"))
        stdlib.setenv("NOTIFY_SOCKET", nil)
    end)
end)
