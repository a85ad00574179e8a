--- Mounts as data: what is answered, that it is always the same, and what is told to others (events).
local assert = require "luassert"
local busted = require "busted"
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"

local describe, it = busted.describe, busted.it

local fails = expect.fails

--- base, middle on it, top on that.
local function chain(new_bench)
    local bench = new_bench()
    bench:layer("base")
    bench:layer("middle", "base")
    bench:layer("top", "middle")
    return bench
end

local function layer_path(store, key)
    return assert(store:layers(key))[1]
end

local function on_every_driver(new_bench)
    for _, verb in ipairs { "prepare", "view" } do
        for _, parent in ipairs { "", "base", "top" } do
            it(("answers the same for mounts as for %s on %q, at any time"):format(verb, parent), function()
                local bench <close> = chain(new_bench)
                local store = bench.store
                local first = assert(store[verb](store, "key", parent))
                assert(store:update { name = "key", labels = { x = "1" } })
                assert.same(first, assert(store:mounts("key")))
            end)
        end
    end

    it("gives one mount with an empty target", function()
        local bench <close> = chain(new_bench)
        local mounts = assert(bench.store:prepare("a", "top"))
        assert.same({ 1, "" }, { #mounts, mounts[1].target })
    end)

    it("gives an active without parent a bind of its own layer, rw", function()
        local bench <close> = new_bench()
        local mounts = assert(bench.store:prepare("a"))
        assert.same({ "bind", layer_path(bench.store, "a") }, { mounts[1].type, mounts[1].source })
        assert.is_true(expect.has_option(mounts[1], "rw") and expect.has_option(mounts[1], "rbind"))
    end)

    it("gives a view without parent a bind of its own layer, ro", function()
        local bench <close> = new_bench()
        local mounts = assert(bench.store:view("v"))
        assert.same({ "bind", layer_path(bench.store, "v") }, { mounts[1].type, mounts[1].source })
        assert.is_true(expect.has_option(mounts[1], "ro") and expect.has_option(mounts[1], "rbind"))
    end)

    it("gives a view of one layer a bind of that layer, ro", function()
        local bench <close> = chain(new_bench)
        local mounts = assert(bench.store:view("v", "base"))
        assert.same({ "bind", layer_path(bench.store, "base") }, { mounts[1].type, mounts[1].source })
        assert.is_true(expect.has_option(mounts[1], "ro"))
    end)
end

local function configured(new_bench)
    it("says index=on alone when that is configured (ConfiguredIndexNotOverridden)", function()
        local bench <close> = new_bench { mount_options = { "index=on" } }
        bench:layer("base")
        local mount = assert(bench.store:prepare("a", "base"))[1]
        assert.is_true(expect.has_option(mount, "index=on"))
        assert.is_false(expect.has_option(mount, "index=off"))
    end)

    it("puts configured options onto overlays and never onto binds", function()
        local bench <close> = new_bench { mount_options = { "metacopy=off" } }
        local bind = assert(bench.store:prepare("a"))[1]
        bench:layer("base")
        local overlay = assert(bench.store:prepare("b", "base"))[1]
        assert.same({ false, true },
            { expect.has_option(bind, "metacopy=off"), expect.has_option(overlay, "metacopy=off") })
    end)
end

local function on_overlay(new_bench)
    it("stacks an active on its parents, nearest first", function()
        local bench <close> = chain(new_bench)
        local mount = assert(bench.store:prepare("a", "top"))[1]
        local layers = assert(bench.store:layers("a"))
        assert.same({ "overlay", "overlay" }, { mount.type, mount.source })
        assert.equal(layers[1], expect.option(mount, "upperdir"))
        assert.equal(table.concat(layers, ":", 2), expect.option(mount, "lowerdir"))
        assert.is_truthy(expect.option(mount, "workdir"))
    end)

    it("puts workdir, upperdir and lowerdir first, in this order (OverlayMount)", function()
        local bench <close> = chain(new_bench)
        local words = {}
        for i, option in ipairs(assert(bench.store:prepare("a", "top"))[1].options) do
            words[i] = option:match("^%w+")
        end
        assert.same({ "workdir", "upperdir", "lowerdir" }, { words[1], words[2], words[3] })
    end)

    it("stacks a view of two layers and more without an upper (OverlayView)", function()
        local bench <close> = chain(new_bench)
        local mount = assert(bench.store:view("v", "top"))[1]
        local layers = assert(bench.store:layers("top"))
        assert.equal("lowerdir=" .. table.concat(layers, ":"), mount.options[1])
        assert.is_nil(expect.option(mount, "upperdir"))
    end)

    it("says index=off where the kernel has an index", function()
        local bench <close> = chain(new_bench)
        local mount = assert(bench.store:prepare("a", "top"))[1]
        assert.equal(tree.exists("/sys/module/overlay/parameters/index"), expect.has_option(mount, "index=off"))
    end)

    it("says userxattr exactly in a store of the user world", function()
        local bench <close> = chain(new_bench)
        local mount = assert(bench.store:prepare("a", "top"))[1]
        assert.equal(bench.store.xattrs == "user", expect.has_option(mount, "userxattr"))
    end)

    it("shows the merged content of all layers (OverlayRead) #mounts", needs.mounts(function()
        local bench <close> = new_bench()
        local parent
        for i = 1, 5 do
            parent = bench:layer("l" .. i, parent, function(at) tree.write(at .. "/f" .. i, "x") end)
        end
        local names = {}
        for name in pairs(bench:see(parent)) do
            names[#names + 1] = name
        end
        table.sort(names)
        assert.same({ "f1", "f2", "f3", "f4", "f5" }, names)
    end))
end

local MAPPED = {
    ["containerd.io/snapshot/uidmapping"] = "0:1000:100", ["containerd.io/snapshot/gidmapping"] = "0:2000:100",
}
local BAD_MAPS = { "-1:0:1", "1:1000:100", "a:b:c", "0:1000" }

local function owners(new_bench)
    it("gives the new layer to the mapped root (RemappedActive)", needs.owners(function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a", nil, { labels = MAPPED }))
        local found = tree.lstat(layer_path(bench.store, "a"))
        assert.same({ 1000, 2000, 493 }, { found.st_uid, found.st_gid, found.st_mode & 4095 })
    end))

    it("gives an unmapped key after a mapped one to root again (RemappedBind)", needs.owners(function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a", nil, { labels = MAPPED }))
        assert(bench.store:prepare("b"))
        local found = tree.lstat(layer_path(bench.store, "b"))
        assert.same({ 0, 0 }, { found.st_uid, found.st_gid })
    end))

    it("gives a child's layer the owner of its parent's, but mode 0755", needs.owners(function()
        local bench <close> = new_bench()
        bench:layer("base", nil, function(at)
            tree.chown(at, 33, 44)
            tree.chmod(at, 448)
        end)
        assert(bench.store:prepare("a", "base"))
        local found = tree.lstat(layer_path(bench.store, "a"))
        assert.same({ 33, 44, 493 }, { found.st_uid, found.st_gid, found.st_mode & 4095 })
    end))

    for _, map in ipairs(BAD_MAPS) do
        it(("refuses the mapping %q and makes nothing (RemappedInvalidMappings)"):format(map), function()
            local bench <close> = new_bench()
            fails("invalid_argument",
                bench.store:prepare("a", nil, { labels = { ["containerd.io/snapshot/uidmapping"] = map } }))
            fails("not_found", bench.store:stat("a"))
        end)
    end
end

local function events(new_bench)
    it("tells prepare, view, commit and remove in order", function()
        local bench <close> = new_bench()
        local store = bench.store
        assert(store:prepare("a"))
        assert(store:commit("c", "a"))
        assert(store:view("v", "c"))
        assert(store:remove("v"))
        local told = {}
        for event in store:events() do
            told[#told + 1] = ("%s %s %s"):format(event.topic, event.key, event.name)
        end
        assert.same({
            "/snapshot/prepare a ", "/snapshot/commit a c", "/moonsnap/view v ", "/snapshot/remove v ",
        }, told)
    end)

    it("tells nothing of a call that was refused", function()
        local bench <close> = new_bench()
        fails("not_found", bench.store:prepare("a", "nobody"))
        fails("not_found", bench.store:remove("a"))
        assert.is_nil(bench.store:events()())
    end)

    it("goes on after a sequence number", function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        local first = bench.store:events()()
        assert(bench.store:prepare("b"))
        assert.equal("b", bench.store:events { since = first.sequence }().key)
    end)
end

return function(new_bench, traits)
    describe("mounts as data", function()
        on_every_driver(new_bench)
        if traits.driver == "overlay" then
            on_overlay(new_bench)
            if not traits.shared then
                configured(new_bench)
            end
            owners(new_bench)
        end
    end)
    describe("events", function() events(new_bench) end)
end
