--- A place for one test: a directory of its own on a real file system, stores in it, mounts in a
--- mount namespace of this process, and a look at what was left behind when it closes.
---
---     local home <close> = world.new { driver = "overlay" }
---     assert(home.store:prepare("a"))
---     home:mounted("a", function(at) tree.write(at .. "/f", "x") end)
local assert = require "luassert"
local expect = require "spec.support.expect"
local ground = require "spec.support.ground"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local stdlib = require "posix.stdlib"
local tree = require "spec.support.tree"

local M = {}

---@class World
---@field dir   string           everything of this world is below it
---@field root  string           the store's root
---@field store moonsnap.Store
local World = {}
World.__index = World

local function open_fds()
    collectgarbage()
    collectgarbage()
    return #tree.list("/proc/self/fd")
end

--- Targets of mounts at or below dir.
---@return string[]
function M.mounts_below(dir)
    local found = {}
    for line in io.lines("/proc/self/mountinfo") do
        local target = line:match("^%d+ %d+ %S+ %S+ (%S+)")
        if target == dir or target:sub(1, #dir + 1) == dir .. "/" then
            found[#found + 1] = target
        end
    end
    return found
end

---@class WorldOptions: moonsnap.OpenOptions
---@field under? string  make it below this directory

--- Makes a world with a new store; options go to moonsnap.open. Commits cost no sync unless
--- durability says so.
---@param options? table
---@return World
function M.new(options)
    local self = M.bare(options and options.under)
    local open = { root = self.root, durability = "metadata" }
    for name, value in pairs(options or {}) do
        open[name] = value
    end
    open.under = nil
    local store, err = moonsnap.open(open)
    if not store then
        self:close(err)
        error(err)
    end
    self.store = store
    return self
end

--- A world without a store.
---@param under? string
---@return World
function M.bare(under)
    under = under or ground.directory()
    local fds = open_fds()
    local dir = assert(stdlib.mkdtemp(under .. "/ms.XXXXXX"))
    return setmetatable({ dir = dir, root = dir .. "/r", fds = fds, targets = 0 }, World)
end

--- Opens one more store object on this world's root, or on another root.
function World:open(options)
    local open = { root = self.root, durability = "metadata" }
    for name, value in pairs(options or {}) do
        open[name] = value
    end
    return moonsnap.open(open)
end

--- A new empty directory.
function World:directory()
    self.targets = self.targets + 1
    return tree.mkdir(("%s/t%d"):format(self.dir, self.targets))
end

--- Mounts a tmpfs with these options somewhere, until the value is closed; `at` says where.
function World:tmpfs(options)
    local at = self:directory()
    process.must("mount", "-t", "tmpfs", "-o", options, "tmpfs", at)
    return setmetatable({ at = at }, { __close = function() process.must("umount", at) end })
end

--- Mounts key, calls fn with the directory, and unmounts whatever happens. Returns fn's first value.
function World:mounted(key, fn, options)
    local target = self:directory()
    assert(self.store:mount(key, target, options))
    local ok, value = pcall(fn, target)
    local unmounted, err = self.store:unmount(target)
    if not ok then
        error(value, 0)
    end
    assert(unmounted, err)
    return value
end

--- Prepares key on parent, changes it through its mount when fn is given, commits it as name.
function World:layer(name, parent, fn)
    local key = "making " .. name
    assert(self.store:prepare(key, parent))
    if fn then
        self:mounted(key, fn)
    end
    assert(self.store:commit(name, key))
    return name
end

--- What a view of name shows.
function World:see(name)
    assert(self.store:view("seeing", name))
    local found = self:mounted("seeing", tree.describe)
    assert(self.store:remove("seeing"))
    return found
end

local function drop_mounts(dir)
    local left = M.mounts_below(dir)
    for at = #left, 1, -1 do
        os.execute(("umount -l '%s'"):format(left[at]))
    end
    return left
end

--- Closes the store, removes the directory, and (unless the test failed already) fails when a
--- file descriptor, a mount or a staged layer was left behind.
function World:close(failure)
    local failed = failure ~= nil or expect.unwinding()
    if self.closed then
        return
    end
    self.closed = true
    if self.store then
        self.store:close()
    end
    local fds, mounts = open_fds(), drop_mounts(self.dir)
    local staged = tree.exists(self.root .. "/new") and tree.list(self.root .. "/new") or {}
    tree.remove(self.dir)
    if not failed then
        assert.same({}, mounts, "mounts left behind")
        assert.same({}, staged, "staged layers left behind")
        assert.equal(self.fds, fds, "file descriptors left open")
    end
end

World.__close = World.close

return M
