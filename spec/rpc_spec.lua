--- The loop and the server as Lua sees them; what they do on the wire is in spec/unit/rpc_*.c.
local expect = require "spec.support.expect"
local frames = require "spec.support.frames"
local moonsnap = require "moonsnap"
local signal = require "posix.signal"
local socket = require "posix.sys.socket"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

local rpc, message = moonsnap.rpc, moonsnap.message
local REQUEST = "containerd.services.snapshots.v1.StatSnapshotRequest"
local REPLY = "containerd.services.snapshots.v1.UsageResponse"

local function listener(path)
    local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
    assert(socket.bind(fd, { family = socket.AF_UNIX, path = path }))
    assert(socket.listen(fd, 10))
    return fd
end

--- A loop, a server on it, and a client that says what a test tells it to.
local function serving(options)
    local home = world.bare()
    local self = { loop = rpc.loop() }
    local serve = { fd = listener(home.dir .. "/s") }
    for name, value in pairs(options or {}) do
        serve[name] = value
    end
    self.server = self.loop:serve(serve)
    self.client = frames.connect(home.dir .. "/s")
    --- Turns until answer() gives something true, five seconds at most.
    function self.until_(answer)
        local deadline = moonsnap.sys.steady() + 5
        while true do
            while self.client:hear() do -- luacheck: ignore 542
            end
            local value = answer()
            if value then
                return value
            end
            assert(moonsnap.sys.steady() < deadline, "nothing happened")
            self.loop:wait(10)
        end
    end
    --- The next call, which somebody made.
    function self.next()
        return self.until_(function() return self.server:next() end)
    end
    return setmetatable(self, { __close = function()
        self.client:close()
        self.loop:close()
        home:close()
    end })
end

describe("call", function()
    it("tells its path, who made it, and the headers that are kept", function()
        local here <close> = serving()
        here.client:call(1, "/a.B/C", "", { ["containerd-namespace"] = "k8s", ["x-other"] = "y" })
        local call = here.next()
        assert.equal("/a.B/C", call:path())
        assert.same({ unistd.getuid(), unistd.getgid(), unistd.getpid() }, { call:peer() })
        assert.equal("k8s", call:header("containerd-namespace"))
        assert.is_nil(call:header("containerd-lease"))
        assert.is_nil(call:header("x-other"))
        assert.is_nil(call:left())
        assert.is_true(call:alive())
    end)

    it("reads its request as a message, or as bytes", function()
        local here <close> = serving()
        local type = message.type(REQUEST)
        local bytes = type:encode { key = "a", snapshotter = "native" }
        here.client:call(1, "/a.B/C", bytes)
        local call = here.next()
        assert.same({ key = "a", snapshotter = "native" }, assert(call:read(type)))
        assert.equal(bytes, call:read())
        here.client:call(3, "/a.B/C", "\255\255")
        expect.fails("internal", here.next():read(type))
    end)

    it("answers with a message, or with bytes", function()
        local here <close> = serving()
        local type = message.type(REPLY)
        here.client:call(1, "/a.B/C", "")
        here.next():reply({ size = 5, inodes = 7 }, type)
        here.client:call(3, "/a.B/C", "")
        here.next():reply("a\0b")
        here.until_(function() return here.client.ended[1] and here.client.ended[3] end)
        assert.same({ size = 5, inodes = 7 }, type:decode(here.client:messages(1)[1]))
        assert.same({ "a\0b" }, here.client:messages(3))
    end)

    it("is answered once: what is said later does nothing", function()
        local here <close> = serving()
        here.client:call(1, "/a.B/C", "")
        local call = here.next()
        call:reply("first")
        assert.is_false(call:alive())
        call:reply("second")
        call:fail(5, "third")
        call:finish()
        here.until_(function() return here.client.ended[1] end)
        assert.same({ "first" }, here.client:messages(1))
        assert.equal("/a.B/C", call:path())
    end)

    it("forgets what an encoder had written when it raised", function()
        local here <close> = serving()
        local type = message.type(REPLY)
        here.client:call(1, "/a.B/C", "")
        local call = here.next()
        assert.has_error(function() call:reply({ size = 5, inodes = {} }, type) end)
        assert.has_error(function() call:reply({ size = 5, nonsense = 1 }, type) end)
        assert.has_error(function() call:reply({ size = 5 }) end)
        assert.is_true(call:alive())
        call:reply({ inodes = 3 }, type)
        here.until_(function() return here.client.ended[1] end)
        assert.same({ type:encode { inodes = 3 } }, here.client:messages(1))
    end)

    it("names the one who waits for room, when there is room", function()
        local here <close> = serving()
        here.client:call(1, "/a.B/C", "")
        local call = here.next()
        local large = ("x"):rep(50000)
        call:send(large)
        assert.is_false(call:writable())
        call:wait()
        assert.is_true(rawequal(call, here.until_(function() return here.server:woken() end)))
        assert.is_true(call:writable())
        call:send(large) -- more than the window that the client has opened
        call:wait()
        here.loop:wait(20)
        assert.is_nil(here.server:woken())
        here.client:frame(8, 0, 0, string.pack(">I4", 100000))
        here.client:frame(8, 0, 1, string.pack(">I4", 100000))
        assert.is_true(rawequal(call, here.until_(function() return here.server:woken() end)))
        call:finish()
        here.until_(function() return here.client.ended[1] end)
        assert.same({ large, large }, here.client:messages(1))
    end)

    it("sends what is queued at once when it is told to", function()
        local here <close> = serving()
        here.client:call(1, "/a.B/C", "")
        local call = here.next()
        call:send("one")
        call:flush()
        assert.is_true(call:writable())
        here.client:frame(frames.RST_STREAM, 0, 1, string.pack(">I4", 8))
        here.until_(function() return not call:alive() end)
        call:flush() -- too late: nothing
        assert.same({ "one" }, here.client:messages(1))
    end)

    it("wakes who waits when the client cancels, also when it had before", function()
        local here <close> = serving()
        here.client:call(1, "/a.B/C", "")
        local call = here.next()
        call:send(("x"):rep(70000))
        call:wait()
        here.loop:wait(0)
        here.client:frame(frames.RST_STREAM, 0, 1, string.pack(">I4", 8))
        assert.is_true(rawequal(call, here.until_(function() return here.server:woken() end)))
        assert.is_false(call:alive())
        assert.is_false(call:writable())
        call:wait() -- too late: at once
        here.loop:wait(-1)
        assert.is_true(rawequal(call, here.server:woken()))
        assert.is_nil(here.server:woken())
        call:send("x")
        call:reply("x")
        assert.is_nil(call:header("containerd-namespace"))
        expect.fails("canceled", call:read())
    end)

    it("has a deadline, after which it is not alive", function()
        local here <close> = serving()
        here.client:call(1, "/a.B/C", "", { ["grpc-timeout"] = "250m" })
        local call = here.next()
        assert.is_true(call:left() <= 250)
        here.until_(function() return here.client.ended[1] end)
        assert.is_false(call:alive())
        assert.equal(0, call:left())
    end)

    it("refuses codes that are none", function()
        local here <close> = serving()
        here.client:call(1, "/a.B/C", "")
        local call = here.next()
        assert.has_error(function() call:fail(0, "fine") end)
        assert.has_error(function() call:fail(17, "more") end)
        assert.has_error(function() call.fail({}, 5, "x") end)
        call:fail(5, "none")
        here.until_(function() return here.client.ended[1] end)
        assert.same({}, here.client:messages(1))
    end)

    it("outlives its server as a value", function()
        local here <close> = serving()
        here.client:call(1, "/a.B/C", "")
        local call = here.next()
        here.server:close()
        assert.is_false(call:alive())
        call:reply("x")
        call:wait()
        assert.equal("/a.B/C", call:path())
        assert.has_error(function() here.server:next() end, "server is closed")
    end)
end)

describe("server", function()
    it("counts what is open and what went through", function()
        local here <close> = serving()
        here.client:call(1, "/a.B/C", "")
        local call = here.next()
        assert.same({ 1, 1 }, { here.server:open() })
        call:reply("")
        here.until_(function() return here.client.ended[1] end)
        assert.same({ 1, 0 }, { here.server:open() })
        local counters = here.server:counters()
        assert.equal(1, counters.connections)
        assert.equal(1, counters.accepted)
        assert.is_true(counters.bytes_in > 100 and counters.bytes_out > 50)
        assert.equal(0, counters.refused + counters.protocol_errors + counters.resets)
    end)

    it("drains: calls end, then connections, and the wait for that ends", function()
        local here <close> = serving()
        here.client:call(1, "/a.B/C", "")
        local call = here.next()
        here.server:drain()
        here.until_(function() return here.client.goaways == 2 end)
        call:reply("")
        while here.server:open() > 0 do
            here.loop:wait(5000)
        end
        here.until_(function() return here.client.closed end)
        assert.same({ "" }, here.client:messages(1))
    end)

    it("limits what it is told to limit", function()
        local here <close> = serving { max_message = 3 }
        here.client:call(1, "/a.B/C", "four")
        here.until_(function() return here.client.ended[1] end)
        here.client:call(3, "/a.B/C", "two")
        assert.equal("two", here.next():read())
    end)

    it("refuses options that make no sense", function()
        local loop <close> = rpc.loop()
        assert.has_error(function() loop:serve {} end)
        assert.has_error(function() loop:serve { fd = 0, max_message = 0 } end)
        assert.has_error(function() loop:serve { fd = 0, max_streams = 1.5 } end)
        assert.has_error(function() loop:serve() end)
    end)
end)

describe("loop", function()
    it("waits no longer than it is told", function()
        local loop <close> = rpc.loop()
        local began = moonsnap.sys.steady()
        loop:wait(20)
        assert.is_true(moonsnap.sys.steady() - began >= 0.02)
    end)

    it("names watched descriptors that are ready", function()
        local loop <close> = rpc.loop()
        local reader, writer = unistd.pipe()
        loop:watch(reader, "r")
        loop:wait(0)
        assert.is_nil(loop:ready())
        unistd.write(writer, "x")
        loop:wait(-1)
        assert.equal(reader, loop:ready())
        assert.is_nil(loop:ready())
        loop:watch(reader, "")
        loop:watch(writer, "w")
        loop:wait(-1)
        assert.equal(writer, loop:ready())
        assert.has_error(function() loop:watch(reader, "x") end)
        unistd.close(reader)
        unistd.close(writer)
    end)

    it("takes signals over", function()
        local loop <close> = rpc.loop()
        loop:take_signals { "HUP" }
        signal.kill(unistd.getpid(), signal.SIGHUP)
        loop:wait(-1)
        assert.equal("HUP", loop:signal())
        assert.is_nil(loop:signal())
        assert.has_error(function() loop:take_signals { "KILL" } end)
    end)
end)
