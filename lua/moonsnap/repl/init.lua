--- The console: reads lines until a chunk is whole, runs it, and again.
---
---     source      lines as Lua              pretty   values for people         complete   what can stand there
---     here        chunks of this process    there    chunks of a service, by its Control
---     editor      lines from a terminal     plain    lines from a file or pipe

local source = require "moonsnap.repl.source"

local M = {}

---@class moonsnap.repl.Reader
---@field line  fun(self, prompt: string): string | false | nil  false: ^C; nil: the end
---@field keep  fun(self, text: string)   remembers a chunk
---@field close fun(self)

---@class moonsnap.repl.Console
---@field run      fun(self, text: string): boolean
---@field complete fun(self, line: string): string[], integer

--- Runs a console until its reader ends.
---@param console moonsnap.repl.Console
---@param reader moonsnap.repl.Reader
---@param prompt string
---@return integer failed  chunks that failed
function M.run(console, reader, prompt)
    local text, failed = nil, 0
    local more = (" "):rep(math.max(0, utf8.len(prompt) - 3)) .. ".. "
    while true do
        local line = reader:line(text and more or prompt)
        if line == nil then
            break
        elseif line == false then
            text = nil
        else
            text = text and text .. "\n" .. line or line
            if source.is_whole(text) then
                if text:find("%S") then
                    reader:keep(text)
                    failed = failed + (console:run(text) and 0 or 1)
                end
                text = nil
            end
        end
    end
    if text then -- the end came first: says so
        failed = failed + (console:run(text) and 0 or 1)
    end
    return failed
end

return M
