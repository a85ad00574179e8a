--- append looked whether its file was a link, then opened what the path named by then: in a folder that others write
--- they could lead the line into any file of whom the service runs as.
local moonsnap = require "moonsnap"
local stat = require "posix.sys.stat"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local words = require "moonsnap.automation.words"
local world = require "spec.support.world"

describe("append(path, line)", function()
    for _, before in ipairs { "was there", "was not there" } do
        it("follows no link that is put there while it looks at a file that " .. before, function()
            local home <close> = world.bare()
            local path, other = home.dir .. "/log", home.dir .. "/other"
            tree.write(other, "kept")
            if before == "was there" then
                tree.write(path, "")
            end
            local append = words.new({
                grant = { path = "a.lua", files = { path } }, failure = moonsnap.error,
            }).append
            local lstat = stat.lstat
            stat.lstat = function(name)
                local found, why = lstat(name)
                os.remove(path)
                unistd.link(other, path, true)
                return found, why
            end
            local ok, answer, err = pcall(append, path, "x")
            stat.lstat = lstat
            assert.same({ true, nil, "unavailable" }, { ok, answer, err and err.kind })
            assert.equal("kept", tree.read(other))
        end)
    end
end)
