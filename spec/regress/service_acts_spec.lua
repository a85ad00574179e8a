--- What a service does by itself comes through its own door, as hooks see it.
local moonsnap = require "moonsnap"
local policed = require "spec.support.policed"
local process = require "spec.support.process"
local service = require "spec.support.service"
local signal = require "posix.signal"

describe("a service that reaps and collects", function()
    it("is the caller with door service", function()
        local served = service.new { mode = "direct", config =
            'plugin "io.moonsnap.gc.v1.retention" { every = 0.05, commits = 1 }' }
        policed.write(served.root, [[
            hook { "who", on = "evict", run = function(request)
                log(("evicts %s by %s"):format(request.key, request.caller.door))
            end }
            retention { rule { "old", match = "labels.class==old", expire = { ttl = 0 }, on = { "commit" } } }
        ]])
        local _ending <close> = served:start()
        local store <close> = assert(moonsnap.connect { address = served.address })
        for _, name in ipairs { "one", "two" } do
            assert(store:prepare("make " .. name))
            assert(store:commit(name, "make " .. name))
        end
        local sleeper = process.start { "sleep", "60" }
        assert(store:leases():create("l", { pid = sleeper.pid }))
        assert(store:prepare("leased", nil, { lease = "l" }))
        signal.kill(sleeper.pid, signal.SIGKILL)
        sleeper:finish()
        served:await_log "evicts leased by service"
        assert(store:prepare("make old"))
        assert(store:commit("old", "make old", { labels = { class = "old" } }))
        served:await_log "evicts old by service"
    end)
end)
