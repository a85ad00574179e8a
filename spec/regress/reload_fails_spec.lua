--- New configurations that come to nothing: one that fails late, and one for a service that ends.
local caller = require "spec.support.caller"
local moonsnap = require "moonsnap"
local service = require "spec.support.service"
local signal = require "posix.signal"
local slow = require "spec.support.slow"
local tree = require "spec.support.tree"

describe("a configuration that moves a store and fails", function()
    it("leaves the events of the one that there is", function()
        local served <close> = service.new { mode = "direct" }
        local native = [[plugin "io.containerd.snapshotter.v1.native" { root_path = %q }]]
        served:configure(native:format(served.dir .. "/first"))
        served:start()
        local to <close> = caller.new(served.address, { ["containerd-namespace"] = "one" })
        local listener <close> = caller.new(served.address)
        local events = listener:stream("/containerd.services.events.v1.Events/Subscribe",
            "containerd.services.events.v1.SubscribeRequest", { filters = { [[topic=="/snapshot/prepare"]] } },
            "containerd.types.Envelope")
        served:await_log [["msg":"stream"]]
        served:configure(native:format(served.dir .. "/second")
            .. [[ register { type = "io.containerd.grpc.v1", id = "none", init = function() return {} end }]])
        served.notes = ""
        served:signal(signal.SIGHUP)
        served:await_note("READY=1")
        served:await_log "reload failed"
        assert(to:snapshots("Prepare", { snapshotter = "native", key = "a" }))
        assert(to:snapshots("Prepare", { snapshotter = "overlayfs", key = "b" }))
        local keys = {}
        for i = 1, 2 do
            keys[i] = moonsnap.message.type("containerd.events.SnapshotPrepare"):decode(events().event.value).key
        end
        table.sort(keys)
        assert.same({ "a", "b" }, keys)
    end)
end)

describe("a service that ends", function()
    it("takes no new configuration", function()
        local served <close> = service.new()
        served:configure(slow.config(served.dir))
        served:start()
        local calling <close> = slow.call(served.address)
        slow.await_begun(served.dir)
        served:signal()
        served:await_note("STOPPING=1")
        served:signal(signal.SIGHUP)
        served:await_log("no new configuration")
        tree.write(served.dir .. "/go")
        assert.equal("answered\tnil\n", (calling:finish()))
        assert.equal(0, served:finish())
        assert.is_nil(served.notes:find("RELOADING", 1, true))
    end)
end)
