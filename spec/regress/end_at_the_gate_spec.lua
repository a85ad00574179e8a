--- A service that ends while a write of it waits for another process's transaction.
local caller = require "spec.support.caller"
local moonsnap = require "moonsnap"
local service = require "spec.support.service"

local PREPARE = "containerd.services.snapshots.v1.PrepareSnapshotRequest"

describe("serve ends", function()
    it("while a write waits for another process, which comes to nothing", function()
        local served <close> = service.start { args = { "--grace", "60" } }
        local store <close> = assert(moonsnap.open { root = served.root, namespace = "containerd" })
        local to <close> = caller.new(served.address)
        local answer
        assert(store:transaction(function()
            local request = moonsnap.message.type(PREPARE):encode { key = "late" }
            answer = { to.client:stream("/containerd.services.snapshots.v1.Snapshots/Prepare", request,
                { timeout_ms = 20000 }) }
            local fails = caller.new(served.address)
            assert.equal("not_found", select(2, fails:snapshots("Stat", { key = "late" })).kind)
            fails.client:close()
            served:signal()
            served:await_note("STOPPING=1")
            served:signal()
            served:await_log("stopping at once")
            return true
        end))
        local ok, err = pcall(answer[1], answer[2])
        assert.same({ false, "unavailable" }, { ok, err.kind })
        assert.equal(0, served:finish())
        assert.is_nil(served:entry("a plugin did not end well"))
        assert.is_nil((store:stat("late")))
        assert.same({}, assert(store:check()))
    end)
end)
