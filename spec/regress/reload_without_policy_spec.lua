--- A service that leaves policy files out says so until it is started again.
local command = require "spec.support.command"
local service = require "spec.support.service"
local tree = require "spec.support.tree"

local function at(served)
    return function(...) return command.on(served.root)("--address", served.address, ...) end
end

describe("a service with --no-policy", function()
    it("comes up over a broken policy, and says that a reload does not bring it back", function()
        local served <close> = service.new { mode = "direct", args = { "--no-policy" } }
        tree.mkdir(served.root)
        tree.write(served.root .. "/policy.lua", "hok {", 384)
        assert(served:start())
        local moonsnap = at(served)
        assert.is_not_nil(served:entry("the store's policy files are left out until a start without --no-policy"))
        tree.write(served.root .. "/policy.lua", 'labels { label.require { "tenant" } }', 384)
        local ran = moonsnap("reload")
        assert.equal(0, ran.code)
        assert.matches("^reloaded; the store's policy files are left out", ran.out)
        assert.equal(0, moonsnap("prepare", "a").code)
        assert.matches("policy files are left out", moonsnap("reload", "--status").out)
        assert.is_true(moonsnap("reload", "--status", "--json"):json().no_policy)
    end)
end)

describe("moonsnap reload --status", function()
    it("names the policy files that are in force", function()
        local served <close> = service.new { mode = "direct" }
        tree.mkdir(served.root)
        local path = served.root .. "/policy.lua"
        tree.write(path, "", 384)
        assert(served:start())
        local status = at(served)("reload", "--status", "--json"):json()
        assert.same({ { path }, false }, { status.policies, status.no_policy })
        local said = at(served)("reload", "--status").out
        assert.is_truthy(said:find("\npolicies +") and said:find(" " .. path .. "\n", 1, true), said)
    end)
end)

describe("policy check of a file that cannot be loaded", function()
    it("does not advise itself", function()
        local served <close> = service.new { mode = "direct" }
        tree.mkdir(served.root)
        tree.write(served.root .. "/policy.lua", "hok {", 384)
        local moonsnap = command.on(served.root)
        assert.is_nil(moonsnap("--json", "policy", "check"):failure().hint)
        assert.matches("policy check", moonsnap("prepare", "a").err)
    end)
end)
