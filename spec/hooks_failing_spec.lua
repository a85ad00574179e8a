--- Hooks that go wrong: the request ends as their author said, and the store is as it was.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails, fails_saying = expect.fails, expect.fails_saying

--- Everything that a store holds, as text: rows, events, directories. What was taken back may wait in the trash.
local function picture(home)
    local lines = {}
    for info in home.store:walk() do
        local labels = {}
        for name, value in pairs(info.labels) do
            labels[#labels + 1] = name .. "=" .. value
        end
        table.sort(labels)
        lines[#lines + 1] = ("%d %s %s %s %d %d %s"):format(info.number, info.name, info.parent, info.kind,
            info.updated, info.use_count, table.concat(labels, ","))
    end
    for event in home.store:events() do
        lines[#lines + 1] = ("%d %s %s"):format(event.sequence, event.topic, event.key)
    end
    for _, dir in ipairs { "layers", "work", "new", "quarantine" } do
        lines[#lines + 1] = dir .. ": " .. table.concat(tree.list(home.root .. "/" .. dir), " ")
    end
    return table.concat(lines, "\n")
end

--- A store with an active, a committed one and its child.
local function filled()
    local home = world.new()
    assert(home.store:prepare("made"))
    assert(home.store:commit("base", "made", { labels = { kept = "yes" } }))
    assert(home.store:prepare("a", "base", { labels = { team = "blue" } }))
    assert(home.store:prepare("loose"))
    return home
end

local VERBS = {
    prepare = function(store) return store:prepare("new", "base", { labels = { x = "1" } }) end,
    view = function(store) return store:view("new", "base") end,
    commit = function(store) return store:commit("new", "a") end,
    remove = function(store) return store:remove("loose") end,
    update = function(store) return store:update({ name = "a", labels = { team = "red" } }) end,
    touch = function(store) return store:touch("base") end,
    import = function(store) return store:import("new", "spec/oracle") end,
}

describe("a hook that fails", function()
    for _, phase in ipairs { "validate", "mutate", "before", "around" } do
        it("in phase " .. phase .. " leaves the store as it was, whatever the verb", function()
            local home <close> = filled()
            local before = picture(home)
            for verb, call in pairs(VERBS) do
                local handle = assert(home.store:hook { "bug", on = verb, phase = phase, run = function(_, go_on)
                    if phase == "around" then
                        assert(go_on())
                    end
                    error("a bug")
                end })
                fails_saying("internal", "policy bug: it failed: ", call(home.store))
                handle:remove()
                assert.equal(before, picture(home), verb)
            end
        end)
    end

    it("open is passed by", function()
        local home <close> = filled()
        assert(home.store:hook { "bug", on = "*", fail = "open", run = function() error("a bug") end })
        assert(VERBS.prepare(home.store))
        assert(VERBS.remove(home.store))
        assert.equal(2, home.store.shared.hooks:status()[1].failures)
    end)

    it("inside a transaction rolls back its own verb and not what was before", function()
        local home <close> = filled()
        assert(home.store:hook { "bug", on = "*", match = "name==new", run = function() error("a bug") end })
        assert(home.store:transaction(function(store)
            assert(store:touch("a"))
            fails("internal", store:commit("new", "a"))
            return true
        end))
        assert.equal(1, assert(home.store:stat("a")).use_count)
    end)
end)

--- What a hook of that run makes of a prepare.
local function with(run, more)
    local home <close> = filled()
    local before = picture(home)
    local hook = { "bad", on = "prepare", run = run }
    for name, value in pairs(more or {}) do
        hook[name] = value
    end
    assert(home.store:hook(hook))
    local _, err = home.store:prepare("new")
    assert.equal(before, picture(home))
    fails("not_found", home.store:stat("new"))
    return err.message
end

local function says(text, ...)
    local message = with(...)
    assert.is_truthy(message:find(text, 1, true), message)
end

describe("the message about a hook", function()
    it("that raises text says where", function()
        says("spec/hooks_failing_spec.lua:", function() error("a bug") end)
    end)

    it("that raises a table, or nothing", function()
        says("it raised a table value", function() error({}) end)
        says("it raised a nil value", function() error(nil) end)
        says("it raised a table value", function()
            error(setmetatable({}, { __index = function() error("no") end }))
        end)
    end)

    it("that raises one of our errors has its text", function()
        says("out of stock", function() error(moonsnap.error("not_found", "out of stock")) end)
    end)

    it("that yields", function()
        says("it yielded: a hook cannot wait", function() coroutine.yield(1) end)
        says("it yielded", function() coroutine.yield() end)
    end)

    it("that answers nonsense", function()
        says("it answered true, which is no verdict", function() return true end)
        says("it answered a string", function() return "no" end)
        says("it answered a table that is no verdict", function() return {} end)
        says("it answered a table that is no verdict", function(request) return request end)
        says("deny: kind: string expected, got nil", function() return { verdict = "deny", text = "x" } end)
        says("deny: there is no field 'texts' in it", function()
            return { verdict = "deny", kind = "aborted", text = "", texts = "x" }
        end)
        says("there is no error kind 'forbidden'", function() return moonsnap.verdict.deny("forbidden", "x") end)
        says("defer: seconds must be more than 0", function() return moonsnap.verdict.defer(-1) end,
            { effects = { "defer" } })
    end)

    it("that does what it has not declared", function()
        says('defer: effect "defer" is not declared', function() return moonsnap.verdict.defer(1) end)
        says('exists: effect "exists" is not declared', function() return moonsnap.verdict.exists("base") end)
        says('deny: effect "deny" is not declared', function() return moonsnap.verdict.deny("aborted", "x") end,
            { effects = { "defer" } })
        says('rewrite: effect "labels" is not declared', function()
            return moonsnap.verdict.rewrite { labels = { a = "b" } }
        end, { phase = "mutate" })
        says('rewrite: effect "parent" is not declared', function()
            return moonsnap.verdict.rewrite { parent = "base" }
        end, { phase = "mutate", effects = { "labels", "deny" } })
        says("only hooks of phase mutate change a request", function()
            return moonsnap.verdict.rewrite { labels = { a = "b" } }
        end, { effects = { "labels" } })
    end)

    it("that changes the request in place", function()
        says("a request is not changed by its hooks", function(request) request.parent = "base" end)
        says("a request is not changed by its hooks", function(request) request.labels.a = "b" end)
    end)
end)

describe("a hook that calls the store", function()
    it("may look, and sees the transaction that it is in", function()
        local home <close> = filled()
        local seen
        assert(home.store:hook { "looks", on = "prepare", run = function(_, store)
            seen = expect.names(store:walk("labels.team"))
            assert.equal("blue", assert(store:stat("a")).labels.team)
        end })
        assert(home.store:transaction(function(store)
            assert(store:update { name = "loose", labels = { team = "red" } })
            return store:prepare("new")
        end))
        assert.same({ "a", "loose" }, seen)
    end)

    it("cannot change it, close it, or begin a transaction", function()
        local home <close> = filled()
        local before = picture(home)
        local calls = {
            function(store) store:prepare("other") end,
            function(store) store:remove("a") end,
            function(store) store:namespace("other"):view("x") end,
            function(store) store:close() end,
            function(store) store:transaction(function() end) end,
            function(store) store:cleanup() end,
            function(store) store:leases():create("x") end,
            function(store) store:pins():add("a") end,
            function(store) pcall(store.remove, store, "a") error("caught: hooks cannot change the store", 0) end,
        }
        for i, call in ipairs(calls) do
            local handle = assert(home.store:hook { "again", on = "prepare", run = function(_, store) call(store) end })
            fails_saying("internal", "hooks cannot change the store", home.store:prepare("new"))
            handle:remove()
            assert.equal(before, picture(home), i)
        end
    end)

    it("may take itself out: it is asked no more", function()
        local home <close> = filled()
        local calls, handle = 0, nil
        handle = assert(home.store:hook { "once", on = "prepare", run = function()
            calls = calls + 1
            handle:remove()
        end })
        assert(home.store:prepare("one"))
        assert(home.store:prepare("two"))
        assert.equal(1, calls)
    end)

    it("may take another one out that was to be asked behind it", function()
        local home <close> = filled()
        local calls, handle = 0, nil
        assert(home.store:hook { "first", on = "prepare", priority = 1, run = function() handle:remove() end })
        handle = assert(home.store:hook { "second", on = "prepare", run = function() calls = calls + 1 end })
        assert(home.store:prepare("one"))
        assert.equal(0, calls)
    end)

    it("may add one: the next request meets it", function()
        local home <close> = filled()
        local seen = {}
        assert(home.store:hook { "adds", on = "prepare", run = function(request, store)
            if request.key == "one" then
                assert(store:hook { "added", on = "prepare", run = function(other) seen[#seen + 1] = other.key end })
            end
        end })
        assert(home.store:prepare("one"))
        assert(home.store:prepare("two"))
        assert.same({ "two" }, seen)
    end)

    it("may see its whole set swapped while it runs: the request ends with the old one", function()
        local home <close> = filled()
        local hooks = require "moonsnap.hooks"
        local seen, shared = {}, hooks.of(home.store)
        local function set(name)
            local made = hooks.new { failure = moonsnap.error, clock = moonsnap.sys.steady, filter = moonsnap.filter }
            for i = 1, 2 do
                assert(made:add { name .. i, on = "prepare", run = function(request)
                    seen[#seen + 1] = name .. i
                    if request.key == "one" and name == "old" then
                        shared:use("policy", set "new")
                    end
                end })
            end
            return made
        end
        shared:use("policy", set "old")
        assert(home.store:prepare("one"))
        assert(home.store:prepare("two"))
        assert.same({ "old1", "old2", "new1", "new2" }, seen)
    end)
end)

describe("hooks:ask(store, request)", function()
    it("answers what hooks say to a request that nobody acts on: collection asks before it removes", function()
        local home <close> = filled()
        local before = picture(home)
        assert(home.store:hook { "keeps", on = "evict", match = "current.labels.team==blue",
            run = function() return moonsnap.verdict.deny("failed_precondition", "in use") end })
        local hooks = home.store.shared.hooks
        fails_saying("failed_precondition", "evict 'a': policy keeps: in use",
            hooks:ask(home.store, { verb = "evict", key = "a" }))
        assert.is_true(hooks:ask(home.store, { verb = "evict", key = "loose" }))
        assert.is_true(hooks:ask(home.store, { verb = "evict", key = "nothing" }))
        assert.equal(before, picture(home))
    end)
end)
