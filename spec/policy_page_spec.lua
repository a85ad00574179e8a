--- docs/policies.md: every block of Lua on the page is a policy file that loads, and the first does what it says.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local tree = require "spec.support.tree"
local units = require "moonsnap.units"
local world = require "spec.support.world"

local function blocks()
    local found = {}
    for block in tree.read("docs/policies.md"):gmatch("\n```lua\n(.-)\n```") do
        found[#found + 1] = block
    end
    return found
end

describe("docs/policies.md", function()
    it("shows policy files", function()
        local home <close> = world.bare()
        local path = home:directory() .. "/policy.lua"
        local shown = blocks()
        assert.is_true(#shown > 10)
        for at, block in ipairs(shown) do
            tree.write(path, block, 384)
            local policy, err = moonsnap.load_policy { files = { path } }
            assert.is_truthy(policy, ("block %d: %s"):format(at, tostring(err)))
            policy:close()
        end
    end)

    it("begins with one that holds tenants to ten snapshots", function()
        local home <close> = world.bare()
        tree.mkdir(home.root)
        tree.write(home.root .. "/policy.lua", blocks()[1], 384)
        home.store = assert(home:open())
        local labels = { tenant = "blue" }
        for i = 1, 10 do
            assert(home.store:prepare("a" .. i, nil, { labels = labels }))
        end
        expect.fails_saying("resource_exhausted", "tenant blue has its ten snapshots",
            home.store:prepare("b", nil, { labels = labels }))
        expect.fails_saying("invalid_argument", "label 'tenant' is missing", home.store:prepare("c"))
        assert.equal("scratch", home.store:stat("a1").labels.class)
    end)

    it("shows durations and sizes that are read", function()
        local page = tree.read("docs/policies.md")
        local durations, sizes = page:match("Durations are written (.-), or as.-; sizes (.-), or as")
        for text in durations:gmatch("`([^`]+)`") do
            assert.is_truthy(units.parse_duration(text), text)
        end
        for text in sizes:gmatch("`([^`]+)`") do
            assert.is_truthy(units.parse_size(text), text)
        end
    end)
end)
