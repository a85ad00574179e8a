--- README.md: its policy is one, and does what the page says.
local expect = require "spec.support.expect"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local POLICY = tree.read("README.md"):match("\n```lua\n(%-%- /var/lib/moonsnap/policy.lua.-)\n```")

local fails_saying = expect.fails_saying

--- A store under the page's policy.
local function under_it()
    local home = world.bare()
    tree.mkdir(home.root)
    tree.write(home.root .. "/policy.lua", POLICY, 384)
    home.store = assert(home:open())
    return home, home.store
end

describe("the policy of README.md", function()
    it("requires a project of what is committed", function()
        local home <close>, store = under_it()
        assert(home and store:prepare("work"))
        fails_saying("invalid_argument", "label 'project' is missing", store:commit("build", "work"))
        assert(store:commit("build", "work", { labels = { project = "demo" } }))
    end)

    it("lets the fifty-first wait", function()
        local home <close>, store = under_it()
        for i = 1, 50 do
            assert(home and store:prepare("work-" .. i))
        end
        fails_saying("resource_exhausted", "fifty are in the making, work-51 has to wait", store:prepare("work-51"))
    end)

    it("keeps what is young", function()
        local home <close>, store = under_it()
        assert(home and store:prepare("work"))
        assert(store:commit("build", "work", { labels = { project = "demo" } }))
        local plan = assert(store:gc():plan { dry = true })
        assert.same({ "build", "keep", "min_age", "builds" },
            { plan.items[1].key, plan.items[1].verdict, plan.items[1].reason, plan.items[1].rule })
    end)
end)
