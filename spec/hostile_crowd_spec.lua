--- Clients that are many, slow or silent, against a running service: each costs little, none is waited for, and an
--- ordinary client beside them is answered all the time.
local moonsnap = require "moonsnap"
local peers = require "spec.support.peer"
local sieges = require "spec.support.siege"

local STAT, REQUEST = sieges.STAT, sieges.REQUEST
local ONE = { ["containerd-namespace"] = "one" }

local WINDOW = 4 -- SETTINGS_INITIAL_WINDOW_SIZE

describe("a crowd", function()
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
        siege:look_for(0.2)
        siege:check(20)
        peers.close_all(all)
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
        siege:look_for(0.5)
        assert.is_true(siege:descriptors() < 70, siege:descriptors() .. " descriptors")
        assert.is_nil(all[100]:heard("grpc%-status", 0.2))
        local commit = { snapshotter = "overlayfs", name = "n", key = "k" }
        local full, err = siege.client:snapshots("Commit", commit) -- it has to open the layer
        assert.is_true(full ~= nil or err.kind == "resource_exhausted", tostring(err))
        for i = 1, 80 do
            all[i]:close()
        end
        assert(all[100]:heard("grpc%-status=0")) -- those that waited are next
        if not full then
            assert(siege.client:snapshots("Commit", commit))
            assert(siege.client:snapshots("Prepare", { snapshotter = "overlayfs", key = "k" }))
        end
        peers.close_all(all)
        siege:settle(descriptors)
        siege:check(10)
    end)
end)

describe("a service that ends", function()
    it("does not wait longer than its grace for clients that hold on", function()
        local siege <close> = sieges.start { args = { "--grace", "1" } }
        siege:fill(800)
        local all = { siege:lists(20), siege:lists(20, nil, { [WINDOW] = 0 }), peers.greet(siege.address),
            assert(peers.connect(siege.address)) }
        siege:look_for(0.2)
        local from = moonsnap.sys.steady()
        siege.served:signal()
        assert.equal(0, siege.served:finish(20))
        assert.is_true(moonsnap.sys.steady() - from < 5)
        for _, peer in ipairs(all) do
            assert.is_true(peer:ended())
        end
        peers.close_all(all)
    end)

    it("in the middle of its clients' writes loses none that it has answered", function()
        local siege <close> = sieges.start { args = { "--grace", "15" } }
        local prepare, calls = "/containerd.services.snapshots.v1.Snapshots/Prepare", {}
        for i = 1, 300 do
            calls[i] = peers.call(2 * i - 1, prepare, ("\10\9overlayfs\18\4w%03d"):format(i), ONE)
        end
        local peer <close> = peers.greet(siege.address)
        peer:say(table.concat(calls))
        siege.served:signal()
        assert.equal(0, siege.served:finish(30))
        peer:ended()
        local frames, answered = peer:frames(), 0
        local store <close> = assert(moonsnap.open { root = siege.served.root, namespace = "one" })
        for i = 1, 300 do
            if frames:find(("HEADERS %d end[^\n]*grpc%%-status=0"):format(2 * i - 1)) then
                answered = answered + 1
                assert(store:stat(("w%03d"):format(i)))
            end
        end
        assert.is_true(answered > 0)
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
