--- Hooks of phase around in policy files: in a script's store, behind a service, before a store in memory.
local caller = require "spec.support.caller"
local core = require "moonsnap.core"
local expect = require "spec.support.expect"
local hooks = require "moonsnap.hooks"
local memory = require "moonsnap.testing.memory"
local moonsnap = require "moonsnap"
local policed = require "spec.support.policed"
local service = require "spec.support.service"
local snapshotter = require "moonsnap.snapshotter"
local world = require "spec.support.world"

local fails, fails_saying, names = expect.fails, expect.fails_saying, expect.names

--- A hook's text.
local function around(verbs, body, more)
    return ([[hook { "wraps", on = { %s }, phase = "around", %s run = function(request, next) %s end } ]]):format(
        verbs, more or "", body)
end

--- A store whose policy file has that text, and what its hooks log.
local function store_with(home, text)
    local said = {}
    return policed.open(home, text, { log = function(line) said[#said + 1] = line end }), said
end

describe("around in a policy file", function()
    it("runs before and behind what it wraps, whose answer it sees and the caller gets", function()
        local home <close> = world.bare()
        local store <close>, said = store_with(home, around('"prepare"', [[
            log(store.stat(request.key) == nil and "none yet" or "there")
            local mounts = next()
            log(store.stat(request.key).kind .. " " .. mounts[1].type)
            mounts[1].type = "changed"
        ]]))
        assert.equal("bind", assert(store:prepare("a"))[1].type)
        assert.same({ "none yet", "active bind" }, said)
    end)

    it("gets what goes wrong inside as nil, err, and so does the caller", function()
        local home <close> = world.bare()
        local store <close>, said = store_with(home, around('"prepare"', [[
            local made, err = next()
            log(("%s %s"):format(made, err.kind))
        ]]))
        fails("not_found", store:prepare("a", "nowhere"))
        assert.same({ "nil not_found" }, said)
    end)

    it("may deny before it, so that nothing is done, and behind it, so that all is taken back", function()
        local home <close> = world.bare()
        local verbs = '"prepare", "view", "commit", "remove", "update", "touch", "import", "pin", "lease"'
        local store <close>, said = store_with(home, around(verbs, [[
            if request.lease ~= "early" then
                log(request.verb .. " " .. tostring((next())))
            end
            return deny("aborted", "not this one")
        ]]))
        policed.without(home, function(raw)
            assert(raw:prepare("made"))
            assert(raw:commit("base", "made"))
            assert(raw:prepare("a", "base"))
        end)
        local calls = {
            function() return store:prepare("new", "base") end,
            function() return store:view("new", "base") end,
            function() return store:commit("new", "a") end,
            function() return store:remove("a") end,
            function() return store:update { name = "a", labels = { x = "y" } } end,
            function() return store:touch("base") end,
            function() return store:import("new", "spec/oracle") end,
            function() return store:pins():add("a") end,
            function() return store:leases():create("l") end,
            function() return store:leases():create("early") end,
        }
        local last = store.engine:last_event()
        local used = store:stat("base").use_count
        for _, call in ipairs(calls) do
            fails_saying("aborted", "policy wraps: not this one", call())
        end
        assert.equal(9, #said)
        local left = names(store:walk())
        table.sort(left)
        assert.same({ "a", "base" }, left)
        assert.same({ {}, used, last }, { store:stat("a").labels, store:stat("base").use_count,
            store.engine:last_event() })
    end)

    it("calls next once, and once or with a verdict", function()
        for text, body in pairs {
            ["it neither called next() nor answered a verdict"] = "",
            ["next: it was called already"] = "next() next()",
            ["a bug"] = "next() error('a bug')",
            ["over its limit of 200000 instructions"] = "next() while true do pcall(next) end",
        } do
            local home <close> = world.bare()
            local store <close> = store_with(home, around('"prepare"', body, "budget = { seconds = 20 },"))
            fails_saying("internal", text, store:prepare("a"))
            assert.same({}, names(store:walk()))
        end
    end)

    it("that fails and is open is passed by: what it let through stays, what it did not is done", function()
        for _, body in ipairs { "next() error('a bug')", "error('a bug')" } do
            local home <close> = world.bare()
            local store <close> = store_with(home, around('"prepare"', body, 'fail = "open",'))
            assert.equal("bind", assert(store:prepare("a"))[1].type)
        end
    end)

    it("has no next when its call is over, and leaves Lua's next alone", function()
        local home <close> = world.bare()
        local store <close> = store_with(home, [[
            local kept
            hook { "keeps", on = "prepare", phase = "around", run = function(_, go_on) kept = go_on go_on() end }
            hook { "tries", on = "touch", run = function()
                return deny("aborted", ("%s %s"):format(select(2, pcall(kept)), next({ "first" })))
            end }
        ]])
        assert(store:prepare("a"))
        fails_saying("aborted", "next: not available here 1", store:touch("a"))
    end)

    it("does not count what others do inside of it, in the same file too", function()
        local home <close> = world.bare()
        local store <close>, said = store_with(home, [[
            hook { "outer", on = "prepare", phase = "around", priority = 1, budget = { instructions = 1000 },
                run = function(_, go_on) log("outer in") go_on() log("outer out") end }
            hook { "inner", on = "prepare", phase = "around", run = function(_, go_on)
                log("inner in") for i = 1, 50000 do end go_on() log("inner out")
            end }
        ]])
        assert(store:prepare("a"))
        assert.same({ "outer in", "inner in", "inner out", "outer out" }, said)
        local counts = {}
        for _, row in ipairs(store.shared.hooks:status()) do
            counts[row.name] = { row.calls, row.instructions > 40000 }
        end
        assert.same({ 1, false }, counts.outer)
        assert.same({ 1, true }, counts.inner)
    end)

    it("is refused where what it let through could not be taken back", function()
        for _, verb in ipairs { "mount", "unmount", "evict" } do
            local home <close> = world.bare()
            policed.write(home.root, around(('"prepare", "%s"'):format(verb), "next()"))
            fails_saying("invalid_argument", ("phase around: not of %s, which cannot be taken back"):format(verb),
                moonsnap.open { root = home.root })
        end
    end)

    it("wraps a script's around, which wraps the verb", function()
        local home <close> = world.bare()
        local store <close>, said = store_with(home, around('"prepare"', "next() log('policy')"))
        assert(store:hook { "script", on = "prepare", phase = "around", run = function(_, go_on)
            go_on()
            said[#said + 1] = "script"
        end })
        assert(store:prepare("a"))
        assert.same({ "script", "policy" }, said)
    end)

    it("hands misuse of a verb to its caller", function()
        local home <close> = world.bare()
        local store <close> = store_with(home, around('"update"', "pcall(next)"))
        assert(store:prepare("a"))
        assert.has_error(function() store:update({ name = "a", labels = {} }, { 7 }) end)
        assert(store:touch("a"))
    end)
end)

describe("around in a policy file behind a service", function()
    it("denies behind what it let through: nothing is left, and writes beside it are done", function()
        local served = service.new { mode = "direct" }
        policed.write(served.root, around('"prepare"', [[
            local mounts = next()
            if store.stat(request.key).labels.bad then
                return deny("resource_exhausted", "looked at it: " .. #mounts)
            end
        ]]))
        local _guard <close> = served:start()
        local to <close> = caller.new(served.address, { ["containerd-namespace"] = "default" })
        local function prepare(key, labels)
            return to:snapshots("Prepare", { key = key, labels = labels, snapshotter = "overlayfs" })
        end
        assert(prepare("good"))
        fails_saying("resource_exhausted", "policy wraps: looked at it: 1", prepare("worse", { bad = "yes" }))
        assert(prepare("better"))
        assert(to:snapshots("Stat", { key = "better", snapshotter = "overlayfs" }))
        fails("not_found", to:snapshots("Stat", { key = "worse", snapshotter = "overlayfs" }))
    end)
end)

describe("around before a store in memory", function()
    it("takes back what it denies behind next", function()
        local store = snapshotter.new(moonsnap, memory.new { core = moonsnap }, "default", {})
        local box <close> = assert(core.sandbox.new { memory = 4 * 1024 * 1024, words = hooks.words })
        local _, run = box:call(assert(box:load("x.lua", [[return function(request, next)
            next()
            return store.count() > 1 and { verdict = "deny", kind = "aborted", text = "one is enough" } or nil
        end]])))
        assert(hooks.of(store):add({ name = "one", on = "prepare", phase = "around", run = run }, box))
        assert(store:prepare("a"))
        fails_saying("aborted", "one is enough", store:prepare("b"))
        assert.same({ "a" }, names(store:walk()))
    end)
end)
