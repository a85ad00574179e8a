--- What a hook logs is in the service's log, and one that is off is told as what it does: it denies.
local command = require "spec.support.command"
local service = require "spec.support.service"
local tree = require "spec.support.tree"

local POLICY = [[
hook { "who", on = "remove", run = function(request)
    log(request.key .. " by uid " .. request.caller.uid .. " through " .. request.caller.door)
end }
hook { "wrong", on = "prepare", match = "labels.wrong", run = function()
    for _ = 1, 150000 do end
    error("oh")
end }
]]

local function started()
    local served = service.new { mode = "direct" }
    tree.mkdir(served.root)
    tree.write(served.root .. "/policy.lua", POLICY, 384)
    assert(served:start())
    return served, function(...) return command.on(served.root)("--address", served.address, ...) end
end

describe("log(text) in a hook", function()
    it("is a line of the service's log, after a reload too", function()
        local served <close>, moonsnap = started()
        local uid = require("posix.unistd").getuid()
        for _, key in ipairs { "a", "b" } do
            assert.equal(0, moonsnap("prepare", key).code)
            assert.equal(0, moonsnap("rm", key).code)
            local entry = served:entry(("%s by uid %d through service"):format(key, uid))
            assert.same({ "info", "who" }, { entry.level, entry.policy })
            assert.equal(0, moonsnap("reload").code)
        end
    end)
end)

describe("policy explain", function()
    it("says that a closed hook which is off denies", function()
        local _ <close>, moonsnap = started()
        for _ = 1, 5 do
            assert.equal(1, moonsnap("prepare", "a", "--label", "wrong=1").code)
        end
        local answer = moonsnap("policy", "explain", "prepare", "a", "--label", "wrong=1")
        assert.equal(1, answer.code)
        assert.matches("denied by 'wrong': internal: it is off: it failed too often", answer.out)
        assert.equal(0, moonsnap("policy", "explain", "prepare", "a").code)
    end)
end)
