--- What goes with a lease is asked about, as whatever goes: a lease is no way around a policy.
local expect = require "spec.support.expect"
local policed = require "spec.support.policed"
local signal = require "posix.signal"
local world = require "spec.support.world"

local function sorted(names)
    table.sort(names)
    return names
end

local POLICY = [[
    labels { label.protect { "base", snapshot = true } }
    hook { "kept", on = "remove", match = "current.labels.keep", run = function() return deny("aborted", "kept") end }
    hook { "saved", on = "evict", match = "current.labels.save", run = function() return deny("aborted", "saved") end }
]]

--- A lease with a snapshot of each label made under it, and one of none.
local function filled(home, options)
    policed.without(home, function(store)
        assert(store:leases():create("l", options))
        for _, label in ipairs { "base", "keep", "save" } do
            assert(store:prepare(label, nil, { labels = { [label] = "yes" }, lease = "l" }))
        end
        assert(store:prepare("none", nil, { lease = "l" }))
    end)
end

describe("the snapshots of a lease", function()
    it("stay where hooks of remove say so, when it is deleted", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, POLICY)
        filled(home)
        assert.same({ "none", "save" }, sorted(assert(store:leases():delete("l"))))
        assert.same({ "base", "keep" }, sorted(expect.names(store:walk())))
        assert.same({}, store:leases():list())
    end)

    it("stay where hooks of evict say so, when it has ended", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, POLICY)
        local sleeper = assert(io.popen("echo $$; exec sleep 60"))
        local pid = sleeper:read("n")
        filled(home, { pid = pid })
        signal.kill(pid, signal.SIGKILL)
        sleeper:close()
        local reaped = assert(store:leases():reap())
        assert.same({ { "l" }, { "keep", "none" } }, { reaped.leases, sorted(reaped.removed) })
        assert.same({ "base", "save" }, sorted(expect.names(store:walk())))
    end)

    it("that stay are told of in the log", function()
        local home <close> = world.bare()
        local said = {}
        local store <close> = policed.open(home, POLICY, { log = function(line) said[#said + 1] = line end })
        filled(home)
        assert(store:leases():delete("l"))
        table.sort(said)
        assert.equal(2, #said)
        assert.is_truthy(said[2]:find("lease 'l' ends, 'keep' stays: remove 'keep': policy kept: kept", 1, true))
    end)

    it("all stay, and the lease with them, when a hook of lease refuses to delete it", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, POLICY .. [[
            hook { "leases", on = "lease", match = "action==delete", run = function() return deny("aborted", "no") end }
        ]])
        filled(home)
        expect.fails("aborted", store:leases():delete("l"))
        assert.equal(4, #expect.names(store:walk()))
        assert.equal(4, #assert(store:leases():resources("l")))
    end)
end)
