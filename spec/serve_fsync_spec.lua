--- What a sync costs whom: reads never wait for one, writes that come together share one.
local caller = require "spec.support.caller"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local service = require "spec.support.service"
local syncs = require "spec.support.syncs"

local PREPARE = "/containerd.services.snapshots.v1.Snapshots/Prepare"
local REQUEST = "containerd.services.snapshots.v1.PrepareSnapshotRequest"

--- A service whose syncs are ours to hold.
local function held_service()
    local served = service.new()
    local sync = syncs.new(served.dir)
    served.options.env = sync.env
    return served:start(), sync
end

--- Sends Prepares without waiting for their answers: functions that wait for one each.
local function begin_prepares(client, prefix, count, parent)
    local answers = {}
    for i = 1, count do
        local bytes = moonsnap.message.type(REQUEST):encode({ key = prefix .. i, parent = parent or "" })
        local next_message, state = client:stream(PREPARE, bytes, { timeout_ms = 20000 })
        answers[i] = function() return next_message(state) end
    end
    return answers
end

describe("while a sync is held", function()
    it("Stat, Mounts and List are answered", function()
        local served, sync = held_service()
        local _guard <close> = served
        local to <close> = caller.new(served.address)
        local writer <close> = caller.new(served.address)
        assert(to:snapshots("Prepare", { key = "before" }))
        sync:hold()
        local answers = begin_prepares(writer.client, "held", 1)
        sync:await_held()
        for _ = 1, 20 do
            assert(to:snapshots("Stat", { key = "before" }))
            assert(to:snapshots("Mounts", { key = "before" }))
        end
        assert.equal(1, #to:list({}))
        local _, err = to:snapshots("Stat", { key = "held1" })
        assert.equal("not_found", err.kind)
        sync:release()
        assert.is_not_nil(answers[1]())
        assert(to:snapshots("Stat", { key = "held1" }))
    end)

    it("a write is not answered, and 64 that come meanwhile share the next two at most", function()
        local served, sync = held_service()
        local _guard <close> = served
        local to <close> = caller.new(served.address)
        local writer <close> = caller.new(served.address)
        assert(to:snapshots("Prepare", { key = "before" }))
        local before = sync:count()
        sync:hold()
        local first = begin_prepares(writer.client, "first", 1)
        sync:await_held()
        local others = begin_prepares(writer.client, "other", 64)
        assert(writer:snapshots("Stat", { key = "before" })) -- behind them on the same connection: they are there
        assert.equal(before + 1, sync:count())
        sync:release()
        assert.is_not_nil(first[1]())
        for i = 1, 64 do
            assert.is_not_nil(others[i]())
        end
        assert.is_true(sync:count() - before <= 3)
        assert.equal(66, #to:list({}))
    end)
end)

describe("64 Prepares together", function()
    it("cost at most 3 syncs", function()
        local served, sync = held_service()
        local _guard <close> = served
        local to <close> = caller.new(served.address)
        assert(to:snapshots("Prepare", { key = "base" }))
        assert(to:snapshots("Commit", { name = "parent", key = "base" }))
        for round = 1, 5 do
            local before = sync:count()
            -- a client that puts all of them into one packet, whatever else the machine does
            process.must(os.getenv("MOONSNAP_SPEC_TOOLS") .. "/load", served.address, "prepare", "64", "calls=64",
                ("key=round%d-"):format(round), "parent=parent")
            local cost = sync:count() - before
            assert.is_true(cost >= 1 and cost <= 3, ("round %d: %d syncs"):format(round, cost))
        end
        assert.equal(1 + 5 * 64, #to:list({}))
    end)
end)

describe("a sync that fails", function()
    it("fails all that waited for it, leaves none of them, and the service goes on", function()
        local served, sync = held_service()
        local _guard <close> = served
        local to <close> = caller.new(served.address)
        local writer <close> = caller.new(served.address)
        assert(to:snapshots("Prepare", { key = "before" }))
        sync:fail(true)
        local answers = begin_prepares(writer.client, "lost", 8)
        for i = 1, 8 do
            local ok, err = pcall(answers[i])
            assert.is_false(ok)
            assert.equal("unavailable", err.kind)
        end
        sync:fail(false)
        local infos = to:list({})
        assert.same({ 1, "before" }, { #infos, infos[1].name })
        assert(to:snapshots("Prepare", { key = "lost1" }))
        served:await_log([["msg":"call failed"]])
    end)
end)

describe("SIGTERM while a sync is held", function()
    it("waits for it: what was answered is durable", function()
        local served, sync = held_service()
        local _guard <close> = served
        local writer <close> = caller.new(served.address)
        assert(writer:snapshots("Prepare", { key = "before" }))
        sync:hold()
        local answers = begin_prepares(writer.client, "held", 4)
        sync:await_held()
        served:signal()
        served:await_note("STOPPING=1")
        sync:release()
        for i = 1, 4 do
            assert.is_not_nil(answers[i]())
        end
        assert.equal(0, served:finish())
        served:start()
        local to <close> = caller.new(served.address)
        assert.equal(5, #to:list({}))
    end)
end)
