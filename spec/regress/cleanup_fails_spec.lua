--- A cleanup that cannot go through: nothing it did on disk outruns the rows.
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local signal = require "posix.signal"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"
local world = require "spec.support.world"

--- A process that is gone, but was there when fn looked.
local function with_process(fn)
    local pid = assert(unistd.fork())
    if pid == 0 then
        unistd.sleep(60)
        unistd._exit(0)
    end
    fn(pid)
    signal.kill(pid, signal.SIGKILL)
    wait.wait(pid)
end

describe("store:cleanup() that fails", function()
    it("leaves the layer of an abandoned snapshot with its row", needs.mounts(function()
        local home <close> = world.new()
        with_process(function(pid) assert(home.store:prepare("a", nil, { owner = pid })) end)
        local layer = assert(home.store:layers("a"))[1]
        local stuck = tree.mkdir(home.root .. "/new/stuck")
        process.must("mount", "-t", "tmpfs", "tmpfs", stuck)
        local result = home.store:cleanup()
        process.must("umount", stuck)
        tree.remove(stuck)
        assert.is_nil(result)
        assert(home.store:stat("a"))
        assert.is_true(tree.exists(layer))
    end))
end)
