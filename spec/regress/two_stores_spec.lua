--- Two stores of one service: what one of them waits for is not the other's affair.
local caller = require "spec.support.caller"
local moonsnap = require "moonsnap"
local service = require "spec.support.service"

local PREPARE = "containerd.services.snapshots.v1.PrepareSnapshotRequest"

describe("a service with two stores", function()
    it("writes into one while the other's root is being written by another process", function()
        local served <close> = service.new { mode = "direct" }
        local other = served.dir .. "/native"
        served:configure(([[plugin "io.containerd.snapshotter.v1.native" { root_path = %q }]]):format(other))
        served:start()
        local store <close> = assert(moonsnap.open { root = other, driver = "native" })
        local to <close> = caller.new(served.address, { ["containerd-namespace"] = "one" })
        local waiting <close> = caller.new(served.address)
        local answer
        assert(store:transaction(function()
            local request = moonsnap.message.type(PREPARE):encode { snapshotter = "native", key = "waits" }
            answer = { waiting.client:stream("/containerd.services.snapshots.v1.Snapshots/Prepare", request,
                { timeout_ms = 20000, headers = to.headers }) }
            for i = 1, 5 do
                local made, err = to.client:call("/containerd.services.snapshots.v1.Snapshots/Prepare",
                    moonsnap.message.type(PREPARE):encode { snapshotter = "overlayfs", key = "k" .. i },
                    { timeout_ms = 3000, headers = to.headers })
                assert(made, err)
            end
            return true
        end))
        assert.is_not_nil(answer[1](answer[2]))
        assert(to:snapshots("Stat", { snapshotter = "native", key = "waits" }))
    end)

    it("has one, however its root is spelt", function()
        local served <close> = service.new { mode = "direct" }
        served:configure(([[plugin "io.containerd.snapshotter.v1.overlayfs" { root_path = %q }]])
            :format(served.root .. "/"))
        served:start()
        local to <close> = caller.new(served.address, { ["containerd-namespace"] = "one" })
        assert(to:snapshots("Prepare", { snapshotter = "overlayfs", key = "a" }))
        assert(to:call("/containerd.services.leases.v1.Leases/Create", "containerd.services.leases.v1.CreateRequest",
            { id = "l" }, "containerd.services.leases.v1.CreateResponse"))
        assert(to:snapshots("Prepare", { snapshotter = "overlayfs", key = "b" }, { ["containerd-lease"] = "l" }))
        local held = assert(to:call("/containerd.services.leases.v1.Leases/ListResources",
            "containerd.services.leases.v1.ListResourcesRequest", { id = "l" },
            "containerd.services.leases.v1.ListResourcesResponse"))
        assert.same({ { id = "b", type = "snapshots/overlayfs" } }, held.resources)
    end)
end)
