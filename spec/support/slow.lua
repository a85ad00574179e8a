--- A configuration that gives a service a call that takes as long as a spec wants: example.Slow/Wait.
---
---     DIR/begun   appears when a call has begun
---     DIR/go      its reply comes once this file is there
local process = require "spec.support.process"
local tree = require "spec.support.tree"

local M = {}

M.PATH = "/example.Slow/Wait"

--- The text of the configuration file.
---@param dir string
---@return string
function M.config(dir)
    return ([[
local task = require "moonsnap.service.task"
register {
    type = "io.containerd.grpc.v1", id = "slow",
    init = function(ic)
        local function there(path)
            local file <close> = io.open(path)
            return file ~= nil
        end
        return { name = "example.Slow", methods = { Wait = {
            request = "google.protobuf.Empty", reply = "google.protobuf.Empty",
            call = function(_, context)
                assert(io.open("%s/begun", "w")):close()
                return task.await(function(resume)
                    local timer
                    timer = ic.runtime.timers:every(0.01, function()
                        if there("%s/go") or not context.call:alive() then
                            ic.runtime.timers:cancel(timer)
                            resume({})
                        end
                    end)
                end)
            end,
        } } }
    end,
}
]]):format(dir, dir)
end

--- Waits until a call has begun.
---@param dir string
function M.await_begun(dir)
    tree.await(dir .. "/begun")
end

--- Starts a process that makes the call and prints what came of it.
---@param address string
---@param timeout_ms? integer
---@return Process
function M.call(address, timeout_ms)
    return process.start({ "lua5.4", "-e", ([[
        local client = assert(require("moonsnap").rpc.connect(%q))
        local reply, err = client:call(%q, "", { timeout_ms = %d })
        print(reply and "answered" or err.kind, err and err.message)]]):format(address, M.PATH, timeout_ms or 20000) },
        { ASAN_OPTIONS = process.asan_options() })
end

return M
