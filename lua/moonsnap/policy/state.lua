--- What a policy file runs in: a sandbox of its own, or, for automation, a table of globals in this state.
---
---     state:run(name, text, ...)   nil, err where it does not compile, or fails
---     state:call(fn, ...)          calls one of its functions; raises error values: aborted once it is closed
---     state.box                    the sandbox; nil for automation

local raised = require "moonsnap.raised"
local sandbox = require "moonsnap.sandbox"

local M = {}

local STATE = 32 << 20 -- bytes that the state of a file may hold
local LOADING = { instructions = 10000000, seconds = 2, memory = 16 << 20 }
local ASKING = { instructions = 200000, seconds = 0.02, memory = 8 << 20 } -- a function in a label policy or a rule

---@class moonsnap.policy.State
---@field box?   moonsnap.Sandbox
---@field closed? true
---@field asked  table<string, function>  what the file asks of the host, by word
local Boxed = {}
Boxed.__index = Boxed

--- A sandbox; its words are those of asked.
---@param core  {sandbox: {new: fun(options: table): moonsnap.Sandbox}}
---@param asked table<string, function>
---@return moonsnap.policy.State
function M.boxed(core, asked)
    local names = {}
    for name in pairs(asked) do
        names[#names + 1] = name
    end
    table.sort(names)
    return setmetatable({ box = core.sandbox.new { memory = STATE, words = names }, asked = asked,
        failure = core.error }, Boxed)
end

function Boxed:run(name, text, ...)
    local chunk, err = self.box:load(name, text)
    if not chunk then
        return nil, err
    end
    local _
    _, err = sandbox.run(self.box, chunk, LOADING, self.asked, ...)
    return not err or nil, err
end

function Boxed:call(fn, ...)
    if self.closed then -- a service plans with pauses, in which it may reload
        error(self.failure("aborted", "the policy was reloaded meanwhile: try again, by the new one"), 0)
    end
    local value, err = sandbox.run(self.box, fn, ASKING, self.asked, ...)
    if err then
        error(err, 0)
    end
    return value
end

function Boxed:memory()
    return self.box:memory()
end

function Boxed:close()
    self.closed = true
    self.box:close()
end

local Plain = {}
Plain.__index = Plain

local LOADING_PLAIN = 100000000 -- instructions: a loop that has no end shall not stand in the way of a service

--- pcall that ends an endless loop, also one within pcall: once over the limit, every instruction raises. In a
--- coroutine, whose hook is its own.
local function bounded(fn, ...)
    local thread = coroutine.create(fn)
    local function over()
        debug.sethook(thread, over, "", 1)
        error(("it is not loaded after %d instructions: a file is loaded to register what is to run later")
            :format(LOADING_PLAIN), 2)
    end
    debug.sethook(thread, over, "", LOADING_PLAIN)
    local ok, err = coroutine.resume(thread, ...)
    if ok and coroutine.status(thread) ~= "dead" then
        return false, "it waits while it is loaded: only a hook or a timer can"
    end
    return ok, err
end

--- A table of globals in this state, with the words in it.
---@param environment table
---@param asked table<string, function>  "host.hook" is the field hook of host
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return moonsnap.policy.State
function M.plain(environment, asked, failure)
    for name, handler in pairs(asked) do
        local group, word = name:match("^(%w+)%.(%w+)$")
        if group then
            environment[group] = environment[group] or {}
            environment[group][word] = handler
        else
            environment[name] = handler
        end
    end
    return setmetatable({ environment = environment, failure = failure }, Plain)
end

function Plain:run(name, text, ...)
    local chunk, wrong = load(text, "@" .. name, "t", self.environment)
    if not chunk then
        return nil, self.failure("invalid_argument", wrong)
    end
    local ok, err = bounded(chunk, ...)
    return ok or nil, not ok and raised.error_of(err, self.failure) or nil
end

function Plain.call(_, fn, ...)
    return (fn(...))
end

function Plain.memory()
    return nil
end

function Plain.close()
end

return M
