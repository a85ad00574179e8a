--- After-hooks behind a service: one delivery a store, in a coroutine of its own, which the exchange ticks whenever
--- something may have happened. A hook that waits, or fails, holds up nothing but the events behind it.

local delivery = require "moonsnap.events.delivery"

local M = {}

local TRY_AGAIN = 1 -- seconds until the delivery is asked for again, when another process has it

--- What happens at each tick.
---@param held    moonsnap.plugins.Held
---@param runtime table
local function tick_of(held, runtime)
    local engine, timers = held.reader.engine, runtime.timers
    local seen, asked, busy, more = -1, 0, false, false
    local function turn()
        local ok, result = xpcall(held.delivery.turn, debug.traceback, held.delivery)
        busy, more = false, ok and result
        if not ok then
            timers.failed(result)
        end
    end
    local tick
    function tick()
        local now, newest = runtime.clock(), engine:last_event()
        local due = held.delivery:due()
        if busy or not held.writer.shared.hooks then
            return
        elseif newest ~= seen or more or now - asked >= TRY_AGAIN or due and due <= runtime.now() then
            seen, asked, busy = newest, now, true
            runtime.router.tasks:spawn(turn)
            if more then
                timers:after(0, tick)
            end
        end
    end
    return tick
end

--- Begins to deliver a store's events, once.
---@param held     moonsnap.plugins.Held
---@param exchange moonsnap.service.Exchange
---@param runtime  table
---@param backend  fun(): table?  the store that hooks of the automation get
function M.begin(held, exchange, runtime, backend)
    if held.delivery then
        return
    end
    held.delivery = delivery.new {
        engine = held.reader.engine, now = runtime.now, store = backend,
        readers = function()
            local hooks = held.writer.shared.hooks
            return hooks and hooks:readers() or {}
        end,
        write = function(fn)
            return held.batch:write(function(store) return fn(store.engine) end)
        end,
    }
    exchange.ticks[#exchange.ticks + 1] = tick_of(held, runtime)
end

return M
