--- Runs functions of the host, as hooks, within their budgets: each in a coroutine, so that a yield is noticed, with a
--- count hook, so that an endless loop ends, inside pcall too.
---
--- What this cannot end is a function of C that is busy (a pattern that backtracks, a sleep), which is told afterwards,
--- and an endless message handler of xpcall. Coroutines that the function makes are not counted. Functions of the host
--- are trusted: this is against accidents. Policy files run in the sandbox, which has none of these gaps.

local raised = require "moonsnap.raised"

local M = {}

local STEP = 1000 -- instructions between two looks at the clock
local IDLE_MAX = 16
local DONE = {} -- what the coroutine yields when the function has returned

local create, resume, yield, running = coroutine.create, coroutine.resume, coroutine.yield, coroutine.running

--- A coroutine with its count hook.
---@class moonsnap.hooks.Runner
---@field thread   thread
---@field used     integer
---@field limit    integer
---@field deadline number
---@field over?    "instructions" | "seconds"
local Runner = {}
Runner.__index = Runner

---@class moonsnap.hooks.Host
---@field clock fun(): number
---@field idle  moonsnap.hooks.Runner[]
local Host = {}
Host.__index = Host

---@param clock fun(): number  steady seconds
---@return moonsnap.hooks.Host
function M.new(clock)
    return setmetatable({ clock = clock, idle = {} }, Host)
end

local function live(fn, a, b, c)
    while true do
        fn, a, b, c = yield(DONE, fn(a, b, c))
    end
end

local function new_runner(host)
    local self = setmetatable({ thread = create(live), clock = host.clock }, Runner)
    function self.watch()
        self.used = self.used + self.step
        if not self.over then
            self.over = self.used >= self.limit and "instructions"
                or self.clock() > self.deadline and "seconds" or nil
        end
        if self.over then
            debug.sethook(running(), self.watch, "", 1) -- whoever catches it meets it again at once
            error(("it went over its budget of %s"):format(self.over), 0)
        end
    end
    return self
end

--- Lets time that was spent in somebody else's work not count.
---@param seconds number
function Runner:forgive(seconds)
    self.deadline = self.deadline + seconds
end

local function failure_text(self, ok, first)
    if self.over then
        return ("it went over its budget of %s"):format(self.over)
    elseif not ok then
        return raised.is_error(first) and tostring(first.message) or type(first) == "string" and first
            or ("it raised a %s value"):format(first == nil and "nil" or type(first))
    end
    return "it yielded: a hook cannot wait, it answers defer() or is done"
end

--- Calls fn(a, b, c). now_running is told the runner first, where given.
---@param entry moonsnap.hooks.Entry
---@param a any
---@param b any
---@param c any
---@param now_running? fun(runner: moonsnap.hooks.Runner)
---@return boolean ok
---@return any verdict  or the text of the failure
---@return integer instructions  in steps of up to 1,000
---@return number seconds
function Host:run(entry, a, b, c, now_running)
    local idle, clock, budget = self.idle, self.clock, entry.budget
    local runner = table.remove(idle) or new_runner(self)
    local began = clock()
    runner.used, runner.limit, runner.over = 0, budget.instructions, nil
    runner.deadline, runner.step = began + budget.seconds, math.min(STEP, budget.instructions)
    if now_running then
        now_running(runner)
    end
    local thread = runner.thread
    debug.sethook(thread, runner.watch, "", runner.step)
    local ok, first, result = resume(thread, entry.run, a, b, c)
    debug.sethook(thread)
    local ended = clock()
    if ok and first == DONE and ended > runner.deadline then
        runner.over = "seconds"
    end
    if ok and first == DONE and not runner.over then
        if #idle < IDLE_MAX then
            idle[#idle + 1] = runner
        end
        return true, result, runner.used, ended - began
    end
    local text = failure_text(runner, ok, first)
    if not runner.over then
        -- what it left open is closed within a budget of its own; what was ended in the midst has no hook any more
        debug.sethook(thread, runner.watch, "", runner.step)
        runner.used, runner.deadline = 0, ended + budget.seconds
        coroutine.close(thread)
    end
    return false, text, runner.used, ended - began
end

return M
