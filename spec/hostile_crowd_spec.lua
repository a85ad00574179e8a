--- Clients that are many, slow or silent, against a running service: each costs little, none is waited for, and an
--- ordinary client beside them is answered all the time.
local moonsnap = require "moonsnap"
local peers = require "spec.support.peer"
local sieges = require "spec.support.siege"

local STAT, LIST, REQUEST, LIST_REQUEST = sieges.STAT, sieges.LIST, sieges.REQUEST, sieges.LIST_REQUEST
local ONE = { ["containerd-namespace"] = "one" }

local WINDOW = 4 -- SETTINGS_INITIAL_WINDOW_SIZE

--- A connection that has asked for count lists and reads none of them.
local function lists(siege, count, more, settings)
    local peer, calls = peers.greet(siege.address, settings), {}
    local fields = { ["containerd-namespace"] = "one" }
    for name, value in pairs(more or {}) do
        fields[name] = value
    end
    for i = 1, count do
        calls[i] = peers.call(2 * i - 1, LIST, LIST_REQUEST, fields)
    end
    assert(peer:say(table.concat(calls), { deaf = true }))
    return peer
end

local function close_all(all)
    for _, peer in ipairs(all) do
        peer:close()
    end
end

--- Calls of the ordinary client for some time.
local function look_for(siege, seconds)
    local till = moonsnap.sys.steady() + seconds
    repeat
        siege:look()
    until moonsnap.sys.steady() > till
end

describe("a crowd", function()
    it("of a thousand lists that nobody reads costs little and goes without a trace", function()
        local siege <close> = sieges.start()
        local descriptors = siege:descriptors()
        siege:fill(800)
        siege:look()
        siege.before = siege:memory()
        local all = {}
        for i = 1, 50 do
            all[i] = lists(siege, 20, nil, i % 2 == 0 and { [WINDOW] = 0 } or nil)
            siege:look()
        end
        look_for(siege, 0.5)
        assert(siege.client:snapshots("Prepare", { snapshotter = "overlayfs", key = "beside" }))
        siege:check(50)
        close_all(all)
        siege:settle(descriptors)
        assert(siege.client:snapshots("Remove", { snapshotter = "overlayfs", key = "beside" }))
        siege:check(50)
    end)

    it("of lists with a window that takes all, into a socket that nobody reads, is held back", function()
        local siege <close> = sieges.start()
        siege:fill(800)
        siege:look()
        siege.before = siege:memory()
        local peer = lists(siege, 200, nil, { [WINDOW] = 0x7fffffff })
        peer:say(peers.frame(peers.WINDOW, 0, 0, "\x3f\xff\xff\xff"), { deaf = true })
        look_for(siege, 0.5)
        siege:check(20)
        peer:close()
        siege:check(20)
    end)

    it("of lists that are not read ends at its deadline", function()
        local siege <close> = sieges.start()
        siege:fill(800)
        local peer <close> = lists(siege, 5, { ["grpc-timeout"] = "300m" }, { [WINDOW] = 100 })
        for stream = 1, 9, 2 do
            assert.is_truthy(peer:heard(("RST_STREAM %d 8\n"):format(stream))
                or peer:heard(("HEADERS %d end[^\n]*grpc%%-status=4"):format(stream), 0), peer:frames())
        end
        peer:say(peers.call(101, STAT, REQUEST, ONE))
        siege:check(10)
    end)

    it("of lists that are cancelled or cut off in the middle leaves nothing behind", function()
        local siege <close> = sieges.start()
        siege:fill(800)
        local descriptors = siege:descriptors()
        siege:look()
        siege.before = siege:memory()
        for _ = 1, 20 do
            local peer <close> = lists(siege, 20)
            assert(peer:heard("DATA 1 %d"))
            for stream = 1, 19, 2 do
                peer:say(peers.frame(peers.RST, 0, stream, "\0\0\0\8"))
            end
            peer:say(peers.call(101, STAT, REQUEST, ONE))
            siege:look()
        end
        siege:settle(descriptors)
        siege:check(10)
    end)

    it("of 300 idle connections costs little", function()
        local siege <close> = sieges.start()
        local descriptors, all = siege:descriptors(), {}
        for i = 1, 300 do
            all[i] = peers.greet(siege.address)
            all[i]:say(peers.call(1, STAT, REQUEST, ONE))
        end
        for i = 1, 300, 50 do
            assert(all[i]:heard("grpc%-status=0"))
        end
        look_for(siege, 0.2)
        siege:check(20)
        close_all(all)
        siege:settle(descriptors)
    end)

    it("of more connections than descriptors waits, and others go on", function()
        local siege <close> = sieges.start {
            command = { "sh", "-c", 'ulimit -n 64 && exec "$@"', "sh", "bin/moonsnap" },
        }
        local descriptors, all = siege:descriptors(), {}
        for i = 1, 100 do -- the kernel takes what the service does not accept yet
            all[i] = peers.connect(siege.address)
            if all[i] then
                all[i]:say(peers.PREFACE .. peers.settings() .. peers.call(1, STAT, REQUEST, ONE))
            end
        end
        assert(all[1]:heard("grpc%-status=0"))
        look_for(siege, 0.5)
        assert.is_true(siege:descriptors() < 70, siege:descriptors() .. " descriptors")
        assert.is_nil(all[100]:heard("grpc%-status", 0.2))
        for i = 1, 80 do
            all[i]:close()
        end
        assert(all[100]:heard("grpc%-status=0")) -- those that waited are next
        close_all(all)
        siege:settle(descriptors)
        siege:check(10)
    end)
end)

describe("a connection that stays silent #slow", function()
    it("before its preface is over is closed after ten seconds; one that has greeted stays", function()
        local siege <close> = sieges.start()
        local silent <close> = assert(peers.connect(siege.address))
        local partial <close> = assert(peers.connect(siege.address))
        partial:say(peers.PREFACE:sub(1, 10))
        local unset <close> = assert(peers.connect(siege.address))
        unset:say(peers.PREFACE)
        local greeted <close> = peers.greet(siege.address)
        local from = moonsnap.sys.steady()
        assert.is_true(silent:ended(15) and partial:ended(15) and unset:ended(15))
        assert.is_true(moonsnap.sys.steady() - from > 5)
        greeted:say(peers.call(1, STAT, REQUEST, ONE))
        assert(greeted:heard("grpc%-status=0"))
        siege:check(2)
    end)
end)
