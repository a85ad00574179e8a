--- Makes one allocation of this Lua state fail: builds and loads allocator.c.
local stdlib = require "posix.stdlib"
local tree = require "spec.support.tree"

local M = {}

---@class Allocator
---@field arm fun(n: integer)        the n-th allocation from now fails
---@field disarm fun(): boolean      did it?

--- The functions of allocator.c. Once a process: they stay in the state.
---@return Allocator
function M.load()
    if package.loaded["spec.support.allocator_c"] then
        return package.loaded["spec.support.allocator_c"]
    end
    local dir = assert(stdlib.mkdtemp((os.getenv("TMPDIR") or "/tmp") .. "/ms-allocator.XXXXXX"))
    -- nodelete: the state frees its last memory through it after it has unloaded its modules
    local command = "env -u LD_PRELOAD cc -shared -fPIC -O1 -Wl,-z,nodelete $(pkg-config --cflags lua5.4) -o %s %s"
    assert(os.execute(command:format(dir .. "/allocator.so", "spec/support/allocator.c")))
    local open = assert(package.loadlib(dir .. "/allocator.so", "luaopen_allocator"))
    tree.remove(dir)
    package.loaded["spec.support.allocator_c"] = open()
    return package.loaded["spec.support.allocator_c"]
end

return M
