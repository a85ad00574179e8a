--- How wide the terminal is that somebody reads at.

local unistd = require "posix.unistd"

local M = {}

local LEAST = 20

--- Columns of the terminal on standard output, or on standard error; nil where neither is one.
---@return integer?
function M.count()
    local columns = tonumber(os.getenv("COLUMNS"))
    local from = unistd.isatty(2) == 1 and "<&2" or unistd.isatty(1) == 1 and "</proc/$PPID/fd/1" or nil
    if not columns and from then
        -- standard output of the shell itself is the pipe; to open ours again takes that the terminal is our user's
        local pipe <close> = io.popen(("stty size %s 2>/dev/null"):format(from))
        columns = pipe and tonumber((pipe:read("a") or ""):match("%d+ (%d+)"))
    end
    return columns and columns >= LEAST and math.tointeger(columns) or nil
end

return M
