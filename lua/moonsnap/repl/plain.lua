--- Lines of a console from a file or a pipe, and from a terminal without an editor.

local M = {}

local Plain = {}
Plain.__index = Plain

---@param file file*
---@param ask? fun(prompt: string)        shows the prompt, on a terminal
---@param interrupted? fun(): boolean     has ^C come since it was asked? The terminal has dropped the line before it
---@return moonsnap.repl.Reader
function M.new(file, ask, interrupted)
    return setmetatable({
        file = file, first = true,
        ask = ask or function() end, interrupted = interrupted or function() return false end,
    }, Plain)
end

function Plain:line(prompt)
    local kept = self.kept
    if kept then
        self.kept = nil
        return kept
    end
    self.ask(prompt)
    local line = self.file:read("l")
    if self.interrupted() then -- before this line was typed: what stood above it goes, and it stays
        self.kept = line
        return false
    end
    if line and self.first then
        line = line:gsub("^#!.*", "")
    end
    self.first = false
    return line
end

function Plain.keep()
end

function Plain.close()
end

return M
