--- Without lua-readline a ^C at the prompt was kept, and ended the next chunk that took a while.
local terminal = require "spec.support.terminal"
local world = require "spec.support.world"

local PROMPT = "moonsnap> "

describe("^C at the prompt of a console whose lines cannot be edited", function()
    it("drops what stands there, and nothing that comes after", function()
        local home <close> = world.new()
        local screen <close> = terminal.start({ "bin/moonsnap", "repl" }, {
            MOONSNAP_ROOT = home.root, HOME = home.dir, TERM = "dumb", NO_COLOR = "1",
        })
        screen:await(PROMPT)
        screen:type("for i = 1, 3 do\r")
        screen:await("       .. ")
        screen:type("\3")
        screen:type("local n = 0 for i = 1, 3e6 do n = n + 1 end return n // 1\r")
        screen:await("3000000\n" .. PROMPT)
    end)
end)
