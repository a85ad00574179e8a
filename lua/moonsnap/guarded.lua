--- Functions of this state that a look now and then can end: at a time, or when somebody says so.
---
---     local guard = guarded.new(check, every, spares)
---     guard:call(fn, handler, ...)      as xpcall; once check() answers something, that is raised in fn, again at each
---                                       instruction, so that no pcall of fn's keeps it
---     guard.coroutine                   for fn's globals: coroutines that are looked at, too
---
--- What C does is not looked at. Only fn is raised in, never its caller; where it spares, not in moonsnap's own code
--- that fn calls, nor in what that calls of others, either: it may be in the midst of something that others go on with.

local M = {}

---@class moonsnap.Guard
---@field check     fun(): any
---@field every     integer    instructions between two looks
---@field spares    boolean    moonsnap's own code
---@field coroutine table
local Guard = {}
Guard.__index = Guard

local function through(...)
    return ...
end

local HOME = debug.getinfo(1, "S").source:match("^(.*)guarded%.lua$")
local SHOWS = HOME .. "repl/" -- what shows values holds nothing that others need

local function is_spared(source)
    return source:sub(1, #HOME) == HOME and source:sub(1, #SHOWS) ~= SHOWS
end

--- Is moonsnap's own code under way? Files of others and C may be what it calls, text never is.
local function spared()
    local level = 3
    local info = debug.getinfo(level, "Sf")
    while info and info.func ~= Guard.call do
        if is_spared(info.source) then
            return true
        elseif info.what ~= "C" and (info.source:sub(1, 1) ~= "@" or info.source:sub(1, #SHOWS) == SHOWS) then
            return false
        end
        level = level + 1
        info = debug.getinfo(level, "Sf")
    end
    return false
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
            if not (self.spares and spared()) then
                error(self.stop, 0)
            end
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
---@param spares? boolean
---@return moonsnap.Guard
function M.new(check, every, spares)
    local self = setmetatable({ check = check, every = every, spares = spares }, Guard)
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
