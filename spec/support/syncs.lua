--- The syncs of another program: counted, held, made to fail. Builds syncs.c and preloads it.
---
---     local syncs = syncs.new(dir)
---     service.start { env = syncs.env }
---     syncs:hold() ... syncs:await_held() ... syncs:release()
local time = require "posix.time"
local tree = require "spec.support.tree"

local M = {}

---@class Syncs
---@field env table<string, string>  for the program
---@field dir string
local Syncs = {}
Syncs.__index = Syncs

---@param dir string  an existing directory
---@return Syncs
function M.new(dir)
    local self = setmetatable({ dir = tree.mkdir(dir .. "/syncs") }, Syncs)
    local library = self.dir .. "/syncs.so"
    local command = "env -u LD_PRELOAD cc -std=gnu11 -shared -fPIC -O1 -Wall -Wextra -o %s spec/support/syncs.c"
    assert(os.execute(command:format(library)))
    -- ours comes before the sanitizer's, which does not mind: it wraps neither of the two
    local options = os.getenv("ASAN_OPTIONS")
    self.env = {
        LD_PRELOAD = library, SYNCS = self.dir,
        ASAN_OPTIONS = (options and options .. ":" or "") .. "verify_asan_link_order=0",
    }
    return self
end

--- How many have begun.
---@return integer
function Syncs:count()
    return tree.exists(self.dir .. "/count") and #tree.read(self.dir .. "/count") or 0
end

--- From now on they wait.
function Syncs:hold()
    tree.remove(self.dir .. "/held")
    tree.write(self.dir .. "/hold")
end

--- Waits until one waits.
function Syncs:await_held()
    for _ = 1, 10000 do
        if tree.exists(self.dir .. "/held") then
            return
        end
        time.nanosleep { tv_sec = 0, tv_nsec = 1000000 }
    end
    error("no sync came")
end

function Syncs:release()
    tree.remove(self.dir .. "/hold")
end

--- From now on they fail, or not any more.
---@param fails boolean
function Syncs:fail(fails)
    if fails then
        tree.write(self.dir .. "/fail")
    else
        tree.remove(self.dir .. "/fail")
    end
end

return M
