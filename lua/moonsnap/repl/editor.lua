--- Lines of a console from a terminal: GNU readline, by lua-readline. The history is a file of the user's.
---
--- readline is given one key at a time, so that ^C comes by the loop like everything else: at the prompt it drops the
--- line, in a chunk it ends the chunk.

local stat = require "posix.sys.stat"

local M = {}

local KEEP = 1000 -- lines of history

---@class moonsnap.repl.Editor: moonsnap.repl.Reader
---@field readline table
---@field loop     moonsnap.rpc.Loop
---@field console? moonsnap.repl.Console  that completes
local Editor = {}
Editor.__index = Editor

--- Candidates as readline wants them: what stands in the place of the bytes from..to of the line.
local function fitted(candidates, from, line, start)
    local list = {}
    for _, candidate in ipairs(candidates) do
        if start <= from then
            local before = line:sub(start, from - 1)
            if candidate:sub(1, #before) == before then
                list[#list + 1] = candidate:sub(#before + 1)
            end
        else
            list[#list + 1] = line:sub(from, start - 1) .. candidate
        end
    end
    return list
end

--- readline by way of lua-readline, or nil where that is not installed.
---@param options {loop: moonsnap.rpc.Loop, history?: string}
---@return moonsnap.repl.Editor?
function M.new(options)
    local found, readline = pcall(require, "readline")
    if not found then
        return nil
    end
    local self = setmetatable({ readline = readline, loop = options.loop, history = options.history }, Editor)
    readline.set_readline_name("moonsnap")
    readline.set_options { histfile = options.history or "", keeplines = KEEP, auto_add = false, completion = true }
    readline.set_complete_function(function(line, from, to)
        readline.set_completion_append_character("") -- each completion begins with a space here
        local before = line:sub(1, to)
        local ok, candidates, start = pcall(self.console.complete, self.console, before)
        return ok and fitted(candidates, from, before, start) or {}
    end)
    return self
end

--- Reads keys until there is a line.
---@param prompt string
---@return string | false | nil
function Editor:line(prompt)
    local readline, loop = self.readline, self.loop
    local line, over = nil, false
    readline.handler_install(prompt, function(text)
        line, over = text, true
        readline.handler_remove()
    end)
    loop:watch(0, "r")
    local interrupted = false
    while not over do
        loop:wait(-1)
        if loop:signal() then
            interrupted = true
            readline.handler_remove()
            break
        end
        if loop:ready() then
            readline.read_char()
        end
    end
    loop:watch(0, "")
    if interrupted then
        io.stdout:write("^C\n")
        return false
    elseif line == nil then
        io.stdout:write("\n")
    end
    return line
end

--- A chunk of several lines is one entry, on one line.
---@param text string
function Editor:keep(text)
    local entry = text:gsub("%s*\n%s*", " ")
    if entry ~= self.last and not text:find("%-%-") then
        self.readline.add_history(entry)
        self.last = entry
    end
end

function Editor:close()
    if self.history then
        stat.umask(63) -- what was typed is nobody else's
        self.readline.save_history()
    end
end

return M
