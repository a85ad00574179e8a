--- Budgets, the breaker, counters, explanations, and readers of the outbox.
local expect = require "spec.support.expect"
local hooks = require "moonsnap.hooks"
local moonsnap = require "moonsnap"
local policed = require "spec.support.policed"
local world = require "spec.support.world"

local fails, fails_saying = expect.fails, expect.fails_saying

--- Hooks of a store with a clock that a test sets.
local function clocked(home)
    local clock = { now = 1000.0 }
    home.store.shared.hooks = hooks.new {
        failure = moonsnap.error, filter = moonsnap.filter, clock = function() return clock.now end,
    }
    return clock, home.store.shared.hooks
end

local function forever()
    while true do end -- luacheck: ignore 542
end

describe("a hook of the host that runs away", function()
    local function ended(budget, run)
        local home <close> = world.new()
        assert(home.store:hook { "runs", on = "prepare", budget = budget, run = run })
        local err = fails("internal", home.store:prepare("a"))
        fails("not_found", home.store:stat("a"))
        return err.message
    end

    it("is ended by its instructions", function()
        assert.is_truthy(ended({ seconds = 60 }, forever):find("over its budget of instructions", 1, true))
    end)

    it("is ended by the clock", function()
        local home <close> = world.new()
        local clock = clocked(home)
        assert(home.store:hook { "runs", on = "prepare", run = function()
            for i = 1, 100000 do
                clock.now = clock.now + (i == 10 and 1 or 0)
            end
        end })
        fails_saying("internal", "over its budget of seconds", home.store:prepare("a"))
    end)

    it("is ended inside pcall, in a loop of them, and behind a message handler", function()
        for _, run in ipairs {
            function() pcall(forever) end,
            function() while true do pcall(forever) end end,
            function() xpcall(forever, debug.traceback) forever() end,
            function() pcall(pcall, pcall, forever) forever() end,
        } do
            assert.is_truthy(ended({ seconds = 60 }, run):find("over its budget of instructions", 1, true))
        end
    end)

    it("is told afterwards when a function of C has taken its time", function()
        local home <close> = world.new()
        local clock = clocked(home)
        assert(home.store:hook { "slow", on = "prepare", run = function() clock.now = clock.now + 1 end })
        fails_saying("internal", "over its budget of seconds", home.store:prepare("a"))
    end)

    it("that raises closes what it has open, within its budget again", function()
        local closed = 0
        local message = ended({ seconds = 60 }, function()
            local _ <close> = setmetatable({}, { __close = function()
                closed = closed + 1
                forever()
            end })
            error("a bug", 0)
        end)
        assert.is_truthy(message:find("a bug", 1, true))
        assert.equal(1, closed)
    end)

    it("does not count the time of what it goes around", function()
        local home <close> = world.new()
        local clock = clocked(home)
        assert(home.store:hook { "inner", on = "prepare", phase = "around", budget = { seconds = 20 },
            run = function(_, go_on)
                clock.now = clock.now + 10
                go_on()
            end })
        assert(home.store:hook { "outer", on = "prepare", phase = "around", priority = 1,
            run = function(_, go_on) go_on() end })
        assert(home.store:prepare("a"))
    end)
end)

describe("the breaker", function()
    --- A store with a hook that fails while bad is set.
    local function failing(home, fail)
        local clock, set = clocked(home)
        local state = { bad = true, calls = 0, clock = clock, set = set }
        assert(home.store:hook { "shaky", on = "touch", fail = fail, run = function()
            state.calls = state.calls + 1
            if state.bad then
                clock.now = clock.now + (state.cheap and 0 or 0.015) -- of 0.02 s
                error("out of order", 0)
            end
        end })
        assert(home.store:prepare("a"))
        return state
    end

    local function touch(home, times)
        local ok, err
        for _ = 1, times do
            ok, err = home.store:touch("a")
        end
        return ok, err
    end

    it("switches a hook off at five failures: closed denies without running it", function()
        local home <close> = world.new()
        local state = failing(home, "closed")
        fails_saying("internal", "policy shaky: it failed: out of order", touch(home, 5))
        fails_saying("internal", "policy shaky: is off after 5 failures, last: out of order", touch(home, 3))
        assert.equal(5, state.calls)
        local row = state.set:status()[1]
        assert.equal("off", row.breaker)
        assert.equal(3, row.skipped)
        assert.equal(8, row.matches)
    end)

    it("leaves a closed one on that fails at once: who makes it raise is denied himself", function()
        local home <close> = world.new()
        local state = failing(home, "closed")
        state.cheap = true
        fails_saying("internal", "policy shaky: it failed: out of order", touch(home, 9))
        assert.equal(9, state.calls)
        assert.same({ "on", "out of order" }, { state.set:status()[1].breaker, state.set:status()[1].last_failure })
    end)

    it("passes an open one by", function()
        local home <close> = world.new()
        local state = failing(home, "open")
        assert(touch(home, 8))
        assert.equal(5, state.calls)
    end)

    it("lets one request try after a minute; what comes of it decides", function()
        local home <close> = world.new()
        local state = failing(home, "closed")
        touch(home, 5)
        state.clock.now = state.clock.now + 61
        assert.equal("trial", state.set:status()[1].breaker)
        fails_saying("internal", "it failed", touch(home, 1))
        fails_saying("internal", "is off", touch(home, 1))
        state.clock.now, state.bad = state.clock.now + 61, false
        assert(touch(home, 2))
        assert.equal("on", state.set:status()[1].breaker)
        assert.equal(8, state.calls)
    end)

    it("forgets failures that are a minute old", function()
        local home <close> = world.new()
        local state = failing(home, "closed")
        for _ = 1, 9 do
            state.clock.now = state.clock.now + 16
            fails_saying("internal", "it failed", touch(home, 1))
        end
        assert.equal(9, state.calls)
    end)

    it("begins anew with a reload of the same hook, whose counters go on", function()
        local home <close> = world.new()
        local clock, set = clocked(home)
        local function policy(line)
            local made = hooks.new { failure = moonsnap.error, clock = set.clock, filter = moonsnap.filter }
            assert(made:add { "p", on = "touch", file = "policy.lua:" .. line, run = function()
                clock.now = clock.now + 0.015
                error("no")
            end })
            return made
        end
        assert(home.store:prepare("a"))
        set:use("policy", policy(1))
        touch(home, 5)
        set:use("policy", policy(3))
        fails_saying("internal", "it failed", touch(home, 5))
        fails_saying("internal", "is off after 5 failures", touch(home, 1))
        assert.equal(10, set:status()[1].failures)
    end)
end)

describe("hooks:status()", function()
    it("counts what each hook has done", function()
        local home <close> = world.new()
        assert(home.store:hook { "h", on = { "prepare", "view" }, effects = { "deny", "defer" }, match = "labels.x",
            run = function(request)
                return request.labels.x == "no" and moonsnap.verdict.deny("aborted", "no")
                    or request.labels.x == "later" and moonsnap.verdict.defer(1) or nil
            end })
        for _, x in ipairs { "no", "no", "later", "yes" } do
            home.store:prepare(x, nil, { labels = { x = x } })
        end
        assert(home.store:prepare("other"))
        local row = home.store.shared.hooks:status()[1]
        assert.same({ "h", "before", 0, "closed", "on" }, { row.name, row.phase, row.priority, row.fail, row.breaker })
        assert.same({ "prepare", "view" }, row.on)
        assert.same({ 4, 4, 2, 1, 0, 0 },
            { row.calls, row.matches, row.denials, row.defers, row.failures, row.skipped })
        assert.is_true(row.seconds > 0)
    end)

    it("counts an import once, which is asked about twice; what is new the second time is counted too", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, [[
            local says
            hook { "file's", on = "import", phase = "mutate", effects = { "labels" }, run = function()
                return rewrite { labels = { a = "b" } }
            end }
            hook { "late", on = "import", fail = "open", run = function(request)
                says, request = says and error("a bug") or "nothing"
            end }
        ]])
        assert(store:hook { "script's", on = "import", run = function() end })
        assert(store:hook { "around", on = "import", phase = "around", run = function(_, go_on) go_on() end })
        assert(store:import("it", "spec/oracle"))
        for _, row in ipairs(store.shared.hooks:status()) do
            if row.on[1] == "import" then
                assert.same({ row.name, 1, 1, row.name == "file's" and 1 or 0, row.name == "late" and 1 or 0 },
                    { row.name, row.calls, row.matches, row.rewrites, row.failures })
            end
        end
    end)
end)

describe("hooks:explain(store, request)", function()
    it("tells what each hook says, changes and counts nothing, and goes on behind a denial", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:hook { "labels", on = "prepare", phase = "mutate", effects = { "labels" },
            run = function() return moonsnap.verdict.rewrite { labels = { team = "blue" } } end })
        assert(store:hook { "no", on = "prepare", match = "labels.team==blue",
            run = function() return moonsnap.verdict.deny("aborted", "no") end })
        assert(store:hook { "other", on = "prepare", match = "labels.team==red", run = print })
        assert(store:hook { "bug", on = "prepare", run = function() error("a bug", 0) end })
        local told = store.shared.hooks:explain(store, { verb = "prepare", key = "a", labels = { x = "y" } })
        local rows = {}
        for i, row in ipairs(told.hooks) do
            rows[i] = ("%s %s %s %s"):format(row.name, row.matched, row.verdict, row.failed)
        end
        assert.same({
            "labels true rewrite nil", "no true deny nil", "other false nil nil", "bug true nil a bug" }, rows)
        assert.same({ verdict = "deny", kind = "aborted", text = "no", hook = "no", parent = "",
            labels = { team = "blue", x = "y" } }, told.result)
        assert.is_number(told.hooks[1].seconds)
        for _, row in ipairs(store.shared.hooks:status()) do
            assert.equal(0, row.calls + row.failures + row.matches)
        end
        assert.same({}, expect.names(store:walk()))
    end)
end)

describe("hooks:readers()", function()
    local function reader(hook)
        local set = hooks.new { failure = moonsnap.error, clock = moonsnap.sys.steady, filter = moonsnap.filter }
        assert(set:add(hook))
        return set:readers()[1], set
    end

    it("are the hooks of phase after, with what they match", function()
        local seen
        local one = reader { "audit", on = { "prepare", "remove" }, phase = "after", match = "labels.team==blue",
            run = function(event) seen = event.verb .. " " .. event.key end }
        assert.equal("audit", one.name)
        assert.is_true(one.match { topic = "/snapshot/prepare", key = "a", labels = { team = "blue" } })
        assert.is_false(one.match { topic = "/snapshot/prepare", key = "a" })
        assert.is_false(one.match { topic = "/snapshot/commit", key = "a", labels = { team = "blue" } })
        assert.is_true(one.run { topic = "/snapshot/remove", key = "b" })
        assert.equal("remove b", seen)
    end)

    it("are asked by no operation", function()
        local home <close> = world.new()
        assert(home.store:hook { "audit", on = "*", phase = "after", run = function() error("not now") end })
        assert(home.store:prepare("a"))
        assert.is_nil(home.store.shared.hooks.verbs.prepare)
    end)

    it("answer what went wrong, and count it", function()
        local one, set = reader { "audit", on = "*", phase = "after", run = function(event)
            return nil, event.key .. " is too much"
        end }
        fails_saying("internal", "policy audit: it failed: a is too much", one.run { topic = "/snapshot/prepare",
            key = "a" })
        assert.equal(1, set:status()[1].failures)
        local raising = reader { "audit", on = "*", phase = "after", run = function() error("a bug", 0) end }
        fails_saying("internal", "a bug", raising.run { topic = "/snapshot/prepare", key = "a" })
    end)
end)
