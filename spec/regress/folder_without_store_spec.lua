--- A folder that holds a policy, and no store yet, is told as what it is.
local command = require "spec.support.command"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

describe("a root with nothing but a policy file", function()
    it("has no store, whichever verb asks", function()
        local home <close> = world.bare()
        assert(require("posix.sys.stat").mkdir(home.root, 448))
        tree.write(home.root .. "/policy.lua", "", 384)
        local moonsnap = command.on(home.root)
        for _, words in ipairs { { "ls" }, { "gc", "--plan" }, { "policy", "ls" } } do
            local answer = moonsnap(table.unpack(words))
            assert.equal(3, answer.code)
            assert.matches("open store .*: there is none\ntry: moonsnap import NAME SOURCE", answer.err)
        end
        assert.same({ "policy.lua" }, tree.list(home.root))
    end)

    it("becomes one by the first prepare, under that policy", function()
        local home <close> = world.bare()
        assert(require("posix.sys.stat").mkdir(home.root, 448))
        tree.write(home.root .. "/policy.lua", 'labels { label.default { "tier", "low" } }', 384)
        local moonsnap = command.on(home.root)
        assert.equal(0, moonsnap("prepare", "a").code)
        assert.equal("low", moonsnap("stat", "a", "--json"):json().labels.tier)
    end)
end)
