--- One run of a program's text in a sandbox of its own: loads, calls, answers its words, and stops it at its limits.
---
---     local values, err = script.run { sandbox = core.sandbox, name = "clean.lua", text = text, ... }

local data = require "moonsnap.program.data"
local limits = require "moonsnap.program.limits"
local prelude = require "moonsnap.program.prelude"
local raised = require "moonsnap.raised"
local words = require "moonsnap.program.words"

local M = {}

---@class moonsnap.program.Script
---@field sandbox  moonsnap.core.Sandbox
---@field name     string    for messages
---@field text     string
---@field args     any[]
---@field limits   {instructions: integer, memory: integer, seconds: number}
---@field handlers table<string, function>  what words.new answered
---@field failure  fun(kind: string, message: string): moonsnap.Error
---@field clock    fun(): number   steady seconds
---@field slice?   number    seconds after which it stops for a moment and turn is called
---@field turn?    fun(): moonsnap.Error?  called at each slice's end; an error ends the program

--- Without the line that says which interpreter runs it; the number of lines stays.
local function without_shebang(text)
    return (text:gsub("^#[^\n]*", "", 1))
end

--- A sandbox with the words and what stands before a program.
local function prepared(script)
    local box = script.sandbox.new { memory = script.limits.memory, words = words.names() }
    local fn, err = box:load("prelude", prelude)
    if not fn then
        error(err, 0)
    end
    local how, why = box:call(fn)
    if how ~= "done" then
        error(why, 0)
    end
    box:set("args", script.args)
    return box
end

--- What is said of a call that failed, or that a limit has ended. A trace is worth its lines when it has several.
local function failed(script, err, limit)
    if limit then
        return limits.over(script.failure, script.name, limit, script.limits[limit],
            err.message:match("^([^\n:]+:%d+):"))
    end
    local trace = (err.trace or ""):gsub("prelude:%d+: [^\n]*\n?%s*", "")
    err.trace = trace:find("\n.*%S") and ("%s\n    %s"):format(err.message, trace:gsub("\n%s*", "\n    ")) or nil
    return err
end

--- What the program returned, unless that is nil and an error. What nobody could print is refused while it can be.
local function returned(script, results)
    if results.n >= 3 and results[2] == nil and raised.is_error(results[3]) then
        return nil, results[3]
    end
    for at = 2, results.n do
        local wrong = data.wrong(results[at])
        if wrong then
            return nil, script.failure("invalid_argument", ("%s: result %d: %s"):format(script.name, at - 1, wrong))
        end
    end
    return table.pack(table.unpack(results, 2, results.n))
end

--- Calls turn when a slice is over, by the sandbox's clock or by ours, and looks at the wall.
local function watcher(script)
    local clock, slice = script.clock, script.slice
    local ends = clock() + script.limits.seconds
    local due = slice and clock() + slice
    return function(now_due)
        local now = clock()
        if now >= ends then
            return limits.over(script.failure, script.name, "seconds", script.limits.seconds)
        elseif script.turn and (now_due or now >= due) then
            local err = script.turn()
            due = clock() + slice
            return err
        end
    end
end

--- Slow work of the store that was given up because the time was over fails as canceled: the limit is why.
local function over_time(err, watch)
    return err and err.kind == "canceled" and watch(false) or err
end

--- Drives a call to its end.
local function drive(script, box, results, watch)
    while true do
        local how = results[1]
        if how == "done" then
            local values, err = returned(script, results)
            return values, over_time(err, watch)
        elseif how == "failed" then
            return nil, over_time(failed(script, results[2], results[3]), watch)
        end
        local stop = watch(how == "slice")
        if stop then
            box:cancel()
            return nil, stop
        elseif how == "word" then
            results = table.pack(box:resume(script.handlers[results[2]](table.unpack(results, 3, results.n))))
        else
            results = table.pack(box:resume())
        end
    end
end

--- Runs it to its end.
---@param script moonsnap.program.Script
---@return {n: integer, [integer]: any}? values  that it returned
---@return moonsnap.Error? err
---@return {instructions: integer, seconds: number, memory: integer}? spent
function M.run(script)
    local box = prepared(script)
    local _closing <close> = setmetatable({}, { __close = function() box:close() end })
    local fn, err = box:load(script.name, without_shebang(script.text))
    if not fn then
        return nil, err
    end
    local budget = {
        instructions = script.limits.instructions, seconds = script.limits.seconds, slice = script.slice,
    }
    local watch = watcher(script)
    local results = table.pack(box:call(fn, budget, table.unpack(script.args)))
    local values
    values, err = drive(script, box, results, watch)
    if not values then
        return nil, err
    end
    local instructions, seconds, bytes = box:spent()
    return values, nil, { instructions = instructions, seconds = seconds, memory = bytes }
end

return M
