--- Collection behind a service: the same collector, whose writes go into the batch and whose planning lets the loop
--- turn. `Backend:gc()`.

local gc = require "moonsnap.gc"
local task = require "moonsnap.service.task"

local M = {}

local CHUNK = 16 -- items in one write: a batch runs a tenth of a millisecond at a time

--- The collector of a backend's namespace, by the rules of the store's policy as it is now.
---@param backend moonsnap.service.Backend
---@return moonsnap.gc.Collector
function M.of(backend)
    local shop, writer = backend.shop, backend.writer
    local policy = writer.shared and writer.shared.policy
    return gc.new {
        core = backend.reader.core, engine = backend.reader.engine, name_space = backend.name_space,
        rules = policy and policy.retention or {}, chunk = CHUNK,
        write = function(fn) return shop.batch:write(function() return fn(writer) end) end,
        pause = function() task.await(function(resume) shop.timers:after(0, resume) end) end,
        free = function() -- and waits: whoever plans next counts what is free
            backend:sweep(true)
            return true
        end,
    }
end

return M
