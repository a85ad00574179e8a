--- Usage: bytes and inodes of one layer, as du counts them; and use counts.
local assert = require "luassert"
local busted = require "busted"
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"

local describe, it = busted.describe, busted.it

local function fill(at)
    tree.write(at .. "/big", ("x"):rep(100000))
    tree.mkdir(at .. "/d")
    tree.link(at .. "/big", at .. "/d/again")
    tree.symlink("nowhere", at .. "/s")
end

local function measuring(new_bench)
    it("counts an empty layer as its root alone", function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        assert.equal(1, assert(bench.store:usage("a")).inodes)
    end)

    it("counts blocks, and a hard link once #mounts", needs.mounts(function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        bench:mounted("a", fill)
        local layers = assert(bench.store:layers("a"))
        assert.same(tree.usage(layers[1]), assert(bench.store:usage("a")))
    end))

    it("tells of a committed what was recorded at commit #mounts", needs.mounts(function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        bench:mounted("a", fill)
        local before = assert(bench.store:usage("a"))
        assert(bench.store:commit("c", "a"))
        assert.same(before, assert(bench.store:usage("c")))
    end))

    it("grows with what an active writes #mounts", needs.mounts(function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        local before = assert(bench.store:usage("a"))
        bench:mounted("a", fill)
        local after = assert(bench.store:usage("a"))
        assert.is_true(after.size >= before.size + 100000)
        assert.equal(before.inodes + 3, after.inodes)
    end))

    it("is nothing for a view of a parent", function()
        local bench <close> = new_bench()
        bench:layer("base")
        assert(bench.store:view("v", "base"))
        assert.same({ size = 0, inodes = 0 }, assert(bench.store:usage("v")))
    end)

    it("is canceled by its progress function", function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        expect.fails("canceled", bench.store:usage("a", { progress = function() return false end }))
    end)
end

--- What counts as a use of `base`, and what is only looking. Each gets the bench.
local USES = {
    prepare = function(bench) return bench.store:prepare("a", "base") end,
    view = function(bench) return bench.store:view("a", "base") end,
    touch = function(bench) return bench.store:touch("base") end,
}

local LOOKS = {
    stat = function(bench) return bench.store:stat("base") end,
    usage = function(bench) return bench.store:usage("base") end,
    walk = function(bench) return expect.names(bench.store:walk()) end,
    layers = function(bench) return bench.store:layers("base") end,
    cleanup = function(bench) return bench.store:cleanup() end,
}

local function counting(new_bench)
    for name, call in pairs(USES) do
        it(("counts %s as a use, and leaves updated alone"):format(name), function()
            local bench <close> = new_bench()
            bench:layer("base")
            local before = assert(bench.store:stat("base"))
            assert(call(bench))
            local after = assert(bench.store:stat("base"))
            assert.same({ before.use_count + 1, before.updated }, { after.use_count, after.updated })
            assert.is_true(after.used > before.used)
        end)
    end

    for name, call in pairs(LOOKS) do
        it(("does not count %s as a use"):format(name), function()
            local bench <close> = new_bench()
            bench:layer("base")
            local before = assert(bench.store:stat("base"))
            assert(call(bench))
            assert.same(before, assert(bench.store:stat("base")))
        end)
    end

    it("does not count mounts as a use, but a mount that it performs #mounts", needs.mounts(function()
        local bench <close> = new_bench()
        assert(bench.store:prepare("a"))
        assert(bench.store:mounts("a"))
        local before = assert(bench.store:stat("a")).use_count
        bench:mounted("a", function() end)
        assert.same({ 0, 1 }, { before, assert(bench.store:stat("a")).use_count })
    end))
end

return function(new_bench)
    describe("usage", function()
        measuring(new_bench)
        counting(new_bench)
    end)
end
