--- Clients that send too much, against a running service: they are cut off or held back, in bounded memory, and an
--- ordinary client beside them is answered all the time.
local peers = require "spec.support.peer"
local sieges = require "spec.support.siege"

local STAT, LIST, REQUEST = sieges.STAT, sieges.LIST, sieges.REQUEST
local frame = peers.frame
local ONE = { ["containerd-namespace"] = "one" }

local PATIENCE = 0.5 -- seconds without a byte taken: held back

--- Sends parts, made by part(i), while an ordinary client calls now and then. Answers true when all was taken.
local function flood(siege, peer, parts, part, options)
    for i = 1, parts do
        local answered = peer:size() + (options.answer or 0)
        if not peer:say(part(i), options) then
            return false
        end
        while peer:size() < answered and not peer.closed do
            peer:take(5)
        end
        if i % 8 == 0 then
            siege:look()
        end
    end
    return true
end

local PING = frame(peers.PING, 0, 0, "12345678")
local CANCEL = "\0\0\0\8"

--- What is sent in parts, how many, and how that ends: "closed" by the service, "stopped" (closed or not
--- read any more), "taken" whole, or whatever, and "borne". The last
--- value: true for a peer that never reads, the bytes of answers to a part for one that waits for them.
local FLOODS = {
    { "resets of calls", "closed", 40, function(i)
        local calls = {}
        for j = 1, 100 do
            local stream = 2 * (100 * i + j) - 1
            calls[j] = peers.headers(stream, LIST, ONE) .. frame(peers.RST, 0, stream, CANCEL)
        end
        return table.concat(calls)
    end },
    { "resets of calls whose answer is under way", "closed", 40, function(i)
        local calls = {}
        for j = 1, 100 do
            local stream = 2 * (100 * i + j) - 1
            calls[j] = peers.call(stream, STAT, REQUEST, ONE) .. frame(peers.RST, 0, stream, CANCEL)
        end
        return table.concat(calls)
    end },
    { "CONTINUATIONs", "closed", 40, function(i)
        local more = frame(peers.CONTINUATION, 0, 1, "\0\1a\1b"):rep(1000)
        return (i == 1 and frame(peers.HEADERS, 0, 1, "") or "") .. more
    end },
    { "empty CONTINUATIONs", "closed", 40, function(i)
        return (i == 1 and frame(peers.HEADERS, 0, 1, "") or "") .. frame(peers.CONTINUATION, 0, 1):rep(1000)
    end },
    { "headers that unpack to much more", "borne", 40, function(i)
        local stream, big = 2 * i - 1, "\x40\1a\x7f\xa1\x1e" .. ("x"):rep(4000) -- into the table, then from there
        return frame(peers.HEADERS, 4, stream, (i == 1 and big or "") .. ("\xbe"):rep(12000))
    end },
    { "tables for headers that change size", "borne", 40, function(i)
        return frame(peers.HEADERS, 4, 2 * i - 1, ("\x20\x3f\xe1\x1f"):rep(3000))
    end },
    { "PINGs in turn", "taken", 300, function() return PING:rep(100) end, 1700 },
    { "PINGs at once", "stopped", 40, function() return PING:rep(5000) end },
    { "PINGs, never reading", "stopped", 400, function() return PING:rep(100) end, true },
    { "SETTINGS in turn", "taken", 300, function() return peers.settings { [3] = 100 }:rep(100) end, 900 },
    { "SETTINGS at once", "stopped", 40, function() return peers.settings { [3] = 100 }:rep(5000) end },
    { "SETTINGS, never reading", "stopped", 400, function() return peers.settings { [3] = 100 }:rep(100) end, true },
    { "SETTINGS that nobody knows", "borne", 40, function()
        local many = {}
        for i = 100, 2000 do
            many[i] = i
        end
        return peers.settings(many)
    end },
    { "WINDOW_UPDATEs", "borne", 40, function() return frame(peers.WINDOW, 0, 0, "\0\0\0\1"):rep(3000) end },
    { "PRIORITYs", "borne", 40, function(i)
        return frame(peers.PRIORITY, 0, 2 * i + 1, "\0\0\0\0\16"):rep(3000)
    end },
    { "frames of unknown types", "borne", 40, function() return frame(77, 0, 0, ("x"):rep(50)):rep(1000) end },
    { "empty DATA", "borne", 40, function(i)
        return (i == 1 and peers.headers(1, STAT, ONE) or "") .. frame(peers.DATA, 0, 1):rep(5000)
    end },
    { "calls that are refused, never reading", "stopped", 400, function(i)
        local calls = {}
        for j = 1, 100 do
            calls[j] = peers.call(2 * (100 * i + j) - 1, "/nothing/" .. ("x"):rep(100), "")
        end
        return table.concat(calls)
    end, true },
    { "calls, never reading", "stopped", 400, function(i)
        local calls = {}
        for j = 1, 100 do
            calls[j] = peers.call(2 * (100 * i + j) - 1, STAT, REQUEST, ONE)
        end
        return table.concat(calls)
    end, true },
    { "calls that never end", "borne", 50, function(i)
        local calls = {}
        for j = 1, 100 do
            local stream = 2 * (100 * i + j) - 1
            calls[j] = peers.headers(stream, STAT, ONE) .. frame(peers.DATA, 0, stream, peers.message("x", 1000))
        end
        return table.concat(calls)
    end },
}

--- Raises unless the flood ended as its row says.
local function judge(case, peer, all)
    if case[2] == "closed" then
        assert.is_true(peer:ended(), case[1])
    elseif case[2] == "taken" then
        assert.is_true(all, case[1])
    elseif case[2] == "stopped" then
        assert.is_false(all, case[1])
    end
end

describe("a flood", function()
    for _, how in ipairs { "closed", "stopped", "taken", "borne" } do
        it("that is " .. how .. " costs little memory, and nobody else's time", function()
            local siege <close> = sieges.start()
            local descriptors = siege:descriptors()
            for _, case in ipairs(FLOODS) do
                if case[2] == how then
                    local peer <close> = peers.greet(siege.address)
                    local all = flood(siege, peer, case[3], case[4],
                        { deaf = case[5] == true, answer = math.tointeger(case[5]), patience = PATIENCE })
                    siege:check(8)
                    judge(case, peer, all)
                    peer:close()
                    siege:settle(descriptors)
                end
            end
            siege:check(8)
        end)
    end
end)
