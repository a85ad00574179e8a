--- Every example runs as it is, says what it should, and leaves nothing behind.
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

--- Runs an example below the world's directory and answers what it printed.
local function run(home, name)
    local argv = { "lua5.4", "examples/" .. name, home.dir }
    local output, status = process.run(argv, { ASAN_OPTIONS = process.asan_options() })
    assert.equal(0, status, output)
    return output
end

local function count(text, word)
    return select(2, text:gsub(word, ""))
end

local function says(output, fragment)
    assert.is_truthy(output:find(fragment, 1, true), ("%q is not in: %s"):format(fragment, output))
end

describe("examples/01-build-cache.lua", function()
    it("builds each step once", needs.mounts(function()
        local home <close> = world.bare()
        local output = run(home, "01-build-cache.lua")
        assert.same({ 5, 4 }, { count(output, "\nbuilt") + count(output, "^built"), count(output, "\nhit") })
    end))

    it("keeps no broken step", needs.mounts(function()
        local home <close> = world.bare()
        local output = run(home, "01-build-cache.lua")
        says(output, "the build is broken")
        assert.equal(0, count(output, "times   false"))
    end))
end)

describe("examples/02-throw-away-root.lua", function()
    it("begins every test with the same tree", needs.mounts(function()
        local home <close> = world.bare()
        local output = run(home, "02-throw-away-root.lua")
        assert.equal(5, count(output, "status 0"), output)
    end))

    it("shows what was kept", needs.mounts(function()
        local home <close> = world.bare()
        says(run(home, "02-throw-away-root.lua"), "removed  data/file\nadded    data/report\nthrow-aways left: 0")
    end))
end)

describe("examples/03-chain-and-labels.lua", function()
    it("follows the chain", function()
        local home <close> = world.bare()
        says(run(home, "03-chain-and-labels.lua"),
            "  program    build\n  objects    build\n  compiler   tool\n  debian     base\n")
    end)

    it("changes one label", function()
        local home <close> = world.bare()
        says(run(home, "03-chain-and-labels.lua"), "debian is 13\nwithout a build/of:\n  debian\n  compiler\n  other\n")
    end)
end)

describe("examples/04-several-processes.lua", function()
    it("makes each layer once", function()
        local home <close> = world.bare()
        local output, made = run(home, "04-several-processes.lua"), 0
        for number in output:gmatch("made (%d) of 5") do
            made = made + tonumber(number)
        end
        assert.equal(5, made, output)
    end)

    it("leaves a store that is whole", function()
        local home <close> = world.bare()
        says(run(home, "04-several-processes.lua"), "5 layers, 0 findings")
    end)
end)

describe("examples/05-service.lua", function()
    it("has its say in what goes through the service", function()
        local home <close> = world.bare()
        local output = run(home, "05-service.lua")
        says(output, "refused:\tpermission_denied: every snapshot has a team here\nlabelled:\tnext\tbase\n")
        says(output, "event:\t/snapshot/prepare\twork\nevent:\t/snapshot/commit\twork\n")
    end)

    it("ends the service", function()
        local home <close> = world.bare()
        says(run(home, "05-service.lua"), "the service ended with status 0\n")
    end)
end)

describe("examples/06-policy.lua", function()
    it("has hooks that deny, rewrite, and are told", function()
        local home <close> = world.bare()
        local output = run(home, "06-policy.lua")
        says(output, "diary:\t/snapshot/commit\tnight-1\tcommons\n")
        says(output, "fourth:\tresource_exhausted: prepare 'work': policy quota: commons has its three\n")
    end)

    it("collects by a plan that says why", function()
        local home <close> = world.bare()
        local output = run(home, "06-policy.lua")
        says(output, "plan:\tnight-2\tremove\treleased\nplan:\tnight-3\tkeep\tkept\nplan:\twork\tkeep\tno_rule\n")
        says(output, "removed:\t2\tno keep holds it (rule nights)\n")
    end)

    it("asks a program what it would do", function()
        local home <close> = world.bare()
        says(run(home, "06-policy.lua"), "the program would leave:\t1\tand left:\twork\n")
    end)
end)

describe("examples/README.md", function()
    it("lists every example", function()
        local text = tree.read("examples/README.md")
        for _, name in ipairs(tree.list("examples")) do
            if name:find("%.lua$") then
                says(text, name)
            end
        end
    end)
end)

describe("every example", function()
    for _, name in ipairs(tree.list("examples")) do
        if name:find("^%d.*%.lua$") then
            it(("leaves nothing behind: %s"):format(name), needs.mounts(function()
                local home <close> = world.bare()
                run(home, name)
                assert.same({}, tree.list(home.dir))
            end))

            it(("is short: %s"):format(name), function()
                local lines = 0
                for _ in io.lines("examples/" .. name) do
                    lines = lines + 1
                end
                assert.is_true(lines <= 75, lines .. " lines")
            end)
        end
    end
end)
