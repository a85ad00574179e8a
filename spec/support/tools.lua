--- Small C programs of the tests (spec/tools/NAME.c), built once into build/tools.
local process = require "spec.support.process"
local stat = require "posix.sys.stat"
local tree = require "spec.support.tree"

local M = {}

local LIBRARIES = { sql = { "-lsqlite3" }, frames = { "-lnghttp2" }, shutdown = {} }

local function newer(path, than)
    local a, b = stat.stat(path), stat.stat(than)
    return a ~= nil and a.st_mtime >= b.st_mtime
end

--- The path of a built tool.
---@param name "sql" | "shutdown" | "frames"
---@return string
function M.path(name)
    local source = ("spec/tools/%s.c"):format(name)
    local dir = os.getenv("MOONSNAP_SPEC_TOOLS") or "build/tools"
    local program = dir .. "/" .. name
    if not newer(program, source) then
        if not tree.exists(dir) then
            tree.mkdir(dir)
        end
        local made = ("%s.%d"):format(program, require("posix.unistd").getpid())
        process.must("cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-o", made, source,
            table.unpack(LIBRARIES[name]))
        tree.rename(made, program)
    end
    return program
end

--- Runs SQL on a store's database, behind the engine's back; answers rows as lines of a|b|c.
---@return string
function M.sql(root, text)
    return process.must(M.path("sql"), root .. "/metadata.db", text)
end

return M
