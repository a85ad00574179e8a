--- The line of progress that people see on a terminal.
local command = require "spec.support.command"

--- Draws progress, then does as the words say; what the terminal got, and the status.
local function drawn(words)
    return command.run { "lua5.4", "-e", ([[
        local clock = require "posix.time"
        local signal = require "posix.signal"
        local output = require "moonsnap.cli.output"
        local out = output.new {}
        out.live = true
        local progress = out:progress("importing")
        progress { entries = 1, bytes = 1 }
        clock.nanosleep { tv_sec = 1, tv_nsec = 10000000 }
        progress { entries = 2, bytes = 2048 }
        %s
        while true do end
    ]]):format(words) }
end

local LINE = "\r\27[Kimporting: 2 entries, 2.0 KiB"

describe("progress", function()
    it("shows from the first second on", function()
        assert.equal(LINE, drawn("os.exit(0)").err)
    end)

    it("goes when something else is said", function()
        assert.equal(LINE .. "\r\27[K", drawn("out:line('x') os.exit(0)").err)
    end)

    it("goes with ^C, which ends the command as ever", function()
        local answer = drawn("signal.raise(signal.SIGINT)")
        assert.same({ 130, LINE .. "\r\27[K" }, { answer.code, answer.err })
    end)
end)
