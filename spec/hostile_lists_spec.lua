--- Lists that nobody reads, against a running service: each costs one message, none is waited for, and an ordinary
--- client beside them is answered all the time.
local peers = require "spec.support.peer"
local sieges = require "spec.support.siege"

local STAT, REQUEST = sieges.STAT, sieges.REQUEST
local ONE = { ["containerd-namespace"] = "one" }

local WINDOW = 4 -- SETTINGS_INITIAL_WINDOW_SIZE

describe("a crowd", function()
    it("of a thousand lists that nobody reads costs little and goes without a trace", function()
        local siege <close> = sieges.start()
        local descriptors = siege:descriptors()
        siege:fill(800)
        siege:look()
        siege.before = siege:memory()
        local all = {}
        for i = 1, 50 do
            all[i] = siege:lists(20, nil, i % 2 == 0 and { [WINDOW] = 0 } or nil)
            siege:look()
        end
        siege:look_for(0.5)
        assert(siege.client:snapshots("Prepare", { snapshotter = "overlayfs", key = "beside" }))
        siege:check(50)
        peers.close_all(all)
        siege:settle(descriptors)
        assert(siege.client:snapshots("Remove", { snapshotter = "overlayfs", key = "beside" }))
        siege:check(50)
    end)

    it("of lists with a window that takes all, into a socket that nobody reads, is held back", function()
        local siege <close> = sieges.start()
        siege:fill(800)
        siege:look()
        siege.before = siege:memory()
        local peer = siege:lists(200, nil, { [WINDOW] = 0x7fffffff })
        peer:say(peers.frame(peers.WINDOW, 0, 0, "\x3f\xff\xff\xff"), { deaf = true })
        siege:look_for(0.5)
        siege:check(20)
        peer:close()
        siege:check(20)
    end)

    it("of lists that are not read ends at its deadline", function()
        local siege <close> = sieges.start()
        siege:fill(800)
        local peer <close> = siege:lists(5, { ["grpc-timeout"] = "300m" }, { [WINDOW] = 100 })
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
        for _ = 1, 8 do
            local peer <close> = siege:lists(20)
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
end)
