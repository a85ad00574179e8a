--- io.moonsnap.gc.v1.retention: collects by the retention rules of the stores' policies.

local M = {}

local SNAPSHOTTER = "io.containerd.snapshotter.v1"

local function say(runtime, level, message, fields)
    local options = runtime.service and runtime.service.options
    if options and options.say then
        options.say(level, message, fields)
    end
end

M.retention = {
    type = "io.moonsnap.gc.v1", id = "retention", requires = { SNAPSHOTTER },
    config = { every = 5, commits = 100 },
    init = function(ic)
        local runtime = ic.runtime
        if ic.config.every <= 0 then
            return nil, runtime.failure("invalid_argument", "every: a positive number of seconds is meant")
        end
        local collectors, seen = {}, {}
        for _, backend in pairs(ic:all(SNAPSHOTTER)) do
            if not seen[backend.reader.engine] then
                seen[backend.reader.engine] = true
                collectors[#collectors + 1] = require("moonsnap.service.collector").new {
                    backend = backend, timers = runtime.timers, tasks = runtime.router.tasks, clock = runtime.clock,
                    filter = runtime.moonsnap.filter, every = ic.config.every, commits = ic.config.commits,
                    refused = function(name, err)
                        say(runtime, "warn", "retention: not collected", { namespace = name, error = err.message })
                    end,
                    collected = function(name, done)
                        say(runtime, "info", "collected", { namespace = name, plan = done.plan, removed = done.removed,
                            bytes = done.size, vetoed = done.vetoed, busy = done.busy, failed = done.failed })
                    end,
                }
            end
        end
        return { collectors = collectors, close = function()
            for _, collector in ipairs(collectors) do
                collector:close()
            end
        end }
    end,
}

return M
