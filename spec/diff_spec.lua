local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails = expect.fails

--- What a diff gives: "added etc/motd" and so on, in its order.
local function changes(store, key, other)
    local found = {}
    for change in assert(store:diff(key, other)) do
        found[#found + 1] = change.change .. " " .. change.path
    end
    return found
end

--- A base with d/{a,b}, e/f and top.
local function base(home)
    return home:layer("base", nil, function(at)
        tree.mkdir(at .. "/d")
        tree.write(at .. "/d/a", "a")
        tree.write(at .. "/d/b", "b")
        tree.mkdir(at .. "/e")
        tree.write(at .. "/e/f", "f")
        tree.write(at .. "/top", "top")
    end)
end

--- What the diff of a child of base says that fn changed.
local function diff_of(driver, fn)
    local home <close> = world.new { driver = driver }
    base(home)
    home:layer("child", "base", fn)
    return changes(home.store, "child")
end

--- What is done to a child, and what diff says of it: the same with both drivers.
local CASES = {
    { "nothing", function() end, {} },
    { "a new file", function(at) tree.write(at .. "/new", "x") end, { "added new" } },
    { "a new tree", function(at)
        tree.mkdir(at .. "/n/m")
        tree.write(at .. "/n/m/x", "x")
    end, { "added n", "added n/m", "added n/m/x" } },
    { "other content", function(at) tree.write(at .. "/top", "longer") end, { "changed top" } },
    { "another mode", function(at) tree.chmod(at .. "/top", 256) end, { "changed top" } },
    { "another mode of a directory", function(at) tree.chmod(at .. "/e", 448) end, { "changed e" } },
    { "a file removed", function(at) tree.unlink(at .. "/top") end, { "removed top" } },
    { "a directory removed", function(at) tree.remove(at .. "/d") end, { "removed d" } },
    { "a file where a directory was", function(at)
        tree.remove(at .. "/e")
        tree.write(at .. "/e", "x")
    end, { "changed e" } },
    { "a file made anew with what it had", function(at)
        tree.unlink(at .. "/top")
        tree.symlink("d/a", at .. "/top")
    end, { "changed top" } },
    { "something made and removed again", function(at)
        tree.write(at .. "/x", "x")
        tree.unlink(at .. "/x")
    end, {} },
}

for _, driver in ipairs { "overlay", "native" } do
    describe(("store:diff(key) of a layer (%s)"):format(driver), function()
        for _, case in ipairs(CASES) do
            it(("tells %s"):format(case[1]), needs.mounts(function()
                assert.same(case[3], diff_of(driver, case[2]))
            end))
        end

        it("gives entries in sorted order, a directory before its content", needs.mounts(function()
            local found = diff_of(driver, function(at)
                for _, name in ipairs { "z", "m", "k/b", "k/a", "k.x" } do
                    tree.mkdir(at .. "/" .. name)
                end
            end)
            assert.same({ "added k", "added k/a", "added k/b", "added k.x", "added m", "added z" }, found)
        end))

        it("of a view gives nothing", needs.mounts(function()
            local home <close> = world.new { driver = driver }
            base(home)
            assert(home.store:view("v", "base"))
            assert.same({}, changes(home.store, "v"))
        end))

        it("of a first layer gives all that is in it", needs.mounts(function()
            local home <close> = world.new { driver = driver }
            base(home)
            assert.same({ "added d", "added d/a", "added d/b", "added e", "added e/f", "added top" },
                changes(home.store, "base"))
        end))

        it("fails where the layer is gone", needs.mounts(function()
            local home <close> = world.new { driver = driver }
            home:layer("base")
            tree.remove(home.root .. "/layers/" .. home.store:stat("base").number)
            expect.fails("data_loss", home.store:diff("base"))
        end))

        it("reads an active too", needs.mounts(function()
            local home <close> = world.new { driver = driver }
            base(home)
            assert(home.store:prepare("a", "base"))
            home:mounted("a", function(at) tree.write(at .. "/new", "x") end)
            assert.same({ "added new" }, changes(home.store, "a"))
        end))

        it("tells type and size", needs.mounts(function()
            local home <close> = world.new { driver = driver }
            home:layer("l", nil, function(at)
                tree.write(at .. "/f", "12345")
                tree.symlink("f", at .. "/s")
            end)
            local found = {}
            for change in assert(home.store:diff("l")) do
                found[#found + 1] = { change.path, change.type, change.size }
            end
            assert.same({ { "f", "file", 5 }, { "s", "symlink", 0 } }, found)
        end))
    end)

    describe(("store:diff(key, other) (%s)"):format(driver), function()
        it("tells what differs from other to key", needs.mounts(function()
            local home <close> = world.new { driver = driver }
            base(home)
            home:layer("one", "base", function(at) tree.write(at .. "/x", "x") end)
            home:layer("two", "base", function(at) tree.unlink(at .. "/top") end)
            assert.same({ "removed top", "removed x" }, changes(home.store, "two", "one"))
        end))

        it("of a snapshot with itself gives nothing", needs.mounts(function()
            local home <close> = world.new { driver = driver }
            base(home)
            assert.same({}, changes(home.store, "base", "base"))
        end))

        it("sees through layers: what came and went is no difference", needs.mounts(function()
            local home <close> = world.new { driver = driver }
            base(home)
            home:layer("one", "base", function(at) tree.write(at .. "/x", "x") end)
            home:layer("two", "one", function(at) tree.unlink(at .. "/x") end)
            assert.same({}, changes(home.store, "two", "base"))
        end))

        it("lists what a removed directory held once, as the directory", needs.mounts(function()
            local home <close> = world.new { driver = driver }
            base(home)
            home:layer("two", "base", function(at) tree.remove(at .. "/d") end)
            assert.same({ "removed d" }, changes(home.store, "two", "base"))
        end))

        it("tells a file that was made anew with another size", needs.mounts(function()
            local home <close> = world.new { driver = driver }
            base(home)
            home:layer("two", "base", function(at)
                tree.unlink(at .. "/top")
                tree.write(at .. "/top", "other")
            end)
            assert.same({ "changed top" }, changes(home.store, "two", "base"))
        end))
    end)
end

describe("store:diff(key) of an overlay layer", function()
    it("tells a directory that hides what was in it", needs.mounts(function()
        assert.same({ "opaque d", "added d/c" }, diff_of("overlay", function(at)
            tree.remove(at .. "/d")
            tree.mkdir(at .. "/d")
            tree.write(at .. "/d/c", "c")
        end))
    end))

    it("calls changed only what was there", needs.mounts(function()
        assert.same({ "changed d/a", "added d/n" }, diff_of("overlay", function(at)
            tree.write(at .. "/d/a", "other")
            tree.write(at .. "/d/n", "new")
        end))
    end))

    it("reads the overlay xattrs that the store uses", needs.mounts(function()
        local home <close> = world.new()
        base(home)
        home:layer("two", "base", function(at)
            tree.remove(at .. "/d")
            tree.mkdir(at .. "/d")
        end)
        local own = assert(home.store:layers("two"))[1]
        local packed = process.must("tar", "--format=pax", "--xattrs", "--xattrs-include=*", "-cf", "-", "-C", own, "d")
        assert.is_truthy(packed:find(home.store.xattrs .. ".overlay.opaque=y", 1, true), home.store.xattrs)
        assert.same({ "opaque d" }, changes(home.store, "two"))
    end))

    it("is read from the layer, not from its parents", needs.mounts(function()
        local home <close> = world.new()
        home:layer("base", nil, function(at)
            for i = 1, 500 do
                tree.write(("%s/f%d"):format(at, i), "x")
            end
        end)
        home:layer("two", "base", function(at) tree.write(at .. "/f7", "other") end)
        local parent = assert(home.store:layers("base"))[1]
        process.must("touch", "-a", "-d", "2001-01-01", parent)
        assert.same({ "changed f7" }, changes(home.store, "two"))
        assert.equal("2001", process.must("stat", "-c", "%x", parent):sub(1, 4))
    end))
end)

describe("store:diff(key) that cannot be", function()
    it("of nothing is not found", function()
        local home <close> = world.new()
        fails("not_found", home.store:diff("nothing"))
    end)

    it("with nothing is not found", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        fails("not_found", home.store:diff("a", "nothing"))
    end)

    it("of a damaged snapshot is data loss", function()
        local home <close> = world.new()
        home:layer("base")
        assert(home.store:prepare("child", "base"))
        tree.remove(assert(home.store:layers("base"))[1])
        assert(home.store:check { repair = true })
        fails("data_loss", home.store:diff("base"))
    end)
end)

describe("an iterator of changes", function()
    it("that is left early closes what it had open", needs.mounts(function()
        local home <close> = world.new()
        base(home)
        local before = #tree.list("/proc/self/fd")
        for change in assert(home.store:diff("base")) do
            if change.path == "d" then
                break
            end
        end
        assert.equal(before, #tree.list("/proc/self/fd"))
    end))

    it("ends when its snapshot is removed meanwhile", needs.mounts(function()
        local home <close> = world.new()
        base(home)
        local next_change, diff, _, closing = assert(home.store:diff("base"))
        local _guard <close> = closing
        assert.equal("d", next_change(diff).path)
        assert(home.store:remove("base"))
        local count = 0
        while count < 100 and next_change(diff) do
            count = count + 1
        end
        assert.is_true(count < 6)
    end))
end)
