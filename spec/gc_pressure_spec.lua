--- Collection when a real, small file system fills: it begins above high, ends at low, and rests between the two.
local disks = require "spec.support.disk"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local policed = require "spec.support.policed"
local service = require "spec.support.service"
local time = require "posix.time"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local POLICY = [[
    retention { rule { "room", match = "labels.class==cache", bounds = { high = 80, low = 50 }, on = { "pressure" } } }
]]

--- Commits a layer of four MiB.
local function fill(store, name)
    assert(store:prepare("make " .. name))
    local upper = assert(store:layers("make " .. name))[1]
    tree.write(upper .. "/blob", ("x"):rep(4 << 20))
    assert(store:commit(name, "make " .. name, { labels = { class = "cache" }, durability = "full" }))
end

local function used(store)
    local disk = assert(store.engine:filesystem())
    return 100 * (disk.size - disk.free) / disk.size
end

local function sleep(milliseconds)
    time.nanosleep { tv_sec = 0, tv_nsec = milliseconds * 1000000 }
end

describe("a service on a small disk #root", function()
    it("collects from above high down to low, oldest use first, and not again until high is reached",
        needs.root(function()
        local home <close> = world.bare()
        local disk <close> = disks.new { megabytes = 64, home = home }
        local served = service.new { mode = "direct", config =
            'plugin "io.moonsnap.gc.v1.retention" { every = 0.05, commits = 0 }' }
        served.root = disk.at .. "/r"
        policed.write(served.root, POLICY)
        local _ending <close> = served:start()
        local store <close> = assert(moonsnap.open { root = served.root, policy = false })
        local made = 0
        while used(store) <= 70 do
            made = made + 1
            fill(store, ("c%02d"):format(made))
        end
        sleep(400) -- some looks: between low and high nothing goes
        assert.equal(made, #expect.names(store:walk()))
        served:signal() -- it shall not begin while this fills
        assert.equal(0, served:finish())
        while used(store) <= 80 do
            made = made + 1
            fill(store, ("c%02d"):format(made))
        end
        served:start()
        served:await_log('"msg":"collected"')
        for _ = 1, 500 do
            if used(store) <= 50 then
                break
            end
            sleep(20)
        end
        local share, names = used(store), expect.names(store:walk())
        assert.is_true(share <= 50 and share > 35, ("%.1f%% in use"):format(share))
        assert.equal(("c%02d"):format(made), names[#names])
        assert.equal(("c%02d"):format(made - #names + 1), names[1])
        fill(store, "more")
        local count = #expect.names(store:walk())
        sleep(900) -- longer than pressure is muted
        assert.equal(count, #expect.names(store:walk()))
    end))
end)
