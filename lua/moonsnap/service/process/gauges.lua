--- What metrics ask of a running service when somebody looks.

local dirent = require "posix.dirent"

local M = {}

--- Bounds of batches' sizes: the batch counts by powers of two.
local SIZES = { 1, 3, 7, 15, 31, 63, 127 }

local function field(path, pattern)
    local file <close> = io.open(path)
    local text = file and file:read("a")
    return text and text:match(pattern)
end

--- Entries of a directory that the one who looks can see.
local function entries(path)
    local ok, count = pcall(function()
        local found = 0
        for name in dirent.files(path) do
            found = found + (name ~= "." and name ~= ".." and 1 or 0)
        end
        return found
    end)
    return ok and count or nil
end

local function of_process(registry)
    registry:asked("gauge", "process_resident_memory_bytes", "Memory that the process has in RAM.", function()
        local kib = field("/proc/self/status", "\nVmRSS:%s*(%d+)")
        return kib and math.tointeger(tonumber(kib)) * 1024
    end)
    registry:asked("gauge", "process_open_fds", "Open file descriptors.", function()
        return entries("/proc/self/fd")
    end)
    registry:asked("counter", "process_cpu_seconds_total", "Time that the process has spent computing.", os.clock)
    registry:asked("gauge", "moonsnap_lua_bytes", "Memory that Lua holds.", function()
        return math.floor(collectgarbage("count") * 1024)
    end)
end

local COUNTED = {
    { "connections", "moonsnap_connections_accepted_total", "Connections accepted." },
    { "accepted", "moonsnap_calls_begun_total", "Calls that clients have opened." },
    { "refused", "moonsnap_connections_refused_total", "Connections refused: too many were open." },
    { "protocol_errors", "moonsnap_protocol_errors_total", "Connections ended for breaking HTTP/2 or gRPC." },
    { "resets", "moonsnap_stream_resets_total", "Calls that clients cancelled." },
    { "bytes_in", "moonsnap_received_bytes_total", "Bytes read from clients." },
    { "bytes_out", "moonsnap_sent_bytes_total", "Bytes written to clients." },
}

local function of_sockets(registry, service)
    registry:asked("gauge", "moonsnap_connections", "Open connections.", function()
        return service.server and (service.server:open())
    end)
    registry:asked("gauge", "moonsnap_calls_open", "Calls under way, streams included.", function()
        return service.router.active
    end)
    registry:asked("gauge", "moonsnap_streams_waiting", "Streams whose client reads slower than we write.", function()
        local count = 0
        for _ in pairs(service.router.waiting) do
            count = count + 1
        end
        return count
    end)
    registry:asked("gauge", "moonsnap_event_subscribers", "Who listens to events.", function()
        return service.exchange and service.exchange.count
    end)
    registry:asked("counter", "moonsnap_events_published_total", "Events told; unheard, only what clients publish.",
        function() return service.exchange and service.exchange.published end)
    for _, row in ipairs(COUNTED) do
        registry:asked("counter", row[2], row[3], function()
            return service.server and service.server:counters()[row[1]]
        end)
    end
end

--- A sum over all stores' batches.
local function over_batches(service, ask)
    return function()
        local sum = 0
        for _, held in ipairs(service.stores.held) do
            sum = sum + ask(held.batch)
        end
        return sum
    end
end

--- Batches by size, as buckets of SIZES.
local function sizes_of(service)
    local counts, writes = {}, 0
    for at = 1, #SIZES + 1 do
        counts[at] = 0
    end
    for _, held in ipairs(service.stores.held) do
        for size, batches in pairs(held.batch.counts.sizes) do
            local at = 1
            while SIZES[at] and size > SIZES[at] do
                at = at + 1
            end
            counts[at] = counts[at] + batches
        end
        writes = writes + held.batch.counts.writes
    end
    return counts, writes
end

local BATCHES = {
    { "batches", "moonsnap_commits_total", "Transactions handed to the disk: each is one fsync of the WAL." },
    { "broken", "moonsnap_commits_failed_total", "Transactions whose COMMIT failed." },
    { "seconds", "moonsnap_commit_seconds_total", "Time that COMMITs took, the fsync included." },
    { "writes", "moonsnap_writes_total", "Writes that are durable." },
    { "failures", "moonsnap_writes_refused_total", "Writes that answered an error." },
    { "canceled", "moonsnap_writes_canceled_total", "Writes that were not begun: their caller was gone." },
    { "waits", "moonsnap_gate_waits_total", "Transactions that waited for another process's." },
}

local DELIVERIES = {
    { "delivered", "moonsnap_events_delivered_total", "Events that hooks behind a change have taken." },
    { "failed", "moonsnap_event_deliveries_failed_total", "Attempts that failed: the event comes again." },
    { "given_up", "moonsnap_events_given_up_total", "Events that a hook was not told of, after ten attempts." },
}

local function of_deliveries(registry, service)
    for _, row in ipairs(DELIVERIES) do
        registry:asked("counter", row[2], row[3], function()
            local sum = 0
            for _, held in ipairs(service.stores.held) do
                sum = sum + (held.delivery and held.delivery.counts[row[1]] or 0)
            end
            return sum
        end)
    end
end

local function of_batches(registry, service)
    for _, row in ipairs(BATCHES) do
        registry:asked("counter", row[2], row[3], over_batches(service, function(batch)
            return batch.counts[row[1]]
        end))
    end
    registry:asked_histogram("moonsnap_batch_writes", "Writes in one transaction.", SIZES,
        function() return sizes_of(service) end)
    registry:asked("gauge", "moonsnap_writes_queued", "Writes that wait for the next transaction.",
        over_batches(service, function(batch) return (batch:pending()) end))
    registry:asked("gauge", "moonsnap_writes_in_flight", "Writes that wait for the disk.",
        over_batches(service, function(batch) return (select(2, batch:pending())) end))
    registry:asked("gauge", "moonsnap_jobs", "Jobs of the threads: COMMITs, walks, syncs, deletions.", function()
        local count = 0
        for _ in pairs(service.tickets) do
            count = count + 1
        end
        return count
    end)
end

--- Rows of all stores by kind; they are counted anew only when something has happened since.
local function rows_of(service)
    local known = {}
    return function()
        local sum = {}
        for _, held in ipairs(service.stores.held) do
            local engine = held.reader.engine
            local last = engine:last_event()
            local row = known[held]
            if not row or row.last ~= last then
                row = { last = last, counts = engine:count() or {} }
                known[held] = row
            end
            for kind, count in pairs(row.counts) do
                sum[kind] = (sum[kind] or 0) + count
            end
        end
        return sum
    end
end

local function of_stores(registry, service)
    registry:asked("gauge", "moonsnap_snapshots", "Snapshots, those of all namespaces.", rows_of(service), "kind")
    registry:asked("gauge", "moonsnap_trash_entries", "Removed layers that are not freed yet.", function()
        local sum = 0
        for _, held in ipairs(service.stores.held) do
            sum = sum + (entries(held.reader.root .. "/trash") or 0)
        end
        return sum
    end)
end

local HOOKS = {
    { "calls", "moonsnap_hook_calls_total", "Times that a hook was run." },
    { "denials", "moonsnap_hook_denials_total", "Requests that a hook denied." },
    { "defers", "moonsnap_hook_defers_total", "Requests that a hook put off." },
    { "failures", "moonsnap_hook_failures_total", "Times that a hook failed: it raised, ran away, answered nonsense." },
    { "skipped", "moonsnap_hook_skipped_total", "Times that a hook was not run: it had failed too often." },
    { "seconds", "moonsnap_hook_seconds_total", "Time that a hook took." },
}

--- A value of each hook, over all stores.
local function by_hook(service, value_of)
    return function()
        local values = {}
        for _, held in ipairs(service.stores.held) do
            local hooks = held.writer.shared.hooks
            for _, row in ipairs(hooks and hooks:status() or {}) do
                values[row.name] = (values[row.name] or 0) + value_of(row)
            end
        end
        return values
    end
end

local function of_hooks(registry, service)
    for _, counted in ipairs(HOOKS) do
        registry:asked("counter", counted[2], counted[3],
            by_hook(service, function(row) return row[counted[1]] end), "hook")
    end
    registry:asked("gauge", "moonsnap_hook_off", "1 while a hook is switched off after failures.",
        by_hook(service, function(row) return row.breaker == "off" and 1 or 0 end), "hook")
end

local COLLECTIONS = {
    { "runs", "moonsnap_gc_runs_total", "Collections that something has asked for." },
    { "removed", "moonsnap_gc_removed_total", "Snapshots that collections have removed." },
    { "bytes", "moonsnap_gc_bytes_total", "Bytes of the layers of those." },
    { "refused", "moonsnap_gc_refused_total", "Collections not done: too much at once, or a wrong rule." },
}

--- What the service has collected by itself; a reload begins at 0.
local function of_collections(registry, service)
    for _, counted in ipairs(COLLECTIONS) do
        registry:asked("counter", counted[2], counted[3], function()
            local retention, sum = service.graph and service.graph:get "io.moonsnap.gc.v1.retention", 0
            for _, collector in ipairs(retention and retention.collectors or {}) do
                sum = sum + collector.counts[counted[1]]
            end
            return sum
        end)
    end
end

--- Adds all of it.
---@param registry moonsnap.service.Metrics
---@param service moonsnap.Service
---@param version string
function M.add(registry, service, version)
    registry:asked("gauge", "moonsnap_info", "Which version this is.", function() return { [version] = 1 } end,
        "version")
    of_sockets(registry, service)
    of_batches(registry, service)
    of_deliveries(registry, service)
    of_stores(registry, service)
    of_hooks(registry, service)
    of_collections(registry, service)
    of_process(registry)
end

return M
