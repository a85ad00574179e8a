--- A policy file is the one that was looked at, and lies where nobody else could take it away.
local expect = require "spec.support.expect"
local fcntl = require "posix.fcntl"
local policed = require "spec.support.policed"
local stat = require "posix.sys.stat"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

describe("a policy file", function()
    it("that is another one by the time it is opened is refused", function()
        local home <close> = world.bare()
        policed.write(home.root, "")
        tree.write(home.dir .. "/other", "error 'it was read'")
        stat.chmod(home.dir .. "/other", 438) -- 0666
        local open = fcntl.open
        finally(function() fcntl.open = open end)
        fcntl.open = function(path, ...) -- luacheck: ignore 122
            if path == home.root .. "/policy.lua" then
                assert(os.rename(home.dir .. "/other", path))
            end
            return open(path, ...)
        end
        expect.fails_saying("permission_denied", "others may write it", home:open())
    end)

    it("in a root that others may write is refused", function()
        local home <close> = world.bare()
        policed.write(home.root, "")
        stat.chmod(home.root, 511) -- 0777
        expect.fails_saying("permission_denied", "policy's folder " .. home.root, home:open())
    end)
end)
