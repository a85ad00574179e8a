--- A store that looks may hold one state of the rows, and gives rows as messages.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local world = require "spec.support.world"

local STAT = "containerd.services.snapshots.v1.StatSnapshotResponse"
local MOUNTS = "containerd.services.snapshots.v1.MountsResponse"

local function looking(home)
    return assert(home:open { look = true })
end

describe("engine:hold() and release()", function()
    it("show one state between, and the newest after", function()
        local home <close> = world.new()
        local reader <close> = looking(home)
        assert(home.store:prepare("a"))
        assert(reader.engine:hold())
        assert(reader.engine:hold()) -- twice is once
        assert(reader:stat("a"))
        assert(home.store:prepare("b"))
        expect.fails("not_found", reader:stat("b"))
        reader.engine:release()
        reader.engine:release()
        assert(reader:stat("b"))
    end)

    it("hold nobody else up", function()
        local home <close> = world.new()
        local reader <close> = looking(home)
        assert(reader.engine:hold())
        expect.fails("not_found", reader:stat("a"))
        for i = 1, 50 do
            assert(home.store:prepare("a" .. i))
            assert(home.store:remove("a" .. i))
        end
        reader.engine:release()
    end)

    it("are for stores that look", function()
        local home <close> = world.new()
        expect.fails("failed_precondition", home.store.engine:hold())
    end)
end)

describe("engine:stat_message(ns, key) and mounts_message(ns, key)", function()
    it("say what stat and mounts say", function()
        local home <close> = world.new()
        home:layer("base")
        home:layer("top", "base")
        assert(home.store:prepare("a", "top", { labels = { ["b/c"] = "d", x = "" } }))
        local info = assert(home.store:stat("a"))
        local message = assert(moonsnap.message.type(STAT):decode(home.store.engine:stat_message("default", "a")))
        assert.same({ info = { name = "a", parent = "top", kind = 2, created_at = info.created,
            updated_at = info.updated, labels = { ["b/c"] = "d" } } }, message)
        local mounts = assert(moonsnap.message.type(MOUNTS):decode(home.store.engine:mounts_message("default", "a")))
        assert.same({ mounts = home.store:mounts("a") }, mounts)
    end)

    it("show the upper directory when they are asked to", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local bytes = home.store.engine:stat_message("default", "a", home.root .. "/layers/")
        local labels = moonsnap.message.type(STAT):decode(bytes).info.labels
        assert.same({ ["containerd.io/snapshot/overlay.upperdir"] = home.root .. "/layers/1" }, labels)
    end)

    it("fail as stat and mounts do", function()
        local home <close> = world.new()
        home:layer("base")
        expect.fails("not_found", home.store.engine:stat_message("default", "a"))
        expect.fails("not_found", home.store.engine:mounts_message("default", "a"))
        expect.fails("failed_precondition", home.store.engine:mounts_message("default", "base"))
    end)
end)
