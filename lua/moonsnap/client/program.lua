--- Programs and consoles over a service's socket.

local arguments = require "moonsnap.arguments"

local M = {}

local OPTIONS = {
    name = "string", emit = "function", log = "function", read_only = "boolean", check = "boolean",
    instructions = "integer", memory = "integer", seconds = "number",
}

--- What a service answers, in the shape of an outcome.
local function outcome_of(told, changes)
    local values = { n = told.n }
    for at = 1, told.n do
        values[at] = told.values[at]
    end
    local found
    if told.made then
        found = { list = changes, made = told.made, removed = told.removed }
    end
    return { values = values, spent = told.spent, changes = found }
end

--- Does with each line what it is about; the outcome is the last.
local function follow(lines, emit, log)
    local changes = {}
    for line in lines() do
        if line.outcome then
            return outcome_of(line.outcome, changes)
        elseif line.change then
            changes[#changes + 1] = line.change
        elseif line.log then
            log(line.log)
        else
            emit(line.emit)
        end
    end
end

local function nothing() end

--- As Store:program, in the service; a function cannot go there.
---@param store moonsnap.client.Store
---@param what string | function
---@param args? any[]
---@param options? moonsnap.ProgramOptions
---@return moonsnap.Outcome? outcome
---@return moonsnap.Error? err
function M.run(store, what, args, options)
    if type(what) == "function" then
        return nil, store.core.error("unimplemented",
            "program: a function does not go through a service: give it a text, or open the store itself")
    end
    arguments.need("program", "text", what, "string")
    arguments.may("program", "args", args, "table")
    options = arguments.options("program", options, OPTIONS)
    local asked = { text = what, args = setmetatable({ table.unpack(args or {}) }, { __jsontype = "array" }) }
    for name, kind in pairs(OPTIONS) do
        asked[name] = kind ~= "function" and options[name] or nil
    end
    local raised_by_us
    local ok, outcome = pcall(follow, function() return store.wire:lines("program", asked) end, function(value)
        local went, raised = pcall(options.emit or nothing, value)
        if not went then
            raised_by_us = raised
            error(raised, 0)
        end
    end, options.log or nothing)
    if ok then
        return outcome
    elseif raised_by_us == nil and type(outcome) == "table" and outcome.kind then
        return nil, outcome
    end
    error(outcome, 0)
end

return M
