--- The verb program of moonsnap.v1.Control: a script over a store as one transaction, inside the service.
---
---     program {text, name, args, read_only, check, instructions, memory, seconds, snapshotter}
---         lines {emit = value}, {log = text} while it runs, {change = ...} of a check,
---         then one of {outcome = {values, n, spent, made, removed}}
---
--- The script runs half a millisecond at a time: calls are answered between, reads by the state before it, writes wait.
--- When its caller is gone it is rolled back.

local changes = require "moonsnap.program.changes"
local dkjson = require "dkjson"
local identifier = require "moonsnap.service.grpc.identifier"
local limits = require "moonsnap.program.limits"
local lone = require "moonsnap.service.lone"
local script = require "moonsnap.program.script"
local snapshotter = require "moonsnap.snapshotter"
local words = require "moonsnap.program.words"

local M = {}

local SLICE = 0.0005 -- seconds of a program in one turn of the loop; an answer waits for one or two

local KNOWN = {
    text = "string", name = "string", snapshotter = "string", args = "table", read_only = "boolean", check = "boolean",
    instructions = "integer", memory = "integer", seconds = "number",
}

local function fits(value, wanted)
    return type(value) == wanted or (wanted == "integer" and math.type(value) == wanted)
end

--- Says what is wrong with arguments, or nil.
local function wrong_in(arguments)
    for name, value in pairs(arguments) do
        local wanted = KNOWN[name]
        if not wanted then
            return ("there is no argument '%s'"):format(tostring(name):sub(1, 80))
        elseif not fits(value, wanted) then
            return ("argument %s: %s expected"):format(name, wanted)
        end
    end
    return not arguments.text and "argument text is missing" or limits.wrong(arguments)
end

--- What came as JSON, without what the decoder has put on it.
local function plain(value)
    if type(value) ~= "table" then
        return value
    end
    local copy = {}
    for key, element in pairs(value) do
        copy[key] = plain(element)
    end
    return copy
end

---@class moonsnap.service.ProgramRun
---@field backend moonsnap.service.Backend
---@field asked   table
---@field context moonsnap.service.Context
---@field emit    fun(value?: any): boolean
---@field lone    moonsnap.service.Lone
---@field failure fun(kind: string, message: string): moonsnap.Error
---@field runtime table

--- What the words are answered by: what is slow about them goes to a worker, as in any call.
local function host_of(run, store)
    local shop = run.backend.shop
    local caller = run.context.caller
    local function alive() return run.context:alive() end
    local function as(fn, ...)
        local hooks = store.shared.hooks
        if hooks then
            return hooks:as(caller, fn, ...)
        end
        return fn(...)
    end
    return {
        as = as,
        emit = function(value) run.emit { emit = value } end,
        log = function(text) run.emit { log = text } end,
        now = run.runtime.now, failure = run.failure,
        commit = function(name, key, options)
            local with = {}
            for option, value in pairs(options or {}) do
                with[option] = value
            end
            with.durability = with.durability or shop.durability
            local sealed, err = shop:seal(store.name_space, key, with.durability, alive)
            if err then
                return nil, err
            end
            with.seal = sealed
            local ok, why = as(store.commit, store, name, key, with)
            if sealed then
                sealed:close()
            end
            return ok, why
        end,
        usage = function(key)
            local measure <close>, err = store.engine:usage(store.name_space, key)
            if not measure then
                return nil, err
            end
            local ok, why = shop:finish(measure, alive)
            return ok and measure:usage() or nil, why
        end,
    }
end

--- Between two slices: others get their turn, and whoever is gone needs nothing more.
local function turn_of(run)
    return function()
        run.emit()
        lone.pause(run.lone)
        if not run.context:alive() then
            return run.failure("canceled", run.asked.name .. ": the caller is gone; nothing was changed")
        end
    end
end

local function execute(run, store)
    local runtime, context, asked = run.runtime, run.context, run.asked
    local bounds = limits.of(asked)
    -- a client that does not read must not hold the store for longer than the limit
    local wake = runtime.timers:after(bounds.seconds, function() context.router:wake(context.call) end)
    local _wake <close> = setmetatable({}, { __close = function() runtime.timers:cancel(wake) end })
    local values, err, spent = script.run {
        sandbox = store.core.sandbox, name = asked.name, text = asked.text, args = plain(asked.args or {}),
        limits = bounds, handlers = words.new(store, host_of(run, store)), failure = run.failure,
        clock = runtime.clock, slice = SLICE, turn = turn_of(run),
    }
    if not values then
        return nil, err
    end
    local list = {}
    for at = 1, values.n do
        list[at] = values[at] == nil and dkjson.null or values[at]
    end
    return { values = setmetatable(list, { __jsontype = "array" }), n = values.n, spent = spent }
end

--- On an object of its own, at one state.
local function read(run)
    local reader = run.backend.reader
    local engine, err = reader.core.open(reader.root, nil, nil, nil, false, true)
    if not engine then
        return nil, err
    end
    local _engine <close> = setmetatable({}, { __close = function() engine:close() end })
    local held
    held, err = engine:hold()
    if not held then
        return nil, err
    end
    local outcome
    outcome, err = execute(run, snapshotter.new(reader.core, engine, reader.name_space))
    engine:release()
    return outcome, err
end

local function write(run)
    local store = run.backend.writer
    local outcome, err = lone.transaction(run.lone, not run.asked.check, function()
        local since, wrong = store.engine:last_event()
        if not since then
            return nil, wrong
        end
        local done
        done, wrong = execute(run, store)
        if done and run.asked.check then
            done.changes = changes.of(store:events { since = since })
        end
        return done, wrong
    end)
    if outcome and not run.asked.check then
        run.backend.shop:sweep_soon()
    end
    return outcome, err
end

local function tell(run, outcome)
    local found = outcome.changes
    if found then
        for _, change in ipairs(found.list) do
            if not run.emit { change = change } then
                break
            end
        end
        local array = { __jsontype = "array" }
        outcome.made, outcome.removed = setmetatable(found.made, array), setmetatable(found.removed, array)
        outcome.changes = nil
    end
    run.emit { outcome = outcome }
end

--- Who ran what, in the log.
local function audit(run, err)
    local log, peer = run.runtime.service.options.audit, run.context.peer
    if log then
        log("program", { uid = peer.uid, pid = peer.pid, namespace = run.context.namespace, name = run.asked.name,
            error = err and err.message or nil })
    end
end

--- The verb.
---@param runtime table  of the plugins
---@param snapshotters moonsnap.service.Snapshotters
---@return moonsnap.service.ControlVerb
function M.new(runtime, snapshotters)
    local failure = runtime.failure
    return function(asked, context, emit)
        local wrong = wrong_in(asked)
        if wrong then
            return nil, failure("invalid_argument", "program: " .. wrong)
        end
        local name_space, err = identifier.namespace(context, failure)
        if not name_space then
            return nil, err
        end
        local backend = snapshotters:find(asked.snapshotter or snapshotters.default, name_space)
        if not backend then
            return nil, failure("invalid_argument", ("program: no snapshotter '%s'"):format(asked.snapshotter))
        end
        asked.name = asked.name or "program"
        local run = {
            backend = backend, asked = asked, context = context, emit = emit, failure = failure, runtime = runtime,
            lone = { batch = backend.shop.batch, pool = runtime.pool, tickets = runtime.tickets,
                timers = runtime.timers, tasks = runtime.router.tasks },
        }
        local outcome
        outcome, err = (asked.read_only and read or write)(run)
        audit(run, err)
        if not outcome then
            return nil, err
        end
        tell(run, outcome)
        return true
    end
end

return M
