--- A power cut: the file system stops and forgets what never reached the disk. What was committed at
--- level layer is whole; an active whose directory is lost is made anew.
---
--- SQLite's WAL is made warm first: while it grows, its fsync happens to carry directories along, and
--- the tests could not fail.
local disks = require "spec.support.disk"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local stdlib = require "posix.stdlib"
local tools = require "spec.support.tools"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local ROUNDS = 5

--- A store on a disk of its own, its WAL used and reused so that it no longer grows.
local function warm_store(home, disk, options)
    home.root = disk.at .. "/r"
    local store = assert(home:open(options))
    assert(store:prepare("k"))
    assert(store:commit("base", "k", { labels = { big = ("x"):rep(3000) } }))
    for i = 1, 60 do
        assert(store:update { name = "base", labels = { big = ("x"):rep(3000), n = tostring(i) } })
    end
    tools.sql(home.root, "PRAGMA wal_checkpoint(RESTART)")
    assert(store:touch("base"))
    process.must("sync", "-f", disk.at)
    return store
end

--- Sets the boot id that the engine sees for this process, until the value is closed.
local function another_boot(number)
    stdlib.setenv("MOONSNAP_BOOT_ID", ("00000000-0000-4000-8000-%012d"):format(number))
    return setmetatable({}, { __close = function() stdlib.setenv("MOONSNAP_BOOT_ID", nil) end })
end

--- Runs before(store, disk), cuts the power, and answers after(store, disk) of a store opened in
--- the next boot.
local function round(number, options, before, after)
    local home <close> = world.bare()
    local disk <close> = disks.new { megabytes = 32, home = home }
    local first <close> = another_boot(2 * number)
    local store = warm_store(home, disk, options)
    before(store, disk)
    disk:cut_power()
    store:close()
    disk:boot()
    local second <close> = another_boot(2 * number + 1)
    local reopened <close> = assert(home:open(options))
    local value = after(reopened, disk)
    assert.is_table(first)
    assert.is_table(second)
    return value
end

describe("a power cut right after prepare #slow", function()
    it("loses no active that was acknowledged, and leaves it writable", needs.disks(function()
        for number = 1, ROUNDS do
            local layers = round(number, nil, function(store)
                assert(store:prepare("a", "base"))
            end, function(store)
                assert.equal("active", assert(store:stat("a")).kind)
                local path = assert(store:layers("a"))[1]
                tree.write(path .. "/f", "x")
                return tree.exists(path)
            end)
            assert.is_true(layers)
        end
    end))

    it("leaves a store that checks clean", needs.disks(function()
        local findings = round(11, nil, function(store)
            assert(store:prepare("a", "base"))
            assert(store:prepare("b"))
            assert(store:view("v"))
        end, function(store) return assert(store:check()) end)
        assert.same({}, findings)
    end))

    it("lets what was made anew be mounted and committed", needs.disks(function()
        local content = round(12, nil, function(store)
            assert(store:prepare("a", "base"))
        end, function(store, disk)
            local target = tree.mkdir(disk.at .. "/t")
            assert(store:mount("a", target))
            tree.write(target .. "/f", "written")
            assert(store:unmount(target))
            assert(store:commit("c", "a"))
            return tree.read(assert(store:layers("c"))[1] .. "/f")
        end)
        assert.equal("written", content)
    end))
end)

describe("a power cut right after commit #slow", function()
    it("at level layer finds content, directories and row intact", needs.disks(function()
        for number = 1, ROUNDS do
            local found = round(number, { durability = "layer" }, function(store)
                assert(store:prepare("a", "base"))
                local layer = assert(store:layers("a"))[1]
                tree.mkdir(layer .. "/d/e")
                for i = 1, 20 do
                    tree.write(("%s/d/e/f%d"):format(layer, i), ("content %d "):format(i):rep(500))
                end
                assert(store:commit("c", "a"))
            end, function(store)
                local layer = assert(store:layers("c"))[1]
                local good = 0
                for i = 1, 20 do
                    local text = tree.read(("%s/d/e/f%d"):format(layer, i))
                    good = good + (text == ("content %d "):format(i):rep(500) and 1 or 0)
                end
                return { good, #assert(store:check()) }
            end)
            assert.same({ 20, 0 }, found)
        end
    end))

    it("at level metadata finds the row and its directory, whatever the content", needs.disks(function()
        local kind = round(21, { durability = "metadata" }, function(store)
            assert(store:prepare("a", "base"))
            assert(store:commit("c", "a"))
        end, function(store)
            assert.is_true(tree.exists(assert(store:layers("c"))[1]))
            return assert(store:stat("c")).kind
        end)
        assert.equal("committed", kind)
    end))

    it("of a removal serves nothing of what was removed", needs.disks(function()
        local findings = round(22, nil, function(store)
            assert(store:prepare("a", "base"))
            assert(store:remove("a"))
        end, function(store)
            assert.is_nil((store:stat("a")))
            assert(store:cleanup())
            return assert(store:check())
        end)
        assert.same({}, findings)
    end))
end)
