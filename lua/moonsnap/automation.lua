--- Automation: files of whoever runs the service, that react to what happens, within what the configuration gives them.
---
---     automation("audit.lua", { files = { "/var/log/moonsnap/audit.jsonl" }, sockets = {...}, spawn = {...} })
---
--- They run in this state, in globals of their own: environment.lua says what they have of Lua, words.lua what they
--- have of the world. They have the words of policies too; their hooks of phase after may wait.

local environment = require "moonsnap.automation.environment"
local words = require "moonsnap.automation.words"

local M = {}

--- What a policy loader is given for an automation file, and what ends its timers.
---@param options moonsnap.automation.WordOptions
---@param store?  table  what the file has as `store`
---@return moonsnap.policy.Automation place
---@return fun() stop
function M.place(options, store)
    local globals = environment.new()
    globals.store = store
    local own, stop = words.new(options)
    return { path = options.grant.path, options = options.grant.options, environment = globals, words = own }, stop
end

--- The same for a file that is only looked at: its words do nothing.
---@param place {path: string, options?: table}
---@return moonsnap.policy.Automation
function M.looked_at(place)
    local nothing = words.new {} -- every and json do nothing without timers
    for _, word in ipairs { "append", "post", "spawn" } do
        nothing[word] = function() return true end
    end
    return { path = place.path, options = place.options, environment = environment.new(), words = nothing }
end

return M
