--- Lets operations fail at every place: at each allocation of the Lua state, and behind each instruction.
local allocator = require "spec.support.allocator"
local assert = require "luassert"
local tree = require "spec.support.tree"

local M = {}

--- Engine objects that are open in this Lua state.
function M.open_objects()
    collectgarbage()
    collectgarbage()
    return package.loaded["moonsnap.core"].open_count()
end

function M.open_files()
    collectgarbage()
    collectgarbage()
    return #tree.list("/proc/self/fd")
end

--- Runs operation with an injection at 1, 2, 3, ... until it comes through without one.
---@param arm fun(n: integer)
---@param disarm fun(): boolean  was the error injected?
local function inject_everywhere(home, operation, arm, disarm)
    for at = 1, 100000 do
        local ok, err = pcall(function()
            arm(at)
            operation(home)
            disarm()
        end)
        if not disarm() then
            assert(ok, err)
            return at - 1
        end
        assert.is_true(home.store.engine:depth() == 0, "a transaction was left open")
    end
end

--- Expects that nothing of operation(home) stays open, wherever it fails. home has a store.
local function loses_nothing(home, operation, arm, disarm)
    operation(home) -- once, so that everything lazy is there
    local objects, files = M.open_objects(), M.open_files()
    local injections = inject_everywhere(home, operation, arm, disarm)
    assert.is_true(injections > 3)
    assert.equal(objects, M.open_objects(), "engine objects left open")
    assert.equal(files, M.open_files(), "file descriptors left open")
end

--- Raises after n virtual machine instructions.
local function injector()
    local raised
    return function(n)
        raised = false
        debug.sethook(function()
            debug.sethook()
            raised = true
            error("injected")
        end, "", n)
    end, function()
        debug.sethook()
        return raised
    end
end

--- With each allocation of the Lua state failing.
function M.at_allocations(home, operation)
    local fault = allocator.load()
    loses_nothing(home, operation, fault.arm, fault.disarm)
end

--- With an error behind each instruction.
function M.at_instructions(home, operation)
    loses_nothing(home, operation, injector())
end

return M
