--- The policies of examples/policies: each is whole, passes its own tests, and is shown on a page.
local process = require "spec.support.process"
local tree = require "spec.support.tree"

local DIR = "examples/policies/"

local names = {}
for _, file in ipairs(tree.list(DIR)) do
    local name = file:match("^(.*)%.lua$")
    if name and not name:find("_spec$") then
        names[#names + 1] = name
    end
end

local function moonsnap(...)
    return process.run({ "bin/moonsnap", ... }, { ASAN_OPTIONS = process.asan_options() })
end

describe("examples/policies", function()
    it("has seven", function()
        assert.equal(7, #names)
    end)

    for _, name in ipairs(names) do
        local file = DIR .. name .. ".lua"

        it(name .. " is well formed", function()
            local output, status = moonsnap("config", "check", file)
            assert.equal(0, status, output)
        end)

        it(name .. " passes its tests", function()
            local output, status = moonsnap("policy", "test", file)
            assert.equal(0, status, output)
            local passed = tonumber(output:match("(%d+) tests passed, 0 failed"))
            assert.is_true(passed and passed >= 3, output)
        end)

        it(name .. " has less than 60 lines, and a page that is linked", function()
            assert.is_true(select(2, tree.read(file):gsub("\n", "")) < 60)
            assert.is_truthy(tree.read("docs/policies/" .. name .. ".md"):find("(../../" .. file .. ")", 1, true))
            assert.is_truthy(tree.read("docs/policies/README.md"):find("(" .. name .. ".md)", 1, true))
        end)
    end
end)
