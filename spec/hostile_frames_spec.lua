--- Clients that speak wrongly, against a running service: each is refused in the way that its fault deserves, and an
--- ordinary client beside them notices nothing.
local moonsnap = require "moonsnap"
local peers = require "spec.support.peer"
local sieges = require "spec.support.siege"

local STAT, REQUEST, HEADERS = sieges.STAT, sieges.REQUEST, sieges.HEADERS
local frame = peers.frame

--- HEADERS of a Stat.
local function headers(stream, flags, more)
    local all = { ["containerd-namespace"] = "one" }
    for name, value in pairs(more or {}) do
        all[name] = value
    end
    return peers.headers(stream, STAT, all, flags)
end

local function data(stream, payload, flags)
    return frame(peers.DATA, flags or peers.END_STREAM, stream, payload)
end

--- What breaks the connection: bytes behind the client's hello, and GOAWAY's code for it (none: any end will do).
local BREAKS = {
    { "a frame that is too large", frame(peers.DATA, 0, 1, "", 1 << 20), "6" },
    { "DATA on stream 0", frame(peers.DATA, 0, 0, "x"), "1" },
    { "HEADERS on stream 0", frame(peers.HEADERS, 4, 0, ""), "1" },
    { "HEADERS on an even stream", peers.headers(2, STAT), "1" },
    { "DATA on a stream that never was", frame(peers.DATA, 1, 7, "x"), "1" },
    { "WINDOW_UPDATE by 0", frame(peers.WINDOW, 0, 0, "\0\0\0\0"), "1" },
    { "a window beyond 2^31", frame(peers.WINDOW, 0, 0, "\x7f\xff\xff\xff"):rep(2), "3" },
    { "SETTINGS of 5 bytes", frame(peers.SETTINGS, 0, 0, "\0\4\0\0\0"), "6" },
    { "SETTINGS with a window beyond 2^31", peers.settings { [4] = 0x80000000 }, "3" },
    { "SETTINGS on a stream", frame(peers.SETTINGS, 0, 1, ""), "1" },
    { "PING of 7 bytes", frame(peers.PING, 0, 0, "1234567"), "6" },
    { "RST_STREAM of a stream that never was", frame(peers.RST, 0, 9, "\0\0\0\8"), "1" },
    { "PUSH_PROMISE", frame(peers.PUSH, 4, 1, "\0\0\0\2"), "1" },
    { "CONTINUATION out of nowhere", frame(peers.CONTINUATION, 4, 1, ""), "1" },
    { "another frame between HEADERS and CONTINUATION", frame(peers.HEADERS, 0, 1, "") .. frame(peers.PING, 0, 0,
        "12345678"), "1" },
    { "a header block that is none", frame(peers.HEADERS, 5, 1, "\xff\xff\xff\xff\xff\xff\xff"), "9" },
    { "an index into an empty table", frame(peers.HEADERS, 5, 1, "\xff\x00"), "9" },
    { "padding longer than the frame", frame(peers.HEADERS, 4 | peers.PADDED, 1, "\xffabc"), "%d" },
}

describe("a connection", function()
    it("that is broken by a frame is closed, with GOAWAY's code for it", function()
        local siege <close> = sieges.start()
        for _, case in ipairs(BREAKS) do
            local peer <close> = peers.greet(siege.address)
            peer:say(case[2])
            assert.is_true(peer:ended(), case[1])
            assert.is_truthy(peer:frames():find("\nGOAWAY 0 " .. case[3] .. "\n"),
                ("%s: %s"):format(case[1], peer:frames()))
            assert.is_nil(peer:frames():find("grpc-status=0", 1, true), case[1])
            siege:look()
        end
        siege:check(2)
    end)

    it("that is no HTTP/2 is closed", function()
        local siege <close> = sieges.start()
        for _, bytes in ipairs {
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\22\3\1\2\0\1\0\1\xfc\3\3", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
            ("\0"):rep(100), ("\xff"):rep(100), "\n", peers.PREFACE .. headers(1), -- SETTINGS come first
        } do
            local peer <close> = assert(peers.connect(siege.address))
            peer:say(bytes)
            assert.is_true(peer:ended(), ("%q"):format(bytes))
            assert.is_nil(peer:frames():find("grpc-status", 1, true))
        end
        siege:check(2)
    end)

    it("of random bytes, behind a preface or not, hurts nobody", function()
        local siege <close> = sieges.start()
        local seed = require "spec.support.seed"
        math.randomseed(seed)
        local function noise(size)
            local bytes = {}
            for i = 1, size do
                bytes[i] = string.char(math.random(0, 255))
            end
            return table.concat(bytes)
        end
        for i = 1, 200 do
            local peer <close> = assert(peers.connect(siege.address))
            local hello = peers.PREFACE .. peers.settings()
            if i % 4 == 0 then
                peer:say(noise(math.random(1, 400)))
            elseif i % 4 == 1 then
                peer:say(hello .. noise(math.random(1, 400)))
            elseif i % 4 == 2 then -- frames that are whole, of any type and content
                peer:say(hello)
                for _ = 1, 20 do
                    local type, flags, stream = math.random(0, 11), math.random(0, 255), math.random(0, 9)
                    peer:say(frame(type, flags, stream, noise(math.random(0, 40))))
                end
            else -- a good call with some bytes changed
                local bytes = hello .. headers(1) .. data(1, peers.message(REQUEST))
                for _ = 1, 3 do
                    local at = math.random(#peers.PREFACE + 1, #bytes)
                    bytes = bytes:sub(1, at - 1) .. noise(1) .. bytes:sub(at + 1)
                end
                peer:say(bytes)
            end
            peer:take(0)
            if i % 20 == 0 then
                siege:look()
            end
        end
        siege:check(3)
        assert.is_true(siege.calls > 10, "seed " .. seed)
    end)
end)

--- A call that is refused, as frames behind HEADERS of Stat, and the status.
local REFUSED = {
    { "no message", "", "13" },
    { "a cut prefix", "\0\0\0", "13" },
    { "a message that is cut", peers.message("abc", 4), "13" },
    { "more than its length says", peers.message("abc", 2), "13" },
    { "two messages", peers.message(REQUEST):rep(2), "13" },
    { "a compressed one", peers.message(REQUEST, nil, 1), "12" },
    { "a flag that is none", peers.message(REQUEST, nil, 2), "13" },
    { "no protobuf", peers.message("\xff\xff\xff\xff"), "13" },
    { "a field that is longer than the message", peers.message("\18\100k"), "13" },
    { "a varint without end", peers.message("\18" .. ("\xff"):rep(20)), "13" },
    { "a group", peers.message("\19k"), "13" },
    { "NUL in a key", peers.message("\10\9overlayfs\18\3a\0b"), "3" },
    { "a key that is no UTF-8", peers.message("\10\9overlayfs\18\2\xc3("), "3" },
}

describe("a call", function()
    it("whose request is none is refused, and the connection goes on", function()
        local siege <close> = sieges.start()
        local peer <close> = peers.greet(siege.address)
        for i, case in ipairs(REFUSED) do
            local stream = 2 * i - 1
            peer:say(headers(stream) .. data(stream, case[2]))
            local status = peer:heard(("HEADERS %d end[^\n]* grpc%%-status=(%%d+)"):format(stream))
            assert.equal(case[3], status, case[1])
        end
        peer:say(headers(101) .. data(101, peers.message(REQUEST)))
        assert.equal("0", peer:heard("HEADERS 101 end[^\n]*grpc%-status=(%d+)"))
        siege:check(1)
    end)

    it("whose headers are wrong is refused, and the connection goes on", function()
        local siege <close> = sieges.start()
        local peer <close> = peers.greet(siege.address)
        for i, case in ipairs {
            { { [":method"] = "GET" }, "grpc%-status=13" },
            { { ["content-type"] = "application/json" }, ":status=415" },
            { { ["grpc-timeout"] = "banana" }, "grpc%-status=13" },
            { { ["grpc-timeout"] = "123456789S" }, "grpc%-status=13" },
            { { [":path"] = "/nothing" }, "grpc%-status=12" },
            { { [":path"] = "/containerd.services.snapshots.v1.Snapshots/None" }, "grpc%-status=12" },
            { { [":path"] = "" }, "grpc%-status=12" },
            { { ["containerd-namespace"] = "../x" }, "grpc%-status=3" },
            { { ["containerd-namespace"] = "" }, "grpc%-status=9" },
        } do
            local stream = 2 * i - 1
            peer:say(headers(stream, 0, case[1]) .. data(stream, peers.message(REQUEST)))
            assert.is_truthy(peer:heard(("HEADERS %d[^\n]* %s"):format(stream, case[2]))
                or peer:heard(("RST_STREAM %d %s"):format(stream, case[2]), 0),
                ("case %d: %s"):format(i, peer:frames()))
        end
        peer:say(headers(101) .. data(101, peers.message(REQUEST)))
        assert.equal("0", peer:heard("HEADERS 101 end[^\n]*grpc%-status=(%d+)"))
        siege:check(1)
    end)

    it("with more headers than the service takes does not get through", function()
        local siege <close> = sieges.start()
        local peer <close> = peers.greet(siege.address)
        peer:say(headers(1, 0, { big = ("x"):rep(16000) }) .. data(1, peers.message(REQUEST)))
        assert.is_nil(peer:heard("grpc%-status=0", 0.5))
        siege:check(1)
    end)

    it("whose message is announced as too large is refused before it comes", function()
        local siege <close> = sieges.start()
        local peer <close> = peers.greet(siege.address)
        for i, length in ipairs { 16 * 1024 * 1024 + 1, 0xffffffff } do
            local stream = 2 * i - 1
            peer:say(headers(stream) .. data(stream, peers.message("abc", length), 0))
            assert.equal("8", peer:heard(("HEADERS %d end[^\n]*grpc%%-status=(%%d+)"):format(stream)))
        end
        siege:check(1)
    end)

    it("with a message as large as it may be is answered", function()
        local siege <close> = sieges.start()
        local reply, err = siege.client.client:call(STAT, REQUEST .. "\x7a\x80\x80\x80\6" .. ("x"):rep(12 << 20),
            { headers = HEADERS })
        assert(reply, tostring(err))
        collectgarbage()
        siege:check(40)
    end)

    it("that keeps its request to itself ends at its deadline", function()
        local siege <close> = sieges.start()
        local peer <close> = peers.greet(siege.address)
        local from = moonsnap.sys.steady()
        peer:say(headers(1, 0, { ["grpc-timeout"] = "300m" }) .. data(1, peers.message("abc", 1000), 0))
        assert.equal("4", peer:heard("HEADERS 1 end[^\n]*grpc%-status=(%d+)"))
        assert.is_true(moonsnap.sys.steady() - from >= 0.25)
        siege:check(1)
    end)

    it("that comes byte by byte is answered", function()
        local siege <close> = sieges.start()
        local peer <close> = assert(peers.connect(siege.address))
        for byte in (peers.PREFACE .. peers.settings() .. headers(1) .. data(1, peers.message(REQUEST))):gmatch(".") do
            peer:say(byte)
        end
        assert.equal("0", peer:heard("HEADERS 1 end[^\n]*grpc%-status=(%d+)"))
        siege:check(1)
    end)

    it("whose DATA is mostly padding is answered: padding uses up no window for ever", function()
        local siege <close> = sieges.start()
        local peer <close> = peers.greet(siege.address)
        local rest = peers.message(REQUEST .. "\x7a\xf0\x2e" .. ("x"):rep(6000))
        local pings = 0
        peer:say(headers(1))
        while rest ~= "" do -- some 1.5 MB of padding; the window is 64 KiB
            local part = rest:sub(1, 100):gsub(".", function(byte)
                return frame(peers.DATA, peers.PADDED, 1, "\xff" .. byte .. ("\0"):rep(255))
            end)
            rest, pings = rest:sub(101), pings + 1
            peer:say(part .. frame(peers.PING, 0, 0, ("%08d"):format(pings)))
            assert(peer:received(("%08d"):format(pings)), "no answer after " .. pings)
        end
        peer:say(data(1, ""))
        assert.equal("0", peer:heard("HEADERS 1 end[^\n]*grpc%-status=(%d+)"))
        siege:check(2)
    end)

    it("with trailers of its own is answered", function()
        local siege <close> = sieges.start()
        local peer <close> = peers.greet(siege.address)
        local trailers = peers.block { { "x", "y" } }
        peer:say(headers(1) .. data(1, peers.message(REQUEST), 0)
            .. frame(peers.HEADERS, peers.END_HEADERS | peers.END_STREAM, 1, trailers))
        assert.equal("0", peer:heard("HEADERS 1 end[^\n]*grpc%-status=(%d+)"))
        siege:check(1)
    end)

    it("that is half closed at once is answered", function()
        local socket = require "posix.sys.socket"
        local siege <close> = sieges.start()
        local peer <close> = peers.greet(siege.address)
        peer:say(headers(1) .. data(1, peers.message(REQUEST)))
        socket.shutdown(peer.fd, socket.SHUT_WR)
        assert.equal("0", peer:heard("HEADERS 1 end[^\n]*grpc%-status=(%d+)"))
        assert.is_true(peer:ended())
        siege:check(1)
    end)
end)
