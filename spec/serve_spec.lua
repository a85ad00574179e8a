--- The service as a process: how it starts, and how it ends.
local caller = require "spec.support.caller"
local command = require "spec.support.command"
local moonsnap = require "moonsnap"
local service = require "spec.support.service"
local signal = require "posix.signal"
local slow = require "spec.support.slow"
local socket = require "posix.sys.socket"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

local STAT = "containerd.services.snapshots.v1.StatSnapshotRequest"
local STAT_PATH = "/containerd.services.snapshots.v1.Snapshots/Stat"

local function stat_fails_well(address)
    local to <close> = caller.new(address)
    local _, err = to:snapshots("Stat", { key = "nothing" })
    assert.equal("not_found", err.kind)
end

local function refused(...)
    return command.run { "timeout", "20", "bin/moonsnap", "serve", ... } -- it must not start
end

describe("serve starts", function()
    it("with a socket for its user only, says so, and answers", function()
        local served <close> = service.start()
        assert.equal(384, tree.mode(served.address))
        assert.is_truthy(served.notes:find("READY=1\nSTATUS=serving " .. served.address, 1, true))
        assert.equal(served.address, served:entry("ready").address)
        stat_fails_well(served.address)
    end)

    it("over a stale socket", function()
        local served <close> = service.start()
        served:kill()
        assert.is_true(tree.exists(served.address))
        served:start()
        stat_fails_well(served.address)
    end)

    it("in a directory that it makes", function()
        local served <close> = service.new()
        served.address = served.dir .. "/run/s"
        served:start()
        assert.equal(448, tree.mode(served.dir .. "/run"))
        stat_fails_well(served.address)
    end)

    it("not over a live one", function()
        local served <close> = service.start()
        local answer = refused("--root", served.root, "--address", served.address)
        assert.equal(5, answer.code)
        assert.is_truthy(answer.err:find(served.address .. ": already in use", 1, true))
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
        local before = command.run { "timeout", "20", "bin/moonsnap", "--address", home.dir .. "/" .. ("x"):rep(120),
            "serve", "--root", home.root } -- where global options stand, too
        assert.same({ 2, true }, { before.code, before.err:find("at most 107 bytes", 1, true) ~= nil })
        local answer = refused("--root", "/dev/null/r", "--address", home.dir .. "/s")
        assert.equal(2, answer.code)
        assert.is_truthy(answer.err:find("moonsnap: serve: open store /dev/null/r", 1, true), answer.err)
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
        assert.equal(path, served:entry("ready").address)
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

    it("by freeing directories that a kill left without a row", function()
        local served <close> = service.new()
        do
            local store <close> = assert(moonsnap.open { root = served.root, namespace = "containerd" })
            for i = 1, 3 do
                assert(store:prepare("a" .. i))
            end
            assert(store:remove("a2"))
            tree.mkdir(served.root .. "/layers/2") -- it was killed between its COMMIT and the removal of that
        end
        served:start()
        local till = os.time() + 10
        while tree.exists(served.root .. "/layers/2") and os.time() < till do
            stat_fails_well(served.address)
        end
        assert.same({ "1", "3" }, tree.list(served.root .. "/layers"))
    end)

    it("by freeing what removals have left in the trash", function()
        local served <close> = service.new()
        do
            local store <close> = assert(moonsnap.open { root = served.root })
            assert(store:prepare("a"))
            tree.write(assert(store:layers("a"))[1] .. "/file", "x")
            assert(store:remove("a", { later = true }))
        end
        assert.equal(1, #tree.list(served.root .. "/trash"))
        served:start()
        local till = os.time() + 10
        while #tree.list(served.root .. "/trash") > 0 and os.time() < till do
            stat_fails_well(served.address)
        end
        assert.same({}, tree.list(served.root .. "/trash"))
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
        assert.is_not_nil(served:entry("stopped"))
    end)

    it("after the calls that are under way", function()
        local served <close> = service.new()
        served:configure(slow.config(served.dir))
        served:start()
        local calling <close> = slow.call(served.address)
        slow.await_begun(served.dir)
        served:signal()
        served:await_note("STOPPING=1")
        assert.is_false(tree.exists(served.address))
        assert.is_not_nil(served.pid)
        tree.write(served.dir .. "/go")
        assert.equal("answered\tnil\n", (calling:finish()))
        assert.equal(0, served:finish())
    end)

    it("after answering who had connected before", function()
        local served <close> = service.start()
        local setup <close> = caller.new(served.address)
        assert(setup:snapshots("Prepare", { key = "a" }))
        served:signal(signal.SIGSTOP)
        local answers, clients = {}, {}
        for i = 1, 40 do
            clients[i] = caller.new(served.address)
            local request = moonsnap.message.type(STAT):encode({ key = "a" })
            local next_message, state = clients[i].client:stream(STAT_PATH, request, { timeout_ms = 20000 })
            answers[i] = function() return next_message(state) end
        end
        served:signal()
        served:signal(signal.SIGCONT)
        for i = 1, 40 do
            assert.is_not_nil(answers[i]())
            clients[i].client:close()
        end
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
        slow.await_begun(served.dir)
        served:signal()
        assert.equal(0, served:finish(5))
        assert.is_truthy(calling:finish():find("^unavailable"))
    end)

    it("at once when told twice", function()
        local served <close> = service.new { args = { "--grace", "60" } }
        served:configure(slow.config(served.dir))
        served:start()
        local calling <close> = slow.call(served.address)
        slow.await_begun(served.dir)
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

    it("while the next one serves already, on the same root and path", function()
        local served <close> = service.new()
        served:configure(slow.config(served.dir))
        served:start()
        local calling <close> = slow.call(served.address)
        slow.await_begun(served.dir)
        served:signal()
        served:await_note("STOPPING=1")
        local following <close> = service.start { beside = served }
        local to <close> = caller.new(following.address)
        assert(to:snapshots("Prepare", { key = "a" }))
        tree.write(served.dir .. "/go")
        assert.equal("answered\tnil\n", (calling:finish()))
        assert.equal(0, served:finish())
        stat_fails_well(following.address)
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
