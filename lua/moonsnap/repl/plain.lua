--- Lines of a console from a file or a pipe, and from a terminal without an editor.

local M = {}

local Plain = {}
Plain.__index = Plain

---@param file file*
---@param ask? fun(prompt: string)  shows the prompt, on a terminal
---@return moonsnap.repl.Reader
function M.new(file, ask)
    return setmetatable({ file = file, ask = ask or function() end, first = true }, Plain)
end

function Plain:line(prompt)
    self.ask(prompt)
    local line = self.file:read("l")
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
