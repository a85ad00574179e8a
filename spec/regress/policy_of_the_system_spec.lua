--- An ordinary user, who works in a user namespace, may include the policies that root has installed, no one else's.
local command = require "spec.support.command"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local USER = 60124

--- What an ordinary user is told who prepares under a policy that includes the file at path.
local function including(path)
    local place <close> = world.bare()
    tree.chmod(place.dir, 493)
    local root = tree.mkdir(place:directory() .. "/store")
    tree.write(root .. "/policy.lua", ("include(%q)"):format(path), 384)
    process.must("chown", "-R", ("%d:%d"):format(USER, USER), root)
    return command.run({ "setpriv", "--reuid=" .. USER, "--regid=" .. USER, "--clear-groups", "bin/moonsnap", "prepare",
        "a" }, { env = { MOONSNAP_ROOT = root } })
end

describe("the policy of an ordinary user", function()
    it("may include a file of root's below /usr", needs.root(function()
        local find = "find /usr/lib /usr/share -type f -empty -uid 0 | head -n 1"
        local empty = process.must("sh", "-c", find):match("%S+")
        local answer = including(assert(empty, "there is no empty file in /usr"))
        assert.same({ 0, "" }, { answer.code, answer.err })
    end))

    it("may include no one else's elsewhere", needs.root(function()
        local other <close> = world.bare()
        tree.chmod(other.dir, 493)
        local path = other:directory() .. "/p.lua"
        tree.write(path, "", 420)
        process.must("chown", tostring(USER + 1), path)
        local answer = including(path)
        assert.equal(2, answer.code)
        assert.matches("include: policy .*p.lua: others may write it", answer.err)
    end))
end)
