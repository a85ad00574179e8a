--- Lines of a console from a terminal: GNU readline, by lua-readline. The history is a file of the user's.
---
--- ^C at the prompt is a key: it makes the line INTERRUPT, which nobody types, and so drops what was typed. While a
--- chunk runs it is the signal that the loop has taken. (lua-readline can also be given one key at a time, but then
--- frees the terminal's stream before readline has done with it.)

local stat = require "posix.sys.stat"
local stdlib = require "posix.stdlib"
local termio = require "posix.termio"
local unistd = require "posix.unistd"

local M = {}

local KEEP = 1000 -- lines of history
local INTERRUPT = "\3"
local BINDING = [["\C-c": "\C-e\C-u\C-v\C-c\C-m"]] -- end, kill, literally ^C, enter

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

--- The character that is a signal; answers the one before. Without a terminal nothing is done.
---@param character? integer  0: none
---@return integer?
local function interrupted_by(character)
    local modes = termio.tcgetattr(0)
    if modes and character then
        local before = modes.cc[termio.VINTR]
        modes.cc[termio.VINTR] = character
        termio.tcsetattr(0, termio.TCSANOW, modes)
        return before
    end
end

--- Has readline read the user's bindings and ours, which it does at its first line; answers what ends that.
---@return fun()
local function with_bindings()
    local own, home = stdlib.getenv("INPUTRC"), stdlib.getenv("HOME")
    local fd, path = stdlib.mkstemp((stdlib.getenv("TMPDIR") or "/tmp") .. "/moonsnap.XXXXXX")
    if not fd then
        return function() end
    end
    unistd.unlink(path)
    unistd.write(fd, ("$include %s\n%s\n"):format(own or home and home .. "/.inputrc" or "/etc/inputrc", BINDING))
    stdlib.setenv("INPUTRC", "/proc/self/fd/" .. fd)
    return function()
        unistd.close(fd)
        stdlib.setenv("INPUTRC", own)
    end
end

--- Reads a line.
---@param prompt string
---@return string | false | nil
function Editor:line(prompt)
    local character = interrupted_by(0)
    local bound = not self.begun and with_bindings() or nil
    local line = self.readline.readline(prompt)
    if bound then
        bound()
        self.begun = true
    end
    interrupted_by(character)
    self.loop:wait(0)
    while self.loop:signal() do end -- a ^C that came too late for the chunk before
    if line == INTERRUPT then
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
