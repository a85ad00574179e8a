--- Programs: a script over a store as one transaction, all of it or nothing, rows and directories.
---
---     store:program(text, args, options)   text runs in a sandbox under limits (program/script.lua)
---     store:program(fn, args, options)     fn(store, args, emit) runs here, with a look at the clock
---
---     it returns             commits, unless options.check
---     returns nil, err       rolls back; nil, err
---     raises                 rolls back; nil, err for an error value and for what a text raises; what a function
---                            raises otherwise is raised
---     is over a limit        rolls back; nil, err (resource_exhausted)
---
--- read_only: works on another object of the same store that looks at one state of it, takes no lock, and refuses to
--- write. check: tells what would have changed, from the event rows of the transaction, and rolls back.

local arguments = require "moonsnap.arguments"
local changes = require "moonsnap.program.changes"
local guarded = require "moonsnap.guarded"
local limits = require "moonsnap.program.limits"
local raised = require "moonsnap.raised"
local script = require "moonsnap.program.script"
local words = require "moonsnap.program.words"
local work = require "moonsnap.work"

local M = {}

local EVERY = 10000 -- instructions of a function between two looks at the clock

local OPTIONS = {
    name = "string", emit = "function", log = "function", read_only = "boolean", check = "boolean",
    instructions = "integer", memory = "integer", seconds = "number",
}

--- What the program's words are answered by, in this process.
local function host_of(store, job)
    local function progress()
        return job.clock() < job.ends -- false cancels
    end
    return {
        emit = job.emit, log = job.log, now = store.core.sys.now, failure = store.core.error,
        commit = function(name, key, options)
            local with = { progress = progress }
            for option, value in pairs(options or {}) do
                with[option] = value
            end
            return store:commit(name, key, with)
        end,
        usage = function(key) return store:usage(key, { progress = progress }) end,
    }
end

--- A text, in a sandbox.
local function run_text(store, job)
    local core = store.core
    return script.run {
        sandbox = core.sandbox, name = job.name, text = job.what, args = job.args, limits = job.limits,
        handlers = words.new(store, host_of(store, job)), failure = core.error, clock = job.clock,
    }
end

--- A function, with a look at the clock every few thousand instructions: what C does is not looked at.
local function run_function(store, job)
    local guard = guarded.new(function()
        if job.clock() >= job.ends then
            return limits.over(store.core.error, job.name, "seconds", job.limits.seconds)
        end
    end, EVERY)
    local results = guard:call(job.what, raised.traced, store, job.args, job.emit)
    if guard.stop then
        return nil, guard.stop
    elseif not results[1] then
        job.bug = not raised.is_error(results[2]) and results[2] or nil
        return nil, results[2]
    elseif results.n >= 3 and results[2] == nil and results[3] ~= nil then
        return nil, results[3]
    end
    return table.pack(table.unpack(results, 2, results.n))
end

local function perform(store, job)
    job.ends = job.clock() + job.limits.seconds
    local run = type(job.what) == "function" and run_function or run_text
    local values, err, spent = run(store, job)
    if not values then
        return nil, err
    end
    return { values = values, spent = spent }
end

--- On another object that only looks, at one state: the last one that is durable.
local function read(store, job)
    local engine, err = store.core.open(store.root, nil, nil, nil, false, true)
    if not engine then
        return nil, err
    end
    local looking = job.on(store.core, engine, store.name_space)
    local _closing <close> = setmetatable({}, { __close = function() engine:close() end })
    local held
    held, err = engine:hold()
    if not held then
        return nil, err
    end
    local outcome
    outcome, err = perform(looking, job)
    engine:release()
    return outcome, err
end

--- Frees what it removed, as a remove of its own would.
local function sweep(store)
    local cleaning <close> = store.engine:depth() == 0 and store.engine:sweep(0) or nil
    if cleaning then
        work.drive(store.core, cleaning, "program")
    end
end

local function write(store, job)
    local outcome, undone = nil, {}
    local ok, err = store:transaction(function()
        local since, wrong = store.engine:last_event()
        if not since then
            return nil, wrong
        end
        outcome, wrong = perform(store, job)
        if not outcome then
            return nil, wrong
        elseif job.check then
            outcome.changes = changes.of(store:events { since = since })
            return nil, undone
        end
        return true
    end)
    if err == undone then
        return outcome
    elseif not ok then
        return nil, err
    end
    sweep(store)
    return outcome
end

--- Runs a program; see types.lua, Store:program.
---@param store moonsnap.Store
---@param what string | function
---@param args? any[]
---@param options? moonsnap.ProgramOptions
---@param on fun(core: moonsnap.Core, engine: moonsnap.core.Store, name_space: string): moonsnap.Store
---@return moonsnap.Outcome? outcome
---@return moonsnap.Error? err
function M.run(store, what, args, options, on)
    if type(what) ~= "string" and type(what) ~= "function" then
        error("program: a text or a function expected, got " .. type(what), 2)
    end
    arguments.may("program", "args", args, "table")
    options = arguments.options("program", options, OPTIONS)
    local wrong = limits.wrong(options)
    if wrong then
        error("program: " .. wrong, 2)
    end
    local job = {
        what = what, args = args or {}, name = options.name or "program", limits = limits.of(options),
        check = options.check, emit = options.emit or function() end, log = options.log or function() end,
        clock = store.core.sys.steady, on = on,
    }
    local outcome, err = (options.read_only and read or write)(store, job)
    if job.bug then
        error(job.bug, 0)
    end
    return outcome, err
end

return M
