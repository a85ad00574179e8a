--- A console on objects of this process: runs chunks, shows what they answer, completes.

local complete = require "moonsnap.repl.complete"
local guarded = require "moonsnap.guarded"
local pretty = require "moonsnap.repl.pretty"
local raised = require "moonsnap.raised"
local source = require "moonsnap.repl.source"

local M = {}

---@class moonsnap.repl.Here
---@field env    table                         globals of the chunks
---@field store  moonsnap.Store                whose keys are completed
---@field say    fun(text: string)             what print and answers go to
---@field scold  fun(text: string)             what errors go to
---@field how    moonsnap.repl.Pretty
---@field guard  moonsnap.Guard                what may end a chunk
local Here = {}
Here.__index = Here

local EVERY = 100 -- instructions between two looks of guard: steps of slow work are some ten each

--- The elements of an iterator: `all(store:walk())`.
local function all(iterator, state, control, closing)
    local list = {}
    local _closing <close> = closing
    for value in iterator, state, control do
        list[#list + 1] = value
    end
    return list
end

---@param options {globals: table, store: moonsnap.Store, say: fun(text: string), scold: fun(text: string),
---                how: moonsnap.repl.Pretty, guard?: fun(): any, spares?: boolean}  guard is called now and then while
---                a chunk runs; what it answers is raised in it, with spares never in moonsnap's own code
---@return moonsnap.repl.Here
function M.new(options)
    local self = setmetatable({
        store = options.store, say = options.say, scold = options.scold, how = options.how,
    }, Here)
    local env = setmetatable({ all = all }, { __index = _G })
    for name, value in pairs(options.globals) do
        env[name] = value
    end
    env._G = env
    function env.print(...)
        local words = table.pack(...)
        for at = 1, words.n do
            words[at] = type(words[at]) == "table" and pretty.show(words[at], self.how) or tostring(words[at])
        end
        self.say(table.concat(words, "\t", 1, words.n))
    end
    self.guard = guarded.new(options.guard or function() end, EVERY, options.spares)
    env.coroutine = self.guard.coroutine
    self.env = env
    return self
end

--- For xpcall: an error value as it is, anything else with where it was raised, where that is not the chunk itself.
local function traced(value)
    if type(value) ~= "string" then
        return value
    end
    local trace = debug.traceback(value, 2):gsub("\n%s*%[C%]: in function 'xpcall'\n[^\n]*guarded%.lua:.*", "")
        :gsub("\n%s*%[C%]: in function 'error'", "")
    return (trace:gsub("\nstack traceback:$", ""):gsub("\nstack traceback:\n%s*stdin:%d+: in main chunk$", ""))
end

--- What show makes of a value. Its metatable is the chunk's: what that does may be ended, too.
local function shown(self, show, value)
    if raised.is_error(value) then
        return show(value, self.how)
    end
    local results = self.guard:call(show, traced, value, self.how)
    if results[1] then
        return results[2]
    end
    local why = results[2]
    return ("<%s> (to show it: %s)"):format(type(value), raised.is_error(why) and why.message or tostring(why))
end

--- Runs a chunk and shows what it answers; its first value is _ from then on.
---@param text string
---@return boolean ok
function Here:run(text)
    local fn, wrong = source.compile(text, "=stdin", self.env)
    if not fn then
        self.scold(pretty.error(wrong or "stdin: the end is missing", self.how))
        return false
    end
    local results = self.guard:call(fn, traced)
    if not results[1] then
        self.scold(shown(self, pretty.error, results[2]))
        return false
    elseif results.n >= 3 and results[2] == nil and raised.is_error(results[3]) then
        self.scold(shown(self, pretty.error, results[3]))
        return false
    end
    while results.n > 2 and results[results.n] == nil do
        results.n = results.n - 1 -- "value, nil" is how many a function says that all went well
    end
    if results.n > 1 then
        rawset(self.env, "_", results[2])
        self.say(shown(self, pretty.values, table.pack(table.unpack(results, 2, results.n))))
    end
    return true
end

---@param line string  up to the cursor
---@return string[] candidates
---@return integer from
function Here:complete(line)
    return complete.candidates(line, self.env, complete.keys_of(self.store))
end

return M
