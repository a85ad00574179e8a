--- Calls whose caller is gone before their write has begun.
local caller = require "spec.support.caller"
local moonsnap = require "moonsnap"
local service = require "spec.support.service"

local SNAPSHOTS = "containerd.services.snapshots.v1."

describe("a write that waits for another process", function()
    local CALLS = {
        Prepare = { "PrepareSnapshot", { key = "late" } }, View = { "ViewSnapshot", { key = "late", parent = "base" } },
        Commit = { "CommitSnapshot", { name = "late", key = "active" } },
        Remove = { "RemoveSnapshot", { key = "active" } },
        Update = { "UpdateSnapshot", { info = { name = "active", labels = { late = "1" } } } },
    }
    it("does not happen once its deadline has passed", function()
        local served <close> = service.start()
        local to <close> = caller.new(served.address)
        assert(to:snapshots("Prepare", { key = "b" }))
        assert(to:snapshots("Commit", { key = "b", name = "base" }))
        assert(to:snapshots("Prepare", { key = "active" }))
        local store <close> = assert(moonsnap.open { root = served.root, namespace = "containerd" })
        assert(store:transaction(function()
            for method, call in pairs(CALLS) do
                local request = moonsnap.message.type(SNAPSHOTS .. call[1] .. "Request"):encode(call[2])
                local _, err = to.client:call("/" .. SNAPSHOTS .. "Snapshots/" .. method, request, { timeout_ms = 100 })
                assert.equal("deadline_exceeded", err.kind, method)
            end
            return true
        end))
        assert(to:snapshots("Prepare", { key = "next" }))
        assert.equal("not_found", select(2, to:snapshots("Stat", { key = "late" })).kind)
        assert.same({}, assert(to:snapshots("Stat", { key = "active" })).info.labels)
    end)
end)
