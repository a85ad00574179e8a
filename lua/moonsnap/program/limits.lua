--- What a program may use, and what is said of one that wants more.

local text = require "moonsnap.cli.text"

local M = {}

--- Instructions are the sandbox's, so that the same script with the same arguments on the same store ends at the same
--- place; seconds are on the wall, from its first instruction on.
M.DEFAULT = { instructions = 10000000, memory = 64 << 20, seconds = 10 }

local LEAST = 64 << 10 -- bytes: a sandbox and its words take half of it

--- The limits of a call: those that options name, the others by default.
---@param options {instructions?: integer, memory?: integer, seconds?: number}
---@return {instructions: integer, memory: integer, seconds: number}
function M.of(options)
    return {
        instructions = options.instructions or M.DEFAULT.instructions,
        memory = options.memory or M.DEFAULT.memory,
        seconds = options.seconds or M.DEFAULT.seconds,
    }
end

--- Says what is wrong with limits, or nil.
---@return string?
function M.wrong(options)
    for name in pairs(M.DEFAULT) do
        local value = options[name]
        if value and not (value > 0 and value < math.huge) then
            return ("%s: a number above 0 expected, got %s"):format(name, tostring(value))
        end
    end
    if options.memory and options.memory < LEAST then
        return ("memory: %s at least, got %s"):format(text.size(LEAST), text.size(options.memory))
    end
end

local SAYS = {
    seconds = function(limit) return ("%g seconds"):format(limit) end,
    instructions = function(limit) return text.several(limit, "instruction") end,
    memory = function(limit) return ("%s of memory"):format(text.size(limit)) end,
    depth = function() return "calls inside each other" end,
}

--- The error of a program that was over one.
---@param failure fun(kind: string, message: string): moonsnap.Error
---@param name string
---@param which string    "seconds"
---@param value? number   the limit
---@param place? string   "clean.lua:12", where it is known
---@return moonsnap.Error
function M.over(failure, name, which, value, place)
    return failure("resource_exhausted", ("%s: over its limit of %s; nothing was changed"):format(place or name,
        SAYS[which] and SAYS[which](value) or which))
end

return M
