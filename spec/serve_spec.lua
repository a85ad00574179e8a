--- The service as a process: how it starts, what it tells, and how it ends.
local caller = require "spec.support.caller"
local command = require "spec.support.command"
local dkjson = require "dkjson"
local fcntl = require "posix.fcntl"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local service = require "spec.support.service"
local signal = require "posix.signal"
local slow = require "spec.support.slow"
local socket = require "posix.sys.socket"
local time = require "posix.time"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

--- Waits until a file is there.
local function await_file(path)
    for _ = 1, 2000 do
        if tree.exists(path) then
            return
        end
        time.nanosleep { tv_sec = 0, tv_nsec = 5000000 }
    end
    error("there is no " .. path)
end

local function stat_fails_well(address)
    local to <close> = caller.new(address)
    local _, err = to:snapshots("Stat", { key = "nothing" })
    assert.equal("not_found", err.kind)
end

local function refused(...)
    local answer = command.run { "bin/moonsnap", "serve", ... }
    return answer, answer.err
end

--- The log as tables.
local function entries(served)
    local list = {}
    for line in served:log():gmatch("[^\n]+") do
        list[#list + 1] = assert(dkjson.decode(line), line)
    end
    return list
end

local function entry(served, message)
    for _, one in ipairs(entries(served)) do
        if one.msg == message then
            return one
        end
    end
end

describe("serve starts", function()
    it("with a socket for its user only, says so, and answers", function()
        local served <close> = service.start()
        assert.equal(384, tree.mode(served.address))
        assert.is_truthy(served.notes:find("READY=1\nSTATUS=serving " .. served.address, 1, true))
        assert.equal(served.address, entry(served, "ready").address)
        stat_fails_well(served.address)
    end)

    it("over a stale socket", function()
        local served <close> = service.start()
        served:kill()
        assert.is_true(tree.exists(served.address))
        served:start()
        stat_fails_well(served.address)
    end)

    it("not over a live one", function()
        local served <close> = service.start()
        local answer, text = refused("--root", served.root, "--address", served.address)
        assert.equal(5, answer.code)
        assert.is_truthy(text:find(served.address .. ": already in use", 1, true))
        stat_fails_well(served.address)
    end)

    it("not with what can never be right, and leaves no socket", function()
        local home <close> = world.bare()
        local at = { "--root", home.root, "--address", home.dir .. "/s" }
        local function with(...)
            local words = table.move({ ... }, 1, select("#", ...), #at + 1, { table.unpack(at) })
            return refused(table.unpack(words))
        end
        tree.write(home.dir .. "/config", "mode 'both'", 384)
        assert.equal(2, with("--config", home.dir .. "/config").code)
        assert.equal(3, with("--config", home.dir .. "/nowhere").code)
        assert.equal(2, with("--metrics", "0.0.0.0:9095").code)
        assert.equal(2, with("--grace", "soon").code)
        assert.equal(2, with("--mode", "both").code)
        assert.equal(2, refused("--root", home.root, "--address", home.dir .. "/" .. ("x"):rep(120)).code)
        assert.is_false(tree.exists(home.dir .. "/s"))
    end)

    it("on a socket that a service manager passed, and leaves that alone", function()
        local home <close> = world.bare()
        local path = home.dir .. "/given"
        local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
        assert(socket.bind(fd, { family = socket.AF_UNIX, path = path }))
        assert(socket.listen(fd, 8))
        local _guard <close> = setmetatable({}, { __close = function() unistd.close(fd) end })
        local served <close> = service.start { inherit = { [3] = fd } }
        stat_fails_well(path)
        served:stop()
        assert.is_true(tree.exists(path))
        assert.is_false(tree.exists(served.address))
        served:start() -- who connects meanwhile waits
        stat_fails_well(path)
    end)

    it("not on something passed that is no listening unix socket", function()
        local home <close> = world.bare()
        local script = ("LISTEN_PID=$$ LISTEN_FDS=1 exec bin/moonsnap serve --root %s 3</dev/null"):format(home.root)
        local answer = command.run { "sh", "-c", script }
        assert.equal(5, answer.code)
        assert.is_truthy(answer.err:find("no unix stream socket", 1, true))
    end)

    it("where its user's things are, without --address", function()
        local served <close> = service.new { inherit = {}, env = { XDG_RUNTIME_DIR = false } }
        if moonsnap.sys.in_initial_user_namespace() and unistd.geteuid() == 0 then
            served:close() -- root's is /run/moonsnap, which belongs to the machine
            return
        end
        served.options.env.XDG_RUNTIME_DIR = served.dir
        served:start()
        stat_fails_well(served.dir .. "/moonsnap.sock")
    end)
end)

describe("serve ends", function()
    it("by SIGTERM with status 0, and its socket is gone", function()
        local served <close> = service.start()
        served:stop()
        assert.equal(0, served.status)
        assert.is_false(tree.exists(served.address))
        assert.is_truthy(served.notes:find("STOPPING=1", 1, true))
        assert.is_not_nil(entry(served, "stopped"))
    end)

    it("after the calls that are under way", function()
        local served <close> = service.new()
        served:configure(slow.config(served.dir))
        served:start()
        local calling <close> = slow.call(served.address)
        await_file(served.dir .. "/begun")
        served:signal()
        served:await_note("STOPPING=1")
        assert.is_false(tree.exists(served.address))
        assert.is_not_nil(served.pid)
        tree.write(served.dir .. "/go")
        assert.equal("answered\tnil\n", (calling:finish()))
        assert.equal(0, served:finish())
    end)

    it("after a List that somebody still reads, and without who only listens", function()
        local served <close> = service.start()
        local store <close> = assert(moonsnap.open { root = served.root, namespace = "containerd" })
        assert(store:transaction(function()
            for i = 1, 3000 do
                assert(store:prepare("k" .. i, nil, { labels = { long = ("x"):rep(500) } }))
            end
            return true
        end))
        local to <close> = caller.new(served.address)
        local listener <close> = caller.new(served.address)
        local events = listener:stream("/containerd.services.events.v1.Events/Subscribe",
            "containerd.services.events.v1.SubscribeRequest", {}, "containerd.types.Envelope")
        local list = to:stream("/containerd.services.snapshots.v1.Snapshots/List",
            "containerd.services.snapshots.v1.ListSnapshotsRequest", {},
            "containerd.services.snapshots.v1.ListSnapshotsResponse")
        local count = #list().info
        served:await_log("Events/Subscribe")
        served:signal()
        served:await_note("STOPPING=1")
        local ok, err = pcall(events)
        assert.same({ false, "unavailable" }, { ok, err.kind })
        assert.is_not_nil(served.pid)
        for page in list do
            count = count + #page.info
        end
        assert.equal(3000, count)
        assert.equal(0, served:finish())
    end)

    it("without those that take longer than the grace", function()
        local served <close> = service.new { args = { "--grace", "0.3" } }
        served:configure(slow.config(served.dir))
        served:start()
        local calling <close> = slow.call(served.address)
        await_file(served.dir .. "/begun")
        served:signal()
        assert.equal(0, served:finish(5))
        assert.is_truthy(calling:finish():find("^unavailable"))
    end)

    it("at once when told twice", function()
        local served <close> = service.new { args = { "--grace", "60" } }
        served:configure(slow.config(served.dir))
        served:start()
        local calling <close> = slow.call(served.address)
        await_file(served.dir .. "/begun")
        served:signal(signal.SIGINT)
        served:await_note("STOPPING=1")
        served:signal(signal.SIGINT)
        assert.equal(0, served:finish(5))
        assert.is_truthy(calling:finish():find("^unavailable"))
    end)

    it("leaving alone a socket that another has made meanwhile", function()
        local served <close> = service.start()
        tree.unlink(served.address)
        tree.write(served.address, "another's")
        served:stop()
        assert.equal("another's", tree.read(served.address))
    end)

    it("so that a new one can begin at once, and has all that was answered", function()
        local served <close> = service.start()
        for round = 1, 3 do
            local to <close> = caller.new(served.address)
            assert(to:snapshots("Prepare", { key = "a" .. round }))
            if round == 2 then
                served:kill()
            else
                served:stop()
            end
            served:start()
        end
        local to <close> = caller.new(served.address)
        assert.equal(3, #to:list({}))
    end)
end)

describe("SIGHUP", function()
    --- What Version answers.
    local function version(address)
        local to <close> = caller.new(address)
        return to:call("/containerd.services.version.v1.Version/Version", "google.protobuf.Empty", {},
            "containerd.services.version.v1.VersionResponse")
    end

    it("takes over a new configuration, and a second one", function()
        local served <close> = service.start { config = "" }
        assert.is_not_nil(version(served.address))
        served:configure [[disable "io.containerd.grpc.v1.version"]]
        served:signal(signal.SIGHUP)
        served:await_note("RELOADING=1")
        served:await_log([["msg":"reloaded"]])
        local _, err = version(served.address)
        assert.equal("unimplemented", err.kind)
        served.notes = ""
        served:configure ""
        served:signal(signal.SIGHUP)
        served:await_note("READY=1")
        assert.is_not_nil(version(served.address))
        stat_fails_well(served.address)
    end)

    it("changes nothing when the configuration cannot be right, and says why", function()
        local served <close> = service.start { config = [[disable "io.containerd.grpc.v1.version"]] }
        for text, why in pairs {
            ["this is no Lua"] = "syntax error", [ [[plugin "nobody" {}]] ] = "no such plugin",
            [ [[mode "direct"]] ] = "only a restart", [ [[error "on purpose"]] ] = "on purpose",
            [ [[disable "io.containerd.metadata.v1"]] ] = "is not there, or disabled",
        } do
            served:configure(text)
            served.notes = ""
            served:signal(signal.SIGHUP)
            served:await_note("READY=1")
            served:await_log(why)
            stat_fails_well(served.address)
            local _, err = version(served.address)
            assert.equal("unimplemented", err.kind)
        end
        assert.is_not_nil(entry(served, "reload failed, all stays as it was"))
    end)

    it("goes on telling events to those who listen, once each", function()
        local served <close> = service.start { mode = "direct", config = "" }
        local to <close> = caller.new(served.address, { ["containerd-namespace"] = "one" })
        local listener <close> = caller.new(served.address)
        local events = listener:stream("/containerd.services.events.v1.Events/Subscribe",
            "containerd.services.events.v1.SubscribeRequest", { filters = { [[topic=="/snapshot/prepare"]] } },
            "containerd.types.Envelope")
        served:await_log([["msg":"stream"]])
        for round = 1, 3 do
            local key = ("k%d"):format(round)
            assert(to:snapshots("Prepare", { snapshotter = "overlayfs", key = key }))
            local event = moonsnap.message.type("containerd.events.SnapshotPrepare"):decode(events().event.value)
            assert.same({ key, "overlayfs" }, { event.key, event.snapshotter })
            served.notes = ""
            served:signal(signal.SIGHUP)
            served:await_note("READY=1")
        end
    end)

    it("leaves the calls under way and the rows alone", function()
        local served <close> = service.new()
        served:configure(slow.config(served.dir))
        served:start()
        local to <close> = caller.new(served.address)
        assert(to:snapshots("Prepare", { key = "a" }))
        local calling <close> = slow.call(served.address)
        await_file(served.dir .. "/begun")
        served:configure ""
        served:signal(signal.SIGHUP)
        served:await_log([["msg":"reloaded"]])
        assert(to:snapshots("Commit", { name = "b", key = "a" }))
        assert.equal("b", to:list({})[1].name)
        tree.write(served.dir .. "/go")
        assert.equal("answered\tnil\n", (calling:finish()))
    end)
end)

describe("the service manager", function()
    it("hears twice within its watchdog's time that the service is alive", function()
        local served <close> = service.start { env = { WATCHDOG_USEC = "400000" } }
        served:await_note("WATCHDOG=1\nWATCHDOG=1\n", 5)
    end)

    it("does not when the watchdog is meant for another process", function()
        local served <close> = service.start { env = { WATCHDOG_USEC = "20000", WATCHDOG_PID = "1" } }
        stat_fails_well(served.address)
        served:stop()
        assert.is_nil(served.notes:find("WATCHDOG", 1, true))
    end)
end)

describe("the log", function()
    it("has a line for each call, with who called", function()
        local served <close> = service.start()
        stat_fails_well(served.address)
        served:await_log([["msg":"call"]])
        local one = entry(served, "call")
        assert.same({ "/containerd.services.snapshots.v1.Snapshots/Stat", "NOT_FOUND", unistd.getpid() },
            { one.method, one.code, one.pid })
        assert.is_truthy(one.duration_us >= 0 and one.request and one.time and one.error:find("nothing", 1, true))
    end)

    it("is quiet about calls at level info", function()
        local served <close> = service.start { level = "info" }
        stat_fails_well(served.address)
        served:stop()
        local said = {}
        for at, one in ipairs(entries(served)) do
            said[at] = one.msg
        end
        assert.same({ "ready", "stopping", "stopped" }, said)
    end)

    it("is for people with --log-format text", function()
        local served <close> = service.start { args = { "--log-format", "text" } }
        assert.is_truthy(served:log():find("^%d+%-%d+%-%d+T%d+:%d+:%d+%.%d%d%dZ %l+ +"))
        assert.is_truthy(served:log():find(" info   ready  ", 1, true))
    end)

    it("has a bug in a handler, with its place, and the service goes on", function()
        local served <close> = service.start { args = { "--log-format", "text" }, config = [[
            register { type = "io.containerd.grpc.v1", id = "bad", init = function()
                return { name = "example.Bad", methods = { Call = {
                    request = "google.protobuf.Empty", reply = "google.protobuf.Empty",
                    call = function() error("on purpose") end,
                } } }
            end }]] }
        local to <close> = caller.new(served.address)
        local _, err = to:call("/example.Bad/Call", "google.protobuf.Empty", {}, "google.protobuf.Empty")
        assert.equal("internal", err.kind)
        assert.is_nil(err.message:find("purpose", 1, true))
        served:await_log("a bug in a handler")
        served:await_log("on purpose\\nstack traceback:")
        stat_fails_well(served.address)
    end)

    it("has a line and nothing worse for a client that goes away", function()
        local served <close> = service.new()
        served:configure(slow.config(served.dir))
        served:start()
        local calling <close> = slow.call(served.address)
        await_file(served.dir .. "/begun")
        calling:kill()
        calling:finish()
        served:await_log([["msg":"the client went away"]])
        assert.equal("CANCELLED", entry(served, "the client went away").code)
        stat_fails_well(served.address)
    end)

    it("never makes a call wait for who reads it", function()
        local served <close> = service.new()
        local fifo = served.dir .. "/fifo"
        process.must("mkfifo", fifo)
        local fd = assert(fcntl.open(fifo, fcntl.O_RDWR | fcntl.O_NONBLOCK))
        served.options.command = { "sh", "-c", 'exec bin/moonsnap "$@" 2>' .. fifo, "sh" }
        served:start()
        local to <close> = caller.new(served.address)
        for _ = 1, 1000 do
            to:snapshots("Stat", { key = "nothing" })
        end
        local text = unistd.read(fd, 1048576)
        assert.is_true(#text > 10000)
        to:snapshots("Stat", { key = "nothing" })
        served:stop()
        text = unistd.read(fd, 1048576)
        assert.is_truthy(text:find('"msg":"lines of the log were lost","count":%d+}\n'))
        unistd.close(fd)
    end)

    it("survives that nobody reads it any more", function()
        local home <close> = world.bare()
        local script = ("{ bin/moonsnap serve --root %s --address %s --log-level debug & echo $!; } 2>&1 | head -n 2")
            :format(home.root, home.dir .. "/s")
        local shell <close> = process.start({ "sh", "-c", script }, { ASAN_OPTIONS = process.asan_options() })
        local text = shell:finish()
        local pid = assert(math.tointeger(tonumber(text:match("^(%d+)\n") or text:match("\n(%d+)\n"))), text)
        local _guard <close> = setmetatable({}, { __close = function() signal.kill(pid, signal.SIGKILL) end })
        await_file(home.dir .. "/s")
        for _ = 1, 3 do
            stat_fails_well(home.dir .. "/s")
        end
        signal.kill(pid, signal.SIGTERM)
        for _ = 1, 2000 do
            if not tree.exists(home.dir .. "/s") and not tree.exists("/proc/" .. pid) then
                break
            end
            time.nanosleep { tv_sec = 0, tv_nsec = 5000000 }
        end
        assert.is_false(tree.exists("/proc/" .. pid))
    end)
end)

describe("a deadline", function()
    it("ends a call in time", function()
        local served <close> = service.new()
        served:configure(slow.config(served.dir))
        served:start()
        local calling <close> = slow.call(served.address, 200)
        assert.is_truthy(calling:finish():find("^deadline_exceeded"))
        served:await_log([["request":"1"]]) -- here the deadline has passed, or the client has said so before
        local code = entry(served, "call") and entry(served, "call").code or entry(served, "the client went away").code
        assert.is_true(code == "DEADLINE_EXCEEDED" or code == "CANCELLED", code)
    end)
end)
