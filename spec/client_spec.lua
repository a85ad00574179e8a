--- moonsnap.rpc.connect: calls and streams against servers that behave, and against some that do not.
local fcntl = require "posix.fcntl"
local moonsnap = require "moonsnap"
local signal = require "posix.signal"
local socket = require "posix.sys.socket"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"
local world = require "spec.support.world"

local expect = require "spec.support.expect"

local rpc = moonsnap.rpc
local fails = expect.fails

--- A child that serves a socket with fn(listening descriptor); closing it ends it.
local function serving(fn)
    local home = world.bare()
    local path = home.dir .. "/s"
    local fd = assert(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0))
    assert(socket.bind(fd, { family = socket.AF_UNIX, path = path }))
    assert(socket.listen(fd, 8))
    local pid = assert(unistd.fork())
    if pid == 0 then
        local ok, wrong = pcall(fn, fd)
        if not ok then
            io.stderr:write(tostring(wrong), "\n")
        end
        unistd._exit(1)
    end
    unistd.close(fd)
    return setmetatable({ path = path, pid = pid }, { __close = function(_, failure)
        signal.kill(pid, signal.SIGKILL)
        wait.wait(pid)
        home:close(failure)
    end })
end

--- A gRPC server whose calls go to handlers by path.
local function grpc(handlers)
    return serving(function(fd)
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | fcntl.O_NONBLOCK)
        local loop = rpc.loop()
        local server = loop:serve { fd = fd }
        while true do
            loop:wait(-1)
            for call in function() return server:next() end do
                handlers[call:path()](call, server)
            end
            for call in function() return server:woken() end do
                handlers.woken(call)
            end
        end
    end)
end

local function connected(server)
    return assert(rpc.connect(server.path))
end

local function echo(call)
    call:reply(assert(call:read(moonsnap.message.type("moonsnap.v1.CallResponse"))),
        moonsnap.message.type("moonsnap.v1.CallResponse"))
end

local function line(text)
    return moonsnap.message.type("moonsnap.v1.CallResponse"):encode { line = text }
end

describe("rpc.connect(path)", function()
    it("is unavailable when nobody listens", function()
        local home <close> = world.bare()
        fails("unavailable", rpc.connect(home.dir .. "/none"))
    end)

    it("refuses what can be no path", function()
        fails("invalid_argument", rpc.connect(("x"):rep(108)))
        fails("invalid_argument", rpc.connect(""))
        fails("invalid_argument", rpc.connect("/a\0b"))
    end)
end)

describe("client:call(path, request)", function()
    it("answers the reply's bytes, empty and long ones too", function()
        local server <close> = grpc { ["/echo"] = echo }
        local client <close> = connected(server)
        for _, size in ipairs { 0, 1, 100, 16384, 65536, 5000000 } do
            assert.equal(line(("x"):rep(size)), client:call("/echo", line(("x"):rep(size))))
        end
    end)

    it("answers each status as its kind, with the message as it was", function()
        local server <close> = grpc {
            ["/fail"] = function(call) call:fail(call:header("containerd-lease") + 0, "why: 100% \u{fc}\n") end,
        }
        local client <close> = connected(server)
        local kinds = {
            "canceled", "internal", "invalid_argument", "deadline_exceeded", "not_found", "already_exists",
            "permission_denied", "resource_exhausted", "failed_precondition", "aborted", "internal", "unimplemented",
            "internal", "unavailable", "data_loss", "internal",
        }
        for code, kind in ipairs(kinds) do
            local err = fails(kind, client:call("/fail", "", { headers = { ["containerd-lease"] = tostring(code) } }))
            assert.equal("why: 100% \u{fc}\n", err.message)
        end
    end)

    it("gives up when its time is over, and goes on with the next", function()
        local server <close> = grpc { ["/never"] = function() end, ["/echo"] = echo }
        local client <close> = connected(server)
        fails("deadline_exceeded", client:call("/never", "", { timeout_ms = 30 }))
        assert.equal(line "a", client:call("/echo", line "a", { timeout_ms = 10000 }))
    end)

    it("is unavailable once the server is gone", function()
        local server <close> = grpc { ["/die"] = function() unistd._exit(0) end }
        local client <close> = connected(server)
        fails("unavailable", client:call("/die", ""))
        fails("unavailable", client:call("/die", ""))
    end)

    it("refuses an answer without a message, and one of more than 16 MiB", function()
        local server <close> = grpc {
            ["/none"] = function(call) call:finish() end,
            ["/two"] = function(call)
                call:send("")
                call:send("")
                call:finish()
            end,
            ["/long"] = function(call) call:reply(("x"):rep(16 * 1024 * 1024 + 1)) end,
            ["/echo"] = echo,
        }
        local client <close> = connected(server)
        fails("internal", client:call("/none", ""))
        fails("internal", client:call("/two", ""))
        fails("resource_exhausted", client:call("/long", ""))
        assert.equal(line "a", client:call("/echo", line "a"))
    end)

    it("refuses headers that can be none", function()
        local server <close> = grpc { ["/echo"] = echo }
        local client <close> = connected(server)
        for _, bad in ipairs { "a\nb", "\u{fc}", "a\rb", "\127", "a\0b", "\0" } do
            fails("invalid_argument", client:call("/echo", "", { headers = { a = bad } }))
        end
        assert.equal(line "a", client:call("/echo", line "a"))
    end)

    it("raises when it is used wrongly", function()
        local server <close> = grpc { ["/echo"] = echo }
        local client = connected(server)
        assert.has_error(function() client:call("/echo") end)
        assert.has_error(function() client:call("/echo", "", { headers = { 1 } }) end)
        assert.has_error(function() client:call("/echo", "", { timeout_ms = -1 }) end)
        client:close()
        client:close()
        assert.error_matches(function() client:call("/echo", "") end, "closed")
    end)
end)

describe("client:stream(path, request)", function()
    --- Sends numbered messages for ever, as fast as they are read, and tells how many went out.
    local function endless(size)
        local sent, over, streams = 0, 0, {}
        local function go_on(call)
            while call:alive() and call:writable() do
                sent = sent + 1
                call:send(line(("%d "):format(sent) .. ("x"):rep(size)))
            end
            if call:alive() then
                call:wait()
            else
                over = over + 1
            end
        end
        return {
            ["/endless"] = function(call)
                streams[#streams + 1] = call
                go_on(call)
            end,
            woken = go_on,
            ["/sent"] = function(call) call:reply(line(("%d"):format(sent))) end,
            ["/over"] = function(call) call:reply(line(("%d"):format(over))) end,
        }
    end

    local function number(client, path)
        return tonumber(moonsnap.message.type("moonsnap.v1.CallResponse"):decode(assert(client:call(path, ""))).line)
    end

    it("gives each message, and other calls go on meanwhile", function()
        local server <close> = grpc {
            ["/many"] = function(call)
                for i = 1, 300 do
                    call:send(line(tostring(i)))
                end
                call:finish()
            end,
            ["/echo"] = echo,
        }
        local client <close> = connected(server)
        local count = 0
        for bytes in client:stream("/many", "") do
            count = count + 1
            assert.equal(line(tostring(count)), bytes)
            assert.equal(bytes, client:call("/echo", bytes))
        end
        assert.equal(300, count)
    end)

    it("raises the error that ends it, behind what came before", function()
        local server <close> = grpc {
            ["/some"] = function(call)
                call:send(line "a")
                call:fail(5, "no more: not found")
            end,
        }
        local client <close> = connected(server)
        local seen = 0
        local ok, err = pcall(function()
            for _ in client:stream("/some", "") do
                seen = seen + 1
            end
        end)
        assert.same({ false, "not_found", "no more: not found", 1 }, { ok, err.kind, err.message, seen })
    end)

    it("leaves what nobody reads with the server", function()
        local server <close> = grpc(endless(65536))
        local client <close> = connected(server)
        local next_message, stream, _, closing = client:stream("/endless", "")
        local _guard <close> = closing
        assert(next_message(stream))
        local before = -1
        repeat
            local now = number(client, "/sent")
            local still = now == before
            before = now
        until still
        assert.is_true(before < 100, before .. " messages of 64 KiB")
        for _ = 1, 200 do
            assert(next_message(stream))
        end
        assert.is_true(number(client, "/sent") > before)
    end)

    it("tells the server when it is left", function()
        local server <close> = grpc(endless(10))
        local client <close> = connected(server)
        do
            local next_message, stream, _, closing = client:stream("/endless", "")
            local _guard <close> = closing
            assert(next_message(stream))
        end
        local tries = 0
        while number(client, "/over") == 0 do
            tries = tries + 1
            assert.is_true(tries < 1000, "the server still sends")
        end
    end)

    it("ends with its client", function()
        local server <close> = grpc(endless(10))
        local client = connected(server)
        local next_message, stream = client:stream("/endless", "")
        client:close()
        assert.error_matches(function() next_message(stream) end, "closed")
    end)
end)

describe("a client of no gRPC server", function()
    local function answering(bytes)
        return serving(function(fd)
            while true do
                local peer = assert(socket.accept(fd))
                socket.recv(peer, 65536)
                if bytes ~= "" then
                    socket.send(peer, bytes)
                end
                unistd.close(peer)
            end
        end)
    end

    local SETTINGS = "\0\0\0\4\0\0\0\0\0"

    for what, bytes in pairs {
        ["says nothing"] = "",
        ["speaks HTTP/1"] = "HTTP/1.1 400 Bad Request\r\n\r\n",
        ["sends noise"] = ("\xde\xad\xbe\xef"):rep(100),
        ["goes away behind its SETTINGS"] = SETTINGS,
        ["sends GOAWAY"] = SETTINGS .. "\0\0\8\7\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ["sends half a frame"] = SETTINGS .. "\0\0\9\1",
        ["resets the call"] = SETTINGS .. "\0\0\4\3\0\0\0\0\1\0\0\0\7",
    } do
        it("is unavailable when it " .. what, function()
            local server <close> = answering(bytes)
            local client <close> = connected(server)
            fails("unavailable", client:call("/x", "", { timeout_ms = 10000 }))
        end)
    end
end)
