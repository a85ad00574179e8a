--- Coroutines that wait for something: the one way in which a handler yields.

local M = {}

local running, yield, create, resume = coroutine.running, coroutine.yield, coroutine.create, coroutine.resume

--- Coroutines that have ended their function and wait for the next: making one costs more than a quick call.
---@class moonsnap.service.Tasks
---@field idle thread[]
local Tasks = {}
Tasks.__index = Tasks

local IDLE_MAX = 64

---@return moonsnap.service.Tasks
function M.new()
    return setmetatable({ idle = {} }, Tasks)
end

local function live(tasks, fn, a, b, c)
    local idle, thread = tasks.idle, running()
    while true do
        fn(a, b, c)
        if #idle >= IDLE_MAX then
            return
        end
        idle[#idle + 1] = thread
        fn, a, b, c = yield()
    end
end

local function check(thread, ok, raised)
    if not ok then
        error(debug.traceback(thread, tostring(raised)), 0)
    end
end

--- Runs fn(a, b, c) in a coroutine until it awaits something. What it raises is raised here, or where it is
--- resumed: a bug, that stops the loop.
---@param fn function
function Tasks:spawn(fn, a, b, c)
    local idle = self.idle
    local thread = idle[#idle]
    if thread then
        idle[#idle] = nil
        check(thread, resume(thread, fn, a, b, c))
    else
        thread = create(live)
        check(thread, resume(thread, self, fn, a, b, c))
    end
end

--- Calls start(resume), which arranges that resume(...) is called once, now or later; answers what it got.
---@param start fun(resume: fun(...: any))
function M.await(start)
    local thread = running()
    local waits, results = false, nil
    start(function(...)
        if waits then
            waits = false
            check(thread, resume(thread, ...))
        elseif not results then
            results = table.pack(...)
        end
    end)
    if results then
        return table.unpack(results, 1, results.n)
    end
    waits = true
    return yield()
end

return M
