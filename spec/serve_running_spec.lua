--- The service while it runs: new configurations, its manager, its log.
local caller = require "spec.support.caller"
local fcntl = require "posix.fcntl"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local service = require "spec.support.service"
local signal = require "posix.signal"
local slow = require "spec.support.slow"
local time = require "posix.time"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

local function stat_fails_well(address)
    local to <close> = caller.new(address)
    local _, err = to:snapshots("Stat", { key = "nothing" })
    assert.equal("not_found", err.kind)
end

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
        assert.is_not_nil(served:entry("reload failed, all stays as it was"))
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
        slow.await_begun(served.dir)
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
        local one = served:entry("call")
        assert.same({ "/containerd.services.snapshots.v1.Snapshots/Stat", "NOT_FOUND", unistd.getpid() },
            { one.method, one.code, one.pid })
        assert.is_truthy(one.duration_us >= 0 and one.request and one.time and one.error:find("nothing", 1, true))
    end)

    it("is quiet about calls at level info", function()
        local served <close> = service.start { level = "info" }
        stat_fails_well(served.address)
        served:stop()
        local said = {}
        for at, one in ipairs(served:entries()) do
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
        slow.await_begun(served.dir)
        calling:kill()
        calling:finish()
        served:await_log([["msg":"the client went away"]])
        assert.equal("CANCELLED", served:entry("the client went away").code)
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
        tree.await(home.dir .. "/s")
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
        local code = served:entry("call") and served:entry("call").code or served:entry("the client went away").code
        assert.is_true(code == "DEADLINE_EXCEEDED" or code == "CANCELLED", code)
    end)
end)
