--- Descriptors of processes.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"

describe("sys.pidfd(pid)", function()
    it("is readable once the process has ended", function()
        local child = process.start { "sleep", "1000" }
        local loop <close> = moonsnap.rpc.loop()
        local pidfd <close> = assert(moonsnap.sys.pidfd(child.pid))
        loop:watch(pidfd:fd(), "r")
        loop:wait(0)
        assert.is_nil(loop:ready())
        child:kill()
        loop:wait(30000)
        assert.equal(pidfd:fd(), loop:ready())
        loop:watch(pidfd:fd(), "")
        child:finish()
        expect.fails("not_found", moonsnap.sys.pidfd(child.pid))
    end)

    it("is refused for what can be no process", function()
        expect.fails("not_found", moonsnap.sys.pidfd(0))
        expect.fails("not_found", moonsnap.sys.pidfd(-5))
        expect.fails("not_found", moonsnap.sys.pidfd(math.maxinteger))
    end)
end)
