--- Verbs that write out what they have by themselves exited with 0 when it could not be written.
local command = require "spec.support.command"
local world = require "spec.support.world"

describe("a verb whose output cannot be written", function()
    for _, words in ipairs { { "watch", "--once" }, { "watch", "--once", "--json" }, { "program", "-" } } do
        it(("fails: %s"):format(table.concat(words, " ")), function()
            local home <close> = world.new()
            assert(home.store:prepare("a"))
            local ran = command.run({ "bin/moonsnap", table.unpack(words) },
                { stdin = "return 1", env = { MOONSNAP_ROOT = home.root, STDOUT = "/dev/full" } })
            assert.equal(1, ran.code)
            assert.is_truthy(ran.err:find("write standard output: No space left on device", 1, true), ran.err)
        end)
    end
end)
