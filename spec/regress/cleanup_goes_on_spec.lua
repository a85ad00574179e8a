--- One layer that could not be moved to the trash ended every cleanup, so that nothing was freed any more.
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

describe("store:cleanup() with a layer that is stuck", function()
    it("frees the others, and the stuck one once it can be moved", needs.mounts(function()
        local home <close> = world.new()
        local store, layers = home.store, {}
        for _, name in ipairs { "first", "stuck", "last" } do
            assert(store:prepare("make " .. name))
            layers[name] = assert(store:layers("make " .. name))[1]
            tree.write(layers[name] .. "/file", "x")
            assert(store:commit(name, "make " .. name))
        end
        process.must("mount", "-t", "tmpfs", "tmpfs", layers.stuck) -- a place of a mount is not renamed
        for name in pairs(layers) do
            assert(store:remove(name, { later = true }))
        end
        local cleaned, err = store:cleanup()
        process.must("umount", layers.stuck)
        assert(cleaned, err)
        assert.equal(1, cleaned.kept)
        assert.same({ false, true, false }, { tree.exists(layers.first), tree.exists(layers.stuck),
            tree.exists(layers.last) })
        assert.equal(0, assert(store:cleanup()).kept)
        assert.is_false(tree.exists(layers.stuck))
        assert.same({}, tree.list(home.root .. "/trash"))
    end))
end)
