--- io.moonsnap.gc.v1.reaper: ends what leases that have ended held. Only where moonsnap is the front.

local M = {}

local SNAPSHOTTER = "io.containerd.snapshotter.v1"

--- One backend of each store.
local function backends_of(ic)
    local found, seen = {}, {}
    for _, backend in pairs(ic:all(SNAPSHOTTER)) do
        if not seen[backend.reader.engine] then
            seen[backend.reader.engine] = true
            found[#found + 1] = backend
        end
    end
    return found
end

M.reaper = {
    type = "io.moonsnap.gc.v1", id = "reaper", requires = { SNAPSHOTTER },
    config = { every = 10 },
    init = function(ic)
        local runtime = ic.runtime
        if runtime.mode ~= "direct" then
            return nil, runtime.plugin.skip(runtime.failure, "only in direct mode")
        elseif ic.config.every <= 0 then
            return nil, runtime.failure("invalid_argument", "every: a positive number of seconds is meant")
        end
        local backends = backends_of(ic)
        local reaper = require("moonsnap.service.reaper").new {
            backends = function() return backends end, every = ic.config.every, timers = runtime.timers,
            loop = runtime.loop, watched = runtime.service.watched, tasks = runtime.router.tasks,
            pidfd = runtime.moonsnap.sys.pidfd,
            failed = function(err) runtime.timers.failed("reap leases: " .. tostring(err)) end,
        }
        for _, backend in ipairs(backends) do
            backend.shop.watch_leases = function() reaper:look() end
        end
        return reaper
    end,
}

return M
