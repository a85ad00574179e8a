--- After-hooks behind a service: one delivery a store, which the exchange ticks whenever something may have happened.
--- A hook that waits, or fails, holds up nothing but the events that it is to be handed next.

local delivery = require "moonsnap.events.delivery"

local M = {}

local TRY_AGAIN = 1 -- seconds until the delivery is asked for again, when another process has it

--- What happens at each tick.
---@param held    moonsnap.plugins.Held
---@param runtime table
local function tick_of(held, runtime)
    local engine, seen, asked = held.reader.engine, -1, 0
    return function(again)
        if not held.writer.shared.hooks then
            return
        end
        local now, newest, due = runtime.clock(), engine:last_event(), held.delivery:due()
        if again or newest ~= seen or now - asked >= TRY_AGAIN or due and due <= runtime.now() then
            seen, asked = newest, now
            held.delivery:turn()
            held.delivery:mark(newest) -- hooks that a reload brings begin here
        end
    end
end

--- Tells the log of failures: of the first one, and of giving up; of attempts between them where everything is told.
local function telling(service)
    local say = service.options.say
    return say and function(reader, event, why, attempts, given_up)
        local level = given_up and "error" or attempts == 1 and "warn" or "debug"
        say(level, given_up and "a hook was not told of an event" or "a hook is told again",
            { hook = reader, event = event.cursor, topic = event.topic, attempts = attempts, error = why })
    end
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
    local tick = tick_of(held, runtime)
    local tasks, timers = runtime.router.tasks, runtime.timers
    held.delivery = delivery.new {
        failed = telling(runtime.service),
        spawn = function(fn) tasks:spawn(fn) end,
        again = function() timers:after(0, function() tick(true) end) end,
        broken = function(trace) timers.failed(trace) end,
        engine = held.reader.engine, now = runtime.now, store = backend,
        readers = function()
            local hooks = held.writer.shared.hooks
            return hooks and hooks:readers() or {}
        end,
        write = function(fn)
            return held.batch:write(function(store) return fn(store.engine) end)
        end,
    }
    held.delivery:mark()
    exchange.ticks[#exchange.ticks + 1] = function() tick() end
end

return M
