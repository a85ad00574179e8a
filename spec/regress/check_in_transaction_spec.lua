--- What repair does to directories no rollback takes back.
local expect = require "spec.support.expect"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

describe("store:check{repair = true} in a transaction", function()
    it("is refused, as the rows may come back", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local layer = assert(home.store:layers("a"))[1]
        tree.write(layer .. "/f", "content")
        pcall(home.store.transaction, home.store, function(store)
            assert(store:remove("a"))
            expect.fails("failed_precondition", store:check { repair = true })
            error("no")
        end)
        assert.equal("content", tree.read(layer .. "/f"))
    end)

    it("may look", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        assert.same({ {} }, { home.store:transaction(function(store) return store:check() end) })
    end)
end)
