--- How wide the terminal is that somebody reads at.

local unistd = require "posix.unistd"

local M = {}

local LEAST = 20

--- Columns of the terminal on standard output, or on standard error; nil where neither is one.
---@return integer?
function M.count()
    local columns = tonumber(os.getenv("COLUMNS"))
    local fd = unistd.isatty(1) == 1 and 1 or unistd.isatty(2) == 1 and 2 or nil
    if not columns and fd then
        -- ours: the shell's own output is the pipe
        local pipe <close> = io.popen(("stty size </proc/$PPID/fd/%d 2>/dev/null"):format(fd))
        columns = pipe and tonumber((pipe:read("a") or ""):match("%d+ (%d+)"))
    end
    return columns and columns >= LEAST and math.tointeger(columns) or nil
end

return M
