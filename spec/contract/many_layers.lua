--- 128 layers, every fourth looked at before and after it is written (128LayersMount).
local assert = require "luassert"
local busted = require "busted"
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"

local describe, it = busted.describe, busted.it

local LAYERS = 128

--- What layer i does to the tree at.
local function change(at, i)
    if i == 1 then
        tree.write(at .. "/bottom", "way at the bottom\n", 511)
        tree.mkdir(at .. "/ADDHERE")
        tree.mkdir(at .. "/ONLYME")
        tree.write(at .. "/ONLYME/bottom", "bye!\n", 511)
        tree.write(at .. "/overwriteme", "FIRST!\n", 511)
        return
    end
    tree.write(at .. "/overwriteme", i .. " WAS HERE!\n", 511)
    tree.write(("%s/ADDHERE/file-%d"):format(at, i), "same\n", 493)
    tree.remove(at .. "/ONLYME")
    tree.mkdir(at .. "/ONLYME")
    tree.write(("%s/ONLYME/file-%d"):format(at, i), "only me!\n", 511)
end

local function compare(flat, at)
    assert.same(tree.describe(flat), tree.describe(at))
end

local function pass_by() end

return function(new_bench)
    describe("many layers #mounts", function()
        it("stacks 128 of them, each equal to a flat copy (128LayersMount)", needs.mounts(function()
            local bench <close> = new_bench()
            local flat = bench:directory()
            local parent
            for i = 1, LAYERS do
                local look = (i % 4 == 1 or i == LAYERS) and compare or pass_by
                parent = bench:layer("layer" .. i, parent, function(at)
                    look(flat, at)
                    change(flat, i)
                    change(at, i)
                    look(flat, at)
                end)
            end
            assert.same(tree.describe(flat), bench:see(parent))
        end))

        it("prepares on 128 layers what it prepared on one: one mount", needs.mounts(function()
            local bench <close> = new_bench()
            local parent
            for i = 1, LAYERS do
                parent = bench:layer("layer" .. i, parent)
            end
            local mounts = assert(bench.store:prepare("a", parent))
            local lower = expect.option(mounts[1], "lowerdir") or ""
            local _, colons = lower:gsub(":", "")
            assert.same({ 1, bench.driver == "overlay" and LAYERS - 1 or 0 }, { #mounts, colons })
        end))
    end)
end
