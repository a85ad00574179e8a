--- docs/retention.md: what it shows as policies loads, and what it shows as a script runs.
local moonsnap = require "moonsnap"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local PAGE = tree.read("docs/retention.md")

describe("docs/retention.md", function()
    it("shows policy files", function()
        local home <close> = world.bare()
        local path = home:directory() .. "/policy.lua"
        local count = 0
        for block in PAGE:gmatch("\n```lua\n(.-)\n```") do
            if block:find("^retention") or block:find("\nretention") then
                tree.write(path, block, 384)
                local policy, err = moonsnap.load_policy { files = { path } }
                assert.is_truthy(policy, tostring(err))
                policy:close()
                count = count + 1
            end
        end
        assert.is_true(count >= 4, count)
    end)

    it("shows a script", function()
        local home <close> = world.new()
        local script = PAGE:match("## From a script\n\n```lua\n(.-)\n```")
        local env = setmetatable({ dir = home.root, moonsnap = moonsnap, print = function() end }, { __index = _G })
        assert(load(script, "=docs/retention.md", "t", env))()
    end)
end)
