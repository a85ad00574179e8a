--- A call that the machine lets wait has not used its time: a busy node does not make hooks fail.
local process = require "spec.support.process"
local signal = require "posix.signal"
local time = require "posix.time"

local CODE = [[
    local box = require("moonsnap.core").sandbox.new { memory = 1 << 24 }
    local work = box:load("work", "local n = 0 for i = 1, 8000000 do n = n + i end return n")
    io.write("begins\n")
    io.flush()
    print(box:call(work, { seconds = 0.8 }))
]]

describe("a sandboxed call that is stopped for longer than its limit", function()
    it("goes on where it was", function()
        local child <close> = process.start({ "lua5.4", "-e", CODE }, { ASAN_OPTIONS = process.asan_options() })
        assert(child:await("begins\n"))
        child:kill(signal.SIGSTOP)
        time.nanosleep { tv_sec = 1, tv_nsec = 0 }
        child:kill(signal.SIGCONT)
        local text, status = child:finish()
        assert.equal(0, status, text)
        assert.is_truthy(text:find("done\t32000004000000", 1, true), text)
    end)
end)
