--- The command gc: plans that are shown, stored, explained and done.
local command = require "spec.support.command"
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local POLICY = [[
retention {
    rule { "nightly", match = "labels.class==nightly", keep = { last = 2 }, monitor = { newest_max_age = "1s" } },
    rule { "base", match = "name==base", keep = { last = 1 }, monitor = { min_count = 2, level = "crit" } },
}
]]

--- A store with rules, base and four nightlies.
local function stocked()
    local home = world.new()
    for _, name in ipairs { "base", "n1", "n2", "n3", "n4" } do
        assert(home.store:prepare("make " .. name, name ~= "base" and "base" or nil))
        local labels = name ~= "base" and { class = "nightly" } or nil
        assert(home.store:commit(name, "make " .. name, { labels = labels }))
    end
    tree.write(home.root .. "/policy.lua", POLICY)
    return home, command.on(home.root)
end

local function names(home)
    return expect.names(home.store:walk())
end

describe("moonsnap gc", function()
    it("plans and applies, saying what goes and what stays", function()
        local home <close>, moonsnap = stocked()
        local answer = moonsnap("gc")
        assert.equal(0, answer.code, answer.err)
        assert.is_truthy(answer.out:find("goes:  2 of 5 snapshots", 1, true))
        assert.is_truthy(answer.out:find("stays: 2 kept (8.0 KiB), 1 needed (4.0 KiB)", 1, true))
        assert.is_truthy(answer.out:find("removed 2 snapshots", 1, true))
        assert.same({ "base", "n3", "n4" }, names(home))
        assert.is_truthy(moonsnap("gc").out:find("goes:  0 of 3 snapshots", 1, true))
    end)

    it("--plan stores and shows, --apply does exactly that", function()
        local home <close>, moonsnap = stocked()
        local shown = moonsnap("gc", "--plan")
        local id = shown.out:match("moonsnap gc %-%-apply (%S+) does exactly this")
        assert.is_truthy(shown.out:find("n1%s+4.0 KiB%s+released%s+no keep holds it %(rule nightly%)"))
        assert.equal(5, #names(home))
        assert.same({ id }, moonsnap("-q", "gc", "plans"):lines())
        assert.equal(0, moonsnap("gc", "--apply", id).code)
        assert.same({ "base", "n3", "n4" }, names(home))
        assert.is_truthy(moonsnap("gc", "show", id).out:find("n1%s.*removed"))
        local stored = moonsnap("gc", "plans", "--json"):json()[1]
        assert.equal(2, stored.done)
        assert.matches("^20%d%d%-%d%d%-%d%dT.*%.%d+Z$", stored.at)
    end)

    it("--dry-run stores nothing; --json has all", function()
        local home <close>, moonsnap = stocked()
        local plan = moonsnap("gc", "--dry-run", "--json"):json()
        assert.same({ 5, 3, 5 }, { plan.before.count, plan.after.count, #plan.items })
        assert.is_nil(plan.id)
        assert.same({}, moonsnap("-q", "gc", "plans"):lines())
        assert.same({ "n2", "n1" }, (function(lines)
            table.sort(lines, function(a, b) return a > b end)
            return lines
        end)(moonsnap("-q", "gc", "--dry-run"):lines()))
        assert.equal(5, #names(home))
    end)

    it("explain says why", function()
        local home <close>, moonsnap = stocked()
        assert.same({ "base stays: needed by 'n3'; also kept: last 1 of 1 (rule base)",
            "on it stand: n1, n2, n3, n4" }, moonsnap("gc", "explain", "base"):lines())
        assert.same({ "n1 goes: no keep holds it (rule nightly)" }, moonsnap("gc", "explain", "n1"):lines())
        assert.equal("kept", moonsnap("gc", "explain", "n4", "--json"):json().reason)
        assert.equal(3, moonsnap("gc", "explain", "n9").code)
        assert.equal(5, #names(home))
    end)

    it("takes rules from a file in place of the store's", function()
        local home <close>, moonsnap = stocked()
        tree.write(home.dir .. "/mine.lua", [[retention { rule { "mine", match = "name==n1", expire = { ttl = 0 } } }]])
        assert.same({ "n1" }, moonsnap("-q", "gc", "--dry-run", "--rules", home.dir .. "/mine.lua"):lines())
        tree.write(home.dir .. "/bad.lua", [[retention { rule { "bad", keep = { dayly = 7 } } }]])
        local answer = moonsnap("gc", "--rules", home.dir .. "/bad.lua")
        assert.equal(2, answer.code)
        assert.is_truthy(answer.err:find("did you mean 'daily'", 1, true), answer.err)
        tree.write(home.dir .. "/none.lua", "")
        assert.equal(2, moonsnap("gc", "--rules", home.dir .. "/none.lua").code)
    end)

    it("--force is needed for more than half", function()
        local home <close>, moonsnap = stocked()
        tree.write(home.root .. "/policy.lua", [[
            retention { rule { "all", match = "labels.class", expire = { ttl = 0 } } }]])
        local answer = moonsnap("gc")
        assert.equal(5, answer.code)
        assert.is_truthy(answer.err:find("4 of 5 snapshots", 1, true))
        assert.equal(0, moonsnap("gc", "--force").code)
        assert.same({ "base" }, names(home))
    end)

    it("--monitor exits as monitors want it", function()
        local home <close>, moonsnap = stocked()
        local answer = moonsnap("gc", "--monitor")
        assert.equal(2, answer.code)
        assert.is_truthy(answer.out:find("crit: rule base: 1 are there (at least 2)", 1, true))
        tree.write(home.root .. "/policy.lua", [[retention { rule { "n", monitor = { newest_max_age = 0 } } }]])
        assert.equal(1, moonsnap("gc", "--monitor").code)
        tree.write(home.root .. "/policy.lua", [[retention { rule { "n", monitor = { min_count = 1 } } }]])
        assert.equal(0, moonsnap("gc", "--monitor").code)
        assert.equal(5, #names(home))
    end)

    it("refuses what cannot be meant", function()
        local home <close>, moonsnap = stocked()
        for _, words in ipairs { { "nonsense" }, { "explain" }, { "explain", "a", "b" }, { "plans", "x" }, { "show" },
            { "plans", "--plan" }, { "--apply", "x", "--plan" }, { "--trigger", "moon" }, { "--apply" } } do
            assert.equal(2, moonsnap("gc", table.unpack(words)).code, table.concat(words, " "))
        end
        os.remove(home.root .. "/policy.lua")
        assert.equal(5, moonsnap("gc").code)
        assert.equal(5, #names(home))
    end)
end)

describe("what is mounted", function()
    it("stays, whoever mounted it", needs.root(function()
        local home <close> = world.new()
        assert(home.store:prepare("base work"))
        assert(home.store:commit("base", "base work"))
        assert(home.store:prepare("in use", "base"))
        assert(home.store:prepare("idle", "base"))
        local gc = home.store:gc { { name = "actives", match = "kind==active", expire = { ttl = 0 } } }
        local mounts = assert(home.store:mounts("in use"))
        local target = tree.mkdir(home.dir .. "/target")
        local options = table.concat(mounts[1].options, ",")
        assert(os.execute(("mount -t overlay overlay -o '%s' '%s'"):format(options, target)))
        local plan = gc:plan()
        local idle_goes = assert(gc:apply(plan.id, { force = true }))
        assert(os.execute(("umount '%s'"):format(target)))
        local why = {}
        for _, item in ipairs(plan.items) do
            why[item.key] = item.reason
        end
        assert.same({ base = "mounted", ["in use"] = "mounted", idle = "expired" }, why)
        assert.equal(1, idle_goes.removed)
        plan = assert(gc:plan())
        assert.equal(1, assert(gc:apply(plan.id, { force = true })).removed)
    end))

    it("since the plan, stays too", needs.root(function()
        local home <close> = world.new()
        assert(home.store:prepare("base work"))
        assert(home.store:commit("base", "base work"))
        assert(home.store:prepare("w", "base"))
        local gc = home.store:gc { { name = "actives", match = "kind==active", expire = { ttl = 0 } } }
        local plan = assert(gc:plan())
        local target = tree.mkdir(home.dir .. "/target")
        local options = table.concat(assert(home.store:mounts("w"))[1].options, ",")
        assert(os.execute(("mount -t overlay overlay -o '%s' '%s'"):format(options, target)))
        local done = assert(gc:apply(plan.id, { force = true }))
        assert(os.execute(("umount '%s'"):format(target)))
        assert.same({ 0, 1 }, { done.removed, done.busy })
    end))
end)
