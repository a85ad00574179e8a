--- Small words that told too little, or in nanoseconds.
local command = require "spec.support.command"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

describe("an option that a policy does not have", function()
    it("is told with those that it has, where none is near", function()
        local home <close> = world.bare()
        local path = home:directory() .. "/p.lua"
        for text, why in pairs {
            [ 'local one = { type = "integer", default = 1 } option("snapshots", one) option("bytes", one)' ] =
                "unknown option 'limit' (known: bytes, snapshots)",
            [""] = "unknown option 'limit': it has none",
        } do
            tree.write(path, text, 384)
            expect.fails_saying("invalid_argument", why,
                moonsnap.load_policy { files = { { path = path, options = { limit = 1 } } } })
        end
    end)
end)

describe("a word of Lua or of the configuration", function()
    for text, why in pairs {
        ["print('x')"] = "unknown word 'print': log(text) writes a line into the log",
        ["mode 'direct'"] = "unknown word 'mode': that is a word of the service's configuration",
        ["require 'x'"] = "unknown word 'require': include(path) loads another policy file",
    } do
        it(("leads a policy to what there is: %s"):format(text), function()
            local home <close> = world.bare()
            local path = home:directory() .. "/p.lua"
            tree.write(path, text, 384)
            expect.fails_saying("invalid_argument", why, moonsnap.load_policy { files = { path } })
        end)
    end

    it("leads a program from print to emit", function()
        local home <close> = world.new()
        expect.fails_saying("internal", "program:1: print: emit(value) gives a result",
            home.store:program("print(1)"))
    end)
end)

describe("moonsnap watch", function()
    it("tells until when something is pinned as a time", function()
        local home <close> = world.new()
        local cli = command.on(home.root)
        assert(home.store:prepare("a"))
        assert.equal(0, cli("pin", "a", "--until", "2100-01-01").code)
        assert.matches("until=2100%-01%-01T00:00:00Z\n", cli("watch", "--once").out)
    end)
end)
