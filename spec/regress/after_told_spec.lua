--- Hooks of phase after are told of every change that leaves an event, or are refused.
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local function noting(store, on, match)
    local seen = {}
    assert(store:hook { "notes " .. (type(on) == "table" and on[1] or on) .. (match or ""), on = on, match = match,
        phase = "after", run = function(event)
            seen[#seen + 1] = event.verb .. " " .. (event.key ~= "" and event.key or event.name)
            return true
        end })
    return seen
end

describe("a hook of phase after", function()
    it("is told of imports, as such and as commits", function()
        local home <close> = world.new()
        local imports, commits = noting(home.store, "import"), noting(home.store, "commit")
        local removals = noting(home.store, "remove")
        tree.mkdir(home.dir .. "/src")
        assert(home.store:import("tree", home.dir .. "/src"))
        assert(home.store:prepare("a"))
        assert(home.store:commit("c", "a"))
        assert.same({ { "import tree" }, { "import tree", "commit a" }, {} }, { imports, commits, removals })
    end)

    it("is told of mounts and their ends #root", needs.root(function()
        local home <close> = world.new()
        local seen = noting(home.store, { "mount", "unmount" })
        assert(home.store:prepare("a"))
        local at = tree.mkdir(home.dir .. "/at")
        assert(home.store:mount("a", at))
        assert(home.store:unmount(at))
        assert.same({ "mount a", "unmount a" }, seen)
    end))

    it("may match on kind and action", function()
        local home <close> = world.new()
        local actives, gone = noting(home.store, "*", "kind==active"), noting(home.store, "lease", "action==delete")
        assert(home.store:prepare("a"))
        assert(home.store:commit("c", "a"))
        assert(home.store:view("v", "c"))
        assert(home.store:leases():create("l"))
        assert(home.store:leases():delete("l"))
        assert.same({ { "prepare a" }, { "lease l" } }, { actives, gone })
    end)

    it("that would never be told is refused", function()
        local home <close> = world.new()
        local function refused(text, on, match)
            expect.fails_saying("invalid_argument", text, home.store:hook {
                "x", on = on, match = match, phase = "after", run = function() end,
            })
        end
        refused("phase after: there are no events of evict, touch", { "touch", "evict" })
        refused("an event has no field 'caller.uid'", "prepare", "caller.uid==0")
        refused("an event has no field 'current.labels.x'", "remove", { ["current.labels.x"] = "y" })
    end)
end)
