--- Runs a function of a sandbox to its end, answering what it asks for.
---
---     local verdict, err = sandbox.run(box, fn, budget, { log = function(text) ... end }, frame)
---
--- Handlers are ordinary functions of the host, by the words' names. They may yield, when the caller
--- runs in a coroutine; several runs in one box may then be under way, each goes on where it was.

local M = {}

--- Calls a handler. true, results... or false, what it raised.
local function ask(words, name, ...)
    local handler = words and words[name]
    if not handler then
        return false, ("%s: not available here"):format(name)
    end
    return pcall(handler, ...)
end

local step

--- Hands the answer to the very call that asked.
local function answer(run, ok, ...)
    run.box:pick(run.call)
    if ok then
        return step(run, run.box:resume(...))
    end
    return step(run, run.box:raise((...)))
end

local function failed(err, limit)
    err.limit = limit
    return nil, err
end

--- What is between two steps of the call; answers what the call answers.
function step(run, what, ...)
    run.over = what == "done" or what == "failed"
    if what == "done" then
        return ...
    elseif what == "failed" then
        return failed(...)
    end
    run.call = run.box:pick()
    if what == "word" then
        return answer(run, ask(run.words, ...))
    end
    if run.pause then
        run.pause()
    end
    return answer(run, true)
end

--- An abandoned run (an error of the host, a closed coroutine) ends its call; what raised may have ended it already.
local Guard = {}
function Guard:__close()
    if not self.over and pcall(self.box.pick, self.box, self.call) then
        self.box:cancel()
    end
end

local function guarded(box, words, pause)
    return setmetatable({ box = box, words = words, pause = pause, call = box:pick() }, Guard)
end

--- The rest of a call after its first step, for what call() or ask() answered. Most have none: they cost no table.
---@param box    moonsnap.Sandbox
---@param pause? fun()
---@param words? table<string, function>
---@param what   "done" | "word" | "slice" | "failed"
---@param ...    any
---@return any ...  as run's
function M.go_on(box, pause, words, what, ...)
    if what == "done" then
        return ...
    elseif what == "failed" then
        return failed(...)
    end
    local made, guard = pcall(guarded, box, words, pause)
    if not made then
        box:cancel()
        error(guard, 0)
    end
    local run <close> = guard
    return step(run, what, ...)
end

--- Runs fn.
---
--- What a handler raises is raised in the sandbox, where it asked; what it returns is what the word returns. Numbers of
--- instructions and seconds are the sandbox's own: time in handlers does not count.
---@param box     moonsnap.Sandbox
---@param fn      moonsnap.sandbox.Function
---@param budget? moonsnap.sandbox.Budget  with slice and pause: pause() is called whenever a slice is over
---@param words?  table<string, function>
---@param ...     any  for fn
---@return any ...  what fn returns; nil, err when it failed: err.limit says which limit it went over, err.trace where
function M.run(box, fn, budget, words, ...)
    return M.go_on(box, budget and budget.pause, words, box:call(fn, budget, ...))
end

return M
