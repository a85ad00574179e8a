--- What hooks may say, in which order they are asked, and what comes of it.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local world = require "spec.support.world"

local fails, fails_saying = expect.fails, expect.fails_saying
local verdict = moonsnap.verdict

local REF = "containerd.io/snapshot.ref"

--- A hook that answers value.
local function answering(name, on, value, more)
    local hook = { name = name, on = on, run = function() return value end }
    for field, given in pairs(more or {}) do
        hook[field] = given
    end
    return hook
end

describe("a hook that denies", function()
    it("ends the request with its kind, its name and its text", function()
        local home <close> = world.new()
        assert(home.store:hook(answering("names", "prepare", verdict.deny("permission_denied", "not here"))))
        local err = fails_saying("permission_denied", "prepare 'a': policy names: not here", home.store:prepare("a"))
        assert.equal("names", err.policy)
        fails("not_found", home.store:stat("a"))
    end)

    it("is asked by each verb that changes something", function()
        local home <close> = world.new()
        local store, asked = home.store, {}
        assert(store:prepare("a"))
        assert(store:prepare("c"))
        assert(store:commit("b", "c"))
        assert(store:hook { "no", on = "*", run = function(request)
            asked[#asked + 1] = request.verb
            return verdict.deny("aborted", "no")
        end })
        fails("aborted", store:prepare("x"))
        fails("aborted", store:view("x"))
        fails("aborted", store:commit("x", "a"))
        fails("aborted", store:remove("a"))
        fails("aborted", store:update { name = "a", labels = {} })
        fails("aborted", store:touch("a"))
        fails("aborted", store:import("x", "spec/support"))
        fails("aborted", store:mount("a", home.dir))
        fails("aborted", store:unmount(home.dir))
        assert.same({ "prepare", "view", "commit", "remove", "update", "touch", "import", "mount", "unmount" }, asked)
        assert.same({ "a", "b" }, expect.names(store:walk()))
    end)

    it("is not asked by what looks", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:prepare("a"))
        assert(store:hook(answering("no", "*", verdict.deny("aborted", "no"))))
        assert(store:stat("a"))
        assert(store:mounts("a"))
        assert(store:usage("a"))
        assert.same({ "a" }, expect.names(store:walk()))
    end)

    it("stands before all objects of the store, those of other namespaces too", function()
        local home <close> = world.new()
        local other = assert(home.store:namespace("other"))
        assert(home.store:hook(answering("no", "prepare", verdict.deny("aborted", "no"))))
        fails("aborted", other:prepare("a"))
    end)

    it("is asked no more once its handle has taken it out", function()
        local home <close> = world.new()
        local handle = assert(home.store:hook(answering("no", "prepare", verdict.deny("aborted", "no"))))
        fails("aborted", home.store:prepare("a"))
        handle:remove()
        handle:remove()
        assert(home.store:prepare("a"))
    end)

    it("is a failed precondition to containerd's collector, whatever its kind", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:prepare("a"))
        assert(store:hook(answering("keep", "remove", verdict.deny("permission_denied", "kept"))))
        local function as(endpoint)
            return store.shared.hooks:as({ door = "service", endpoint = endpoint }, store.remove, store, "a")
        end
        fails_saying("failed_precondition", "policy keep: kept", as "proxy")
        fails("permission_denied", as "direct")
        fails("permission_denied", store:remove("a"))
    end)
end)

describe("a hook that defers", function()
    it("answers unavailable and when to come again", function()
        local home <close> = world.new()
        assert(home.store:hook(answering("busy", "prepare", verdict.defer(1.5), { effects = { "defer" } })))
        local err = fails_saying("unavailable", "policy busy: not now: come again in 1.5 s", home.store:prepare("a"))
        assert.equal(1.5, err.retry_after)
    end)
end)

describe("a hook that answers exists", function()
    local function seeded(home, options)
        assert(home.store:prepare("making"))
        assert(home.store:commit("layer", "making", options or { labels = { [REF] = "layer" } }))
        assert(home.store:hook { "seeds", on = "prepare", effects = { "exists" }, match = 'labels."' .. REF .. '"',
            run = function(request) return verdict.exists(request.labels[REF]) end })
    end

    it("answers already_exists where the layer is there", function()
        local home <close> = world.new()
        seeded(home)
        fails_saying("already_exists", "'layer' is there already",
            home.store:prepare("extract-1", nil, { labels = { [REF] = "layer" } }))
        fails("not_found", home.store:stat("extract-1"))
    end)

    it("is no opinion where it is not, or has another parent, or another label", function()
        local home <close> = world.new()
        seeded(home)
        assert(home.store:prepare("extract-1", nil, { labels = { [REF] = "missing" } }))
        assert(home.store:prepare("extract-2", "layer", { labels = { [REF] = "layer" } }))
        local other <close> = world.new()
        seeded(other, { labels = {} })
        assert(other.store:prepare("extract-3", nil, { labels = { [REF] = "layer" } }))
        assert.equal(0, other.store.shared.hooks:status()[1].exists)
    end)

    it("is no opinion where it is still being made: whoever skips it then would stand on half a layer", function()
        local home <close> = world.new()
        seeded(home, { labels = {} })
        assert(home.store:prepare("half", nil, { labels = { [REF] = "half" } }))
        assert(home.store:prepare("extract-1", nil, { labels = { [REF] = "half" } }))
    end)
end)

describe("a hook that rewrites", function()
    local function mutating(name, labels, more)
        return answering(name, more and more.on or { "prepare", "update" }, verdict.rewrite { labels = labels },
            { phase = "mutate", effects = { "labels" }, priority = more and more.priority })
    end

    it("sets labels and takes them away", function()
        local home <close> = world.new()
        assert(home.store:hook(mutating("team", { team = "blue", secret = false })))
        local given = { secret = "x", other = "y" }
        assert(home.store:prepare("a", nil, { labels = given }))
        assert.same({ team = "blue", other = "y" }, assert(home.store:stat("a")).labels)
        assert.same({ secret = "x", other = "y" }, given)
    end)

    it("is seen by the hooks behind it, and by what they match", function()
        local home <close> = world.new()
        local seen = {}
        assert(home.store:hook { "late", on = "prepare", match = "labels.team==blue",
            run = function(request) seen[#seen + 1] = request.labels.team end })
        assert(home.store:hook { "early", on = "prepare", match = "labels.team==red",
            run = function() seen[#seen + 1] = "red" end })
        assert(home.store:hook(mutating("team", { team = "blue" })))
        assert(home.store:prepare("a", nil, { labels = { team = "red" } }))
        assert.same({ "blue" }, seen)
    end)

    it("chooses another parent", function()
        local home <close> = world.new()
        assert(home.store:prepare("making"))
        assert(home.store:commit("base", "making"))
        assert(home.store:hook(answering("base", "prepare", verdict.rewrite { parent = "base" },
            { phase = "mutate", effects = { "parent" } })))
        assert(home.store:prepare("a", "no such parent"))
        assert.equal("base", assert(home.store:stat("a")).parent)
    end)

    it("names the label that it adds to an update, and ignores the change of one that it takes out", function()
        local home <close> = world.new()
        assert(home.store:prepare("a", nil, { labels = { kept = "1", other = "2" } }))
        assert(home.store:hook(mutating("marks", { mark = "yes", kept = false }, { on = "update" })))
        assert(home.store:update({ name = "a", labels = { other = "3", kept = "changed" } },
            { "labels.other", "labels.kept" }))
        assert.same({ kept = "1", other = "3", mark = "yes" }, assert(home.store:stat("a")).labels)
    end)

    it("leaves nothing of an update that named only what it took out", function()
        local home <close> = world.new()
        assert(home.store:prepare("a", nil, { labels = { kept = "1", other = "2" } }))
        assert(home.store:hook(mutating("marks", { kept = false }, { on = "update" })))
        local info = assert(home.store:update({ name = "a", labels = { kept = "changed" } }, { "labels.kept" }))
        assert.same({ kept = "1", other = "2" }, info.labels)
    end)
end)

describe("hooks around a verb", function()
    local function around(name, run, more)
        return { name = name, on = "prepare", phase = "around", effects = { "deny" }, run = run,
            priority = more and more.priority, fail = more and more.fail }
    end

    it("wrap it, the one of higher priority outside", function()
        local home <close> = world.new()
        local order = {}
        local function noting(name)
            return function(_, go_on)
                order[#order + 1] = name .. " in"
                assert(go_on())
                order[#order + 1] = name .. " out"
            end
        end
        assert(home.store:hook(around("inner", noting "inner")))
        assert(home.store:hook(around("outer", noting "outer", { priority = 1 })))
        assert.equal("bind", assert(home.store:prepare("a"))[1].type)
        assert.same({ "outer in", "inner in", "inner out", "outer out" }, order)
    end)

    it("take back what was done when they deny behind it, or fail", function()
        local home <close> = world.new()
        assert(home.store:hook(around("late", function(request, go_on)
            assert(go_on())
            return request.key == "a" and verdict.deny("aborted", "after all") or error("a bug", 0)
        end)))
        fails("aborted", home.store:prepare("a"))
        fails_saying("internal", "policy late: it failed: a bug", home.store:prepare("b"))
        assert.same({}, expect.names(home.store:walk()))
        home.store:transaction(function(store)
            fails("aborted", store:prepare("a"))
            assert(store.shared.hooks:take_out(store.shared.hooks.own[1]) == nil)
            return store:prepare("c")
        end)
        assert.same({ "c" }, expect.names(home.store:walk()))
    end)

    it("get what failed behind them, and cannot make it good", function()
        local home <close> = world.new()
        local met
        assert(home.store:hook(around("looks", function(_, go_on) met = select(2, go_on()).kind end)))
        fails("not_found", home.store:prepare("a", "missing"))
        assert.equal("not_found", met)
    end)

    it("fail when they neither go on nor answer", function()
        local home <close> = world.new()
        assert(home.store:hook(around("mute", function() end)))
        fails_saying("internal", "neither called next() nor answered", home.store:prepare("a"))
    end)

    it("go on once", function()
        local home <close> = world.new()
        assert(home.store:hook(around("twice", function(_, go_on) go_on() go_on() end)))
        fails_saying("internal", "it was called already", home.store:prepare("a"))
        assert.same({}, expect.names(home.store:walk()))
    end)

    it("are passed by when they fail open", function()
        local home <close> = world.new()
        assert(home.store:hook(around("open", function() error("a bug") end, { fail = "open" })))
        assert(home.store:prepare("a"))
    end)
end)

describe("the order of hooks", function()
    it("is phase, priority, then registration", function()
        local home <close> = world.new()
        local order = {}
        local function add(name, phase, priority)
            assert(home.store:hook { name, on = "prepare", phase = phase, priority = priority,
                run = function() order[#order + 1] = name end })
        end
        add("before", "before")
        add("before later", "before")
        add("before first", "before", 7)
        add("before last", "before", -7)
        add("mutate", "mutate")
        add("validate", "validate", -100)
        assert(home.store:prepare("a"))
        assert.same({ "validate", "mutate", "before first", "before", "before later", "before last" }, order)
    end)

    it("puts a used set before the own hooks, and swaps it as a whole", function()
        local home <close> = world.new()
        local order = {}
        local function noting(name)
            return { name, on = "prepare", run = function() order[#order + 1] = name end }
        end
        local hooks = require "moonsnap.hooks"
        local function set(name)
            local made = hooks.new { failure = moonsnap.error, clock = moonsnap.sys.steady, filter = moonsnap.filter }
            assert(made:add(noting(name)))
            return made
        end
        assert(home.store:hook(noting "own"))
        local shared = home.store.shared.hooks
        shared:use("policy", set "old")
        assert(home.store:prepare("a"))
        shared:use("policy", set "new")
        assert(home.store:prepare("b"))
        shared:use("policy", nil)
        assert(home.store:prepare("c"))
        assert.same({ "old", "own", "new", "own", "own" }, order)
    end)
end)
