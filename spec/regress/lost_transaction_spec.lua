--- SQLite ends a transaction by itself when the disk fails it in the middle. What follows in the
--- same transaction is refused, and nothing of it stays.
local disks = require "spec.support.disk"
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

local fails = expect.fails

--- Leaves room for some directories.
local function fill(at)
    local file = assert(io.open(at .. "/filler", "w"))
    file:setvbuf("no")
    while file:write(("x"):rep(65536)) do -- luacheck: ignore 542
    end
    local size = file:seek("end")
    file:close()
    assert(unistd.truncate(at .. "/filler", size - 262144))
end

--- Labels that do not fit into SQLite's memory, so that the disk is met before COMMIT.
local function many_labels()
    local labels = {}
    for i = 1, 2000 do
        labels["label" .. i] = ("x"):rep(4000)
    end
    return labels
end

--- Calls fn(store, home) with a store on a disk that is all but full.
local function on_full_disk(fn)
    local home <close> = world.bare()
    local disk <close> = disks.new { megabytes = 16, home = home }
    home.root = disk.at .. "/r"
    home.store = assert(home:open())
    assert(home.store:prepare("before"))
    fill(disk.at)
    fn(home.store, home)
    home.store:close()
    home.root = home.dir .. "/gone"
end

describe("a transaction that the disk failed", function()
    it("refuses further verbs", needs.disks(function()
        on_full_disk(function(store)
            store:transaction(function()
                assert(store:prepare("a"))
                fails("resource_exhausted", store:prepare("b", nil, { labels = many_labels() }))
                fails("aborted", store:prepare("c"))
                return true
            end)
        end)
    end))

    it("does not commit", needs.disks(function()
        on_full_disk(function(store)
            fails("aborted", store:transaction(function()
                assert(store:prepare("a"))
                store:prepare("b", nil, { labels = many_labels() })
                return true
            end))
        end)
    end))

    it("leaves no row of any verb in it", needs.disks(function()
        on_full_disk(function(store)
            store:transaction(function()
                store:prepare("a")
                store:prepare("b", nil, { labels = many_labels() })
                store:prepare("c")
                store:touch("before")
                return true
            end)
            assert.same({ "before" }, expect.names(store:walk()))
            assert.equal(0, assert(store:stat("before")).use_count)
        end)
    end))

    it("takes back no directory, which may be another process's by now", needs.disks(function()
        on_full_disk(function(store, home)
            pcall(store.transaction, store, function()
                assert(store:prepare("a"))
                store:prepare("b", nil, { labels = many_labels() })
                error("no")
            end)
            assert.is_true(#tree.list(home.root .. "/layers") > 1)
        end)
    end))
end)
