--- Two store objects on one root in one thread: the second must not wait for the first for ever.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local world = require "spec.support.world"

describe("a second store object of this thread", function()
    it("is refused at once while the first has a transaction open", function()
        local home <close> = world.new()
        local other <close> = assert(moonsnap.open { root = home.root })
        local started = os.time()
        assert(home.store:transaction(function(store)
            assert(store:prepare("a"))
            expect.fails("failed_precondition", other:prepare("b"))
            return true
        end))
        assert.is_true(os.time() - started < 10)
        other:close()
    end)

    it("writes when the first is done", function()
        local home <close> = world.new()
        local other <close> = assert(moonsnap.open { root = home.root })
        assert(home.store:prepare("a"))
        assert(other:prepare("b"))
        other:close()
    end)
end)
