--- Functions of this state that a look now and then can end: at a time, or when somebody says so.
---
---     local guard = guarded.new(check, every)
---     guard:call(fn, handler, ...)      as xpcall; once check() answers something, that is raised in fn, again at each
---                                       instruction, so that no pcall of fn's keeps it
---     guard.coroutine                   for fn's globals: coroutines that are looked at, too
---
--- What C does is not looked at. Only fn is raised in, never its caller.

local M = {}

---@class moonsnap.Guard
---@field check     fun(): any
---@field every     integer    instructions between two looks
---@field coroutine table
local Guard = {}
Guard.__index = Guard

local function through(...)
    return ...
end

--- Does the thread that is looked at run what a guard calls, or what that left to close?
local function runs()
    local level, inner = 3, nil
    local info = debug.getinfo(level, "f")
    while info and not (info.func == Guard.call and inner == xpcall) do
        level, inner = level + 1, info.func
        info = debug.getinfo(level, "f")
    end
    return info ~= nil
end

--- The hook: in the thread that called the guard it raises only while its function runs.
local function looker(self, calling)
    local function look()
        if self.stop == nil then
            self.stop = self.check()
        end
        if self.stop ~= nil and (not calling or runs()) then
            debug.sethook(look, "", 1)
            error(self.stop, 0)
        end
    end
    return look
end

local function coroutines(self)
    local function watched(fn)
        return function(...)
            debug.sethook(looker(self), "", self.every)
            return through(fn(...))
        end
    end
    return setmetatable({
        create = function(fn) return coroutine.create(watched(fn)) end,
        wrap = function(fn) return coroutine.wrap(watched(fn)) end,
        yield = function(...)
            if coroutine.running() == self.thread then
                error("yield: there is no coroutine to yield from", 2)
            end
            return coroutine.yield(...)
        end,
    }, { __index = coroutine })
end

---@param check fun(): any
---@param every integer
---@return moonsnap.Guard
function M.new(check, every)
    local self = setmetatable({ check = check, every = every }, Guard)
    self.coroutine = coroutines(self)
    return self
end

--- As xpcall(fn, handler, ...), its results packed.
---@param fn function
---@param handler fun(raised: any): any
---@return {n: integer, [integer]: any}
function Guard:call(fn, handler, ...)
    self.stop, self.thread = nil, coroutine.running()
    local hook, mask, every = debug.gethook()
    debug.sethook(looker(self, true), "", self.every)
    local results = table.pack(xpcall(fn, handler, ...))
    debug.sethook(type(hook) == "function" and hook or nil, mask, every)
    return results
end

return M
