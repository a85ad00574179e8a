--- A lease that ended, or a dead owner, took a snapshot away from under a mount that somebody else had made of it.
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local policed = require "spec.support.policed"
local process = require "spec.support.process"
local world = require "spec.support.world"

--- A snapshot of a process that is gone, made with options_of(store, pid).
local function orphan(store, parent, options_of)
    local owner = process.start { "cat" }
    if parent then
        assert(store:prepare("make base"))
        assert(store:commit("base", "make base"))
    end
    assert(store:prepare("a", parent, options_of(store, owner.pid)))
    owner:finish()
end

local function with_lease(store, pid)
    assert(store:leases():create("job", { pid = pid }))
    return { lease = "job" }
end

local function with_owner(_, pid)
    return { owner = pid }
end

--- How somebody has it mounted: an overlay; one that is in no table any more, which the kernel knows alone; and a
--- directory that is bound, which tables tell alone.
local WAYS = {
    { name = "as an overlay", parent = "base" },
    { name = "and let go of", parent = "base", lazily = true },
    { name = "as a bound directory" },
}

--- Calls act while a process in a mount namespace of its own has "a" mounted.
local function mounted(home, store, way, act)
    local at, mount = home:directory(), assert(store:mounts("a"))[1]
    local script = ("set -e; mount %s %s; cd %s; %s echo there; read -r _"):format(
        way.parent and ("-t overlay overlay -o '%s'"):format(table.concat(mount.options, ","))
            or "--bind " .. mount.source, at, at, way.lazily and "umount -l .;" or "")
    local child <close> = process.start { "unshare", "--mount", "sh", "-c", script }
    child:await("there")
    act()
end

for _, way in ipairs(WAYS) do
    describe(("a snapshot that others have mounted %s #mounts"):format(way.name), function()
        it("is not taken by a lease that has ended, which stays till then", needs.mounts(function()
            local home <close> = world.new()
            local store = home.store
            orphan(store, way.parent, with_lease)
            mounted(home, store, way, function()
                local reaped = assert(store:leases():reap())
                assert.same({ {}, {}, "job" }, { reaped.leases, reaped.removed, reaped.busy[1].lease })
                assert(store:stat("a"))
                assert.equal("dead", assert(store:leases():list())[1].ended)
            end)
            assert.same({ leases = { "job" }, removed = { "a" } }, assert(store:leases():reap()))
        end))

        it("is not taken by a cleanup after its owner", needs.mounts(function()
            local home <close> = world.new()
            orphan(home.store, way.parent, with_owner)
            mounted(home, home.store, way, function()
                assert.equal(0, assert(home.store:cleanup()).abandoned)
                assert(home.store:stat("a"))
            end)
            assert.equal(1, assert(home.store:cleanup()).abandoned)
            expect.fails("not_found", home.store:stat("a"))
        end))

        it("is not taken by one that asks hooks", needs.mounts(function()
            local home <close> = world.bare()
            local store <close> = policed.open(home, [[hook { "nobody", on = "evict", run = function() end }]])
            orphan(store, way.parent, with_owner)
            mounted(home, store, way, function()
                assert.equal(0, assert(store:cleanup()).abandoned)
                assert(store:stat("a"))
            end)
            assert.equal(1, assert(store:cleanup()).abandoned)
        end))
    end)
end
