--- Who asks why a snapshot went asks when it is gone.
local command = require "spec.support.command"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local POLICY = [[retention { rule { "nightly", match = "labels.class==nightly", keep = { last = 2 } } }]]

--- A store with three nightlies of which the rules let one go, and the command on it.
local function stocked()
    local home = world.new()
    for i = 1, 3 do
        assert(home.store:prepare("work"))
        assert(home.store:commit("night-" .. i, "work", { labels = { class = "nightly" } }))
    end
    tree.write(home.root .. "/policy.lua", POLICY, 384)
    return home, command.on(home.root)
end

local function has(text, fragment)
    assert.is_truthy(text:find(fragment, 1, true), ("%q is not in: %s"):format(fragment, text))
end

describe("gc explain of a snapshot that is gone", function()
    it("says which plan took it, and why", function()
        local home <close>, moonsnap = stocked()
        assert.equal(0, moonsnap("gc").code)
        local id = moonsnap("gc", "plans", "-q"):lines()[1]
        local answer = moonsnap("gc", "explain", "night-1")
        assert.equal(0, answer.code, answer.err)
        has(answer.out, "night-1 was removed: no keep holds it (rule nightly)\nby plan " .. id .. " of 20")
        local item = moonsnap("gc", "explain", "night-1", "--json"):json()
        assert.same({ "removed", "released", "nightly", id }, { item.outcome, item.reason, item.rule, item.plan })
        assert.matches("^%d+%-%d+%-%d+T.*Z$", item.at)
        assert(home.store:stat("night-2"))
        assert.equal("kept", moonsnap("gc", "explain", "night-2", "--json"):json().reason)
    end)

    it("does not take a plan for a removal, nor a hand for a collection", function()
        local home <close>, moonsnap = stocked()
        assert.equal(0, moonsnap("gc", "--plan").code)
        assert(home.store:remove("night-1"))
        local answer = moonsnap("gc", "explain", "night-1")
        assert.equal(3, answer.code)
        has(answer.err, "there is no such snapshot, and no collection whose plan is kept removed one")
    end)
end)

describe("moonsnap gc that would take too much", function()
    it("says how to look at it and how to mean it", function()
        local home <close>, moonsnap = stocked()
        tree.write(home.root .. "/policy.lua", (POLICY:gsub("last = 2", "last = 1")), 384)
        local answer = moonsnap("gc")
        assert.equal(5, answer.code)
        local id = moonsnap("gc", "plans", "-q"):lines()[1]
        local wanted = "try: moonsnap gc show %s, and if that is meant: moonsnap gc --apply %s --force"
        has(answer.err, wanted:format(id, id))
    end)
end)
