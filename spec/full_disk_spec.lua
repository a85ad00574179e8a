--- A disk that fills up in the middle of something: the operation fails, what was before stays.
local disks = require "spec.support.disk"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails = expect.fails

--- A store with "base" and an active "a" on a disk of 16 MiB.
local function small(home, disk)
    home.root = disk.at .. "/r"
    home.store = assert(home:open { durability = "layer" })
    assert(home.store:prepare("k"))
    tree.write(assert(home.store:layers("k"))[1] .. "/f", "base")
    assert(home.store:commit("base", "k"))
    assert(home.store:prepare("a", "base"))
    tree.write(assert(home.store:layers("a"))[1] .. "/g", "own")
    return home.store
end

--- Fills the disk to its last block and its last inode's room.
local function fill(disk)
    for _, size in ipairs { 1048576, 65536, 4096, 1 } do
        local file = assert(io.open(disk.at .. "/filler" .. size, "w"))
        file:setvbuf("no")
        while file:write(("x"):rep(size)) do -- luacheck: ignore 542
        end
        file:close()
    end
end

local function free(disk)
    for _, size in ipairs { 1048576, 65536, 4096, 1 } do
        tree.remove(disk.at .. "/filler" .. size)
    end
end

--- Runs fn(home, disk, store) on a small disk.
local function on_small_disk(fn)
    local home <close> = world.bare()
    local disk <close> = disks.new { megabytes = 16, home = home }
    local store = small(home, disk)
    fn(home, disk, store)
    store:close()
    home.root = home.dir .. "/gone"
end

describe("a disk that is full", function()
    it("fails an import of a directory with resource_exhausted, and keeps the rest", needs.disks(function()
        on_small_disk(function(home, _, store)
            local source = home:directory()
            tree.write(source .. "/big", ("x"):rep(20000000))
            fails("resource_exhausted", store:import("imported", source))
            fails("not_found", store:stat("imported"))
            assert.equal("base", tree.read(assert(store:layers("base"))[1] .. "/f"))
        end)
    end))

    it("leaves nothing staged of a failed import, and the next one fits", needs.disks(function()
        on_small_disk(function(home, _, store)
            local source = home:directory()
            tree.write(source .. "/big", ("x"):rep(20000000))
            fails("resource_exhausted", store:import("imported", source))
            assert.same({}, tree.list(home.root .. "/new"))
            tree.write(source .. "/big", ("x"):rep(2000000))
            assert(store:import("imported", source))
        end)
    end))

    it("fails a commit with resource_exhausted, and the active stays with its content", needs.disks(function()
        on_small_disk(function(_, disk, store)
            fill(disk)
            fails("resource_exhausted", store:commit("c", "a", { labels = { long = ("x"):rep(4000) } }))
            free(disk)
            assert.equal("active", assert(store:stat("a")).kind)
            assert.equal("own", tree.read(assert(store:layers("a"))[1] .. "/g"))
        end)
    end))

    it("lets the same commit through once there is room", needs.disks(function()
        on_small_disk(function(_, disk, store)
            fill(disk)
            store:commit("c", "a", { labels = { long = ("x"):rep(4000) } })
            free(disk)
            assert(store:commit("c", "a", { labels = { long = ("x"):rep(4000) } }))
            assert.same({}, assert(store:check()))
        end)
    end))

    it("fails a prepare with resource_exhausted and leaves a store that checks clean", needs.disks(function()
        on_small_disk(function(_, disk, store)
            fill(disk)
            local err
            for i = 1, 5000 do
                local ok
                ok, err = store:prepare("p" .. i)
                if not ok then
                    break
                end
            end
            assert.equal("resource_exhausted", err and err.kind)
            free(disk)
            assert(store:cleanup())
            assert.same({}, assert(store:check()))
        end)
    end))

    it("is no end of removals where a cleanup has kept something in reserve", needs.disks(function()
        on_small_disk(function(home, disk, store)
            assert(store:cleanup())
            assert.is_true(tree.exists(home.root .. "/reserve"))
            fill(disk)
            fails("resource_exhausted", store:commit("c", "a", { labels = { long = ("x"):rep(4000) } }))
            assert.is_true(tree.exists(home.root .. "/reserve"))
            assert(store:remove("a"))
            assert.is_false(tree.exists(home.root .. "/reserve"))
            free(disk)
            assert(store:cleanup())
            assert.is_true(tree.exists(home.root .. "/reserve"))
            assert.same({}, assert(store:check()))
        end)
    end))

    it("is no end of collections, either", needs.disks(function()
        on_small_disk(function(_, disk, store)
            for i = 1, 20 do
                assert(store:view("v" .. i, "base"))
            end
            assert(store:cleanup())
            fill(disk)
            local gc = store:gc { { name = "views", match = "kind==view", expire = { ttl = 0 } } }
            local plan = assert(gc:plan())
            assert.equal(20, assert(gc:apply(plan.id, { force = true })).removed)
        end)
    end))

    it("is no end of a service's removals, either", needs.disks(function()
        on_small_disk(function(home, disk, store)
            assert(store:cleanup())
            local served <close> = service.new { mode = "direct" }
            served.root = home.root
            assert(served:start())
            local client <close> = assert(moonsnap.connect { address = served.address })
            fill(disk)
            fails("resource_exhausted", client:prepare("p", "base", { labels = { long = ("x"):rep(4000) } }))
            assert(client:remove("a"))
        end)
    end))

    it("fails a removal whole when its row has no room, and does it once there is some", needs.disks(function()
        on_small_disk(function(_, disk, store)
            fill(disk)
            local ok, err = store:remove("a")
            free(disk)
            assert.same({ nil, "resource_exhausted" }, { ok, err and err.kind })
            assert.equal("own", tree.read(assert(store:layers("a"))[1] .. "/g"))
            assert(store:remove("a"))
        end)
    end))
end)
