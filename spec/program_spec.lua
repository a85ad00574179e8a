--- Programs in this process: what they find, what they answer, and that they are one transaction.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local tree = require "spec.support.tree"
local whole = require "spec.support.whole"
local world = require "spec.support.world"

local fails, fails_saying = expect.fails, expect.fails_saying

--- Runs a program; its values, and what it emitted.
local function run(store, text, args, options)
    local emitted = {}
    options = options or {}
    options.emit = function(value) emitted[#emitted + 1] = value end
    local outcome, err = store:program(text, args, options)
    if not outcome then
        return nil, err, emitted
    end
    return outcome.values, emitted, outcome
end

local function filled()
    local home = world.new()
    for i = 1, 5 do
        assert(home.store:prepare("a" .. i, nil, { labels = { n = tostring(i) } }))
    end
    home:layer("base")
    return home
end

describe("a program", function()
    it("gets arguments, answers values and emits results", function()
        local home <close> = world.new()
        local values, emitted = run(home.store, "emit(args[1] .. ...) emit{ n = #args } return 1, nil, 'x'", { "a", 2 })
        assert.same({ { 1, nil, "x", n = 3 }, { "aa", { n = 2 } } }, { values, emitted })
    end)

    it("has the store's verbs, as methods and as functions", function()
        local home <close> = filled()
        local values = assert(run(home.store, [[
            assert(store:prepare("new", "base", { labels = { a = "1" } }))
            assert(store.commit("kept", "new", { labels = { b = "2" } }))
            assert(store:view("seen", "kept"))
            assert(store:touch("kept"))
            assert(store:label("kept", { b = false, c = "3" }))
            assert(leases:create("l"))
            assert(leases.add("l", { type = "snapshots/overlayfs", id = "kept" }))
            assert(pins:add("kept", { reason = "why" }))
            local info = assert(store:stat("kept"))
            return info.labels, info.use_count, store:count(), store:count("kind==view"), store:usage("kept").size,
                #leases:list(), pins:list()[1].reason, store:namespaces(), store:sum("kind==active").count
        ]]))
        assert.same({ { c = "3" }, 2, 8, 1, values[5], 1, "why", { "default" }, 5, n = 9 }, values)
        assert.equal("3", home.store:stat("kept").labels.c)
        assert(home.store:leases():delete("l"))
        assert(home.store:pins():remove("kept"))
    end)

    it("walks page by page, and sees each snapshot once though it changes them", function()
        local home <close> = world.new()
        local values = assert(run(home.store, [[
            for i = 1, 250 do assert(store:prepare("s" .. i)) end
            local seen = 0
            for info in store:walk("kind==active") do
                seen = seen + 1
                assert(store:remove(info.name))
            end
            return seen, store:count(), #store:list(nil, 3)
        ]]))
        assert.same({ 250, 0, 0, n = 3 }, values)
    end)

    it("leaves loops early as often as it likes", function()
        local home <close> = filled()
        local values = assert(run(home.store, [[
            local names = {}
            for i = 1, 200 do
                for info in store:walk() do names[#names + 1] = info.name break end
            end
            return #names, #store:list("kind==active", 2)
        ]]))
        assert.same({ 200, 2, n = 2 }, values)
    end)

    it("meets errors as values, by assert and by pcall", function()
        local home <close> = filled()
        local values = assert(run(home.store, [[
            local _, err = store:stat("none")
            local ok, caught = pcall(function() assert(store:remove("none")) end)
            local mine = failure("aborted", "so")
            return err.kind, tostring(err), ok, caught.kind, mine.kind, (select(2, pcall(store.stat, store, 7)))
        ]]))
        assert.same({ "not_found", "not_found: snapshot 'none' does not exist", false, "not_found", "aborted",
            "stat: key: string expected, got integer", n = 6 }, values)
    end)

    it("fails with the error that it raises or answers, at its line", function()
        local home <close> = filled()
        local before = whole.of(home.root)
        fails_saying("not_found", "'none'", home.store:program 'store:prepare("x") assert(store:remove("none"))')
        fails_saying("aborted", "so", home.store:program 'store:prepare("x") return nil, failure("aborted", "so")')
        fails_saying("internal", "clean:2: boo", home.store:program('store:prepare("x")\nerror("boo")', {},
            { name = "clean" }))
        fails_saying("invalid_argument", "clean:3:", home.store:program("#!x\nx =\n=", {}, { name = "clean" }))
        assert.same(before, whole.of(home.root))
    end)

    it("has nothing of the process: no files, no module, no clock but now", function()
        local home <close> = world.new()
        local values = assert(run(home.store, [[
            return io, os, require, debug, load, dofile, program, math.type(now())
        ]]))
        assert.same({ "integer", 8 }, { values[8], values.n })
        assert.is_nil(next({ table.unpack(values, 1, 7) }))
    end)

    it("is refused what it cannot be given", function()
        local home <close> = world.new()
        assert.has_error(function() home.store:program(7) end)
        assert.has_error(function() home.store:program("", 7) end)
        assert.has_error(function() home.store:program("", {}, { seconds = 0 }) end)
        assert.has_error(function() home.store:program("", {}, { second = 1 }) end)
    end)

    it("frees what it removed", function()
        local home <close> = filled()
        tree.write(("%s/layers/%d/file"):format(home.root, home.store:stat("a1").number), "x")
        assert(home.store:program 'for info in store:walk("kind==active") do assert(store:remove(info.name)) end')
        assert.same({ "base" }, expect.names(home.store:walk()))
        for path in pairs(whole.of(home.root).files) do
            assert.is_nil(path:find("^trash/."), path)
        end
    end)

    it("is asked by hooks at each of its calls", function()
        local home <close> = world.new()
        local asked = {}
        home.store:hook { name = "no-b", on = "prepare", run = function(request)
            asked[#asked + 1] = request.key
            return request.key == "b" and { verdict = "deny", kind = "permission_denied", text = "not b" } or nil
        end }
        fails_saying("permission_denied", "not b",
            home.store:program 'assert(store:prepare("a")) assert(store:prepare("b"))')
        assert.same({ "a", "b" }, asked)
        assert.same({}, expect.names(home.store:walk()))
    end)
end)

describe("what hooks of phase after are told of a program", function()
    it("is what it has changed, once it is durable, and nothing of one that was rolled back", function()
        local home <close> = world.new()
        local told = {}
        home.store:hook { name = "told", on = "prepare", phase = "after", run = function(event)
            told[#told + 1] = event.key
        end }
        assert(home.store:program 'store:prepare("a") store:prepare("b")')
        fails("aborted", home.store:program 'store:prepare("c") return nil, failure("aborted", "so")')
        assert(home.store:program('store:prepare("d")', {}, { check = true }))
        assert(home.store:prepare("e"))
        assert.same({ "a", "b", "e" }, told)
    end)
end)

describe("docs/programs.md", function()
    it("shows a program that keeps the newest of each project", function()
        local home <close> = world.new()
        for i = 1, 4 do
            assert(home.store:prepare("p" .. i))
            assert(home.store:commit("build-" .. i, "p" .. i, { labels = { project = i == 1 and "other" or "mine" } }))
        end
        assert(home.store:prepare("child", "build-3"))
        assert(home.store:prepare("draft"))
        local text = tree.read("docs/programs.md"):match("\n```lua\n(.-)\n```")
        local _, emitted = run(home.store, text, { "1" })
        assert.same({ "build-2" }, emitted)
        assert.same({ "build-1", "build-3", "build-4", "child", "draft" }, expect.names(home.store:walk()))
    end)
end)

describe("a program that only reads", function()
    it("sees one state, while others write, and is refused to write", function()
        local home <close> = filled()
        local counts = {}
        local values = assert(run(home.store, [[
            local before = store:count()
            emit(before)
            local _, err = store:prepare("x")
            return before == store:count(), err.kind
        ]], {}, { read_only = true }))
        assert.same({ true, "failed_precondition", n = 2 }, values)
        assert(home.store:program('emit(store:count()) emit(store:count())', {}, {
            read_only = true, emit = function(value)
                counts[#counts + 1] = value
                assert(home.store:prepare("other" .. #counts))
            end,
        }))
        assert.same({ 6, 6, 8 }, { counts[1], counts[2], #expect.names(home.store:walk()) })
    end)
end)

describe("a program that is checked", function()
    it("tells what it would change, and changes nothing: rows, directories, events", function()
        local home <close> = filled()
        local before = whole.of(home.root)
        local values, emitted, outcome = run(home.store, [[
            assert(store:remove("a1"))
            assert(store:prepare("new", "base"))
            assert(store:commit("layer", "new"))
            assert(store:prepare("gone"))
            assert(store:remove("gone"))
            emit(store:count())
            return "end"
        ]], {}, { check = true })
        assert.same({ { "end", n = 1 }, { 6 } }, { values, emitted })
        local told = {}
        for at, change in ipairs(outcome.changes.list) do
            told[at] = ("%s %s %s"):format(change.verb, change.key, change.name)
        end
        assert.same({ "remove a1 ", "prepare new ", "commit new layer", "prepare gone ", "remove gone " }, told)
        assert.same({ { "layer" }, { "a1" } }, { outcome.changes.made, outcome.changes.removed })
        assert.same(before, whole.of(home.root))
    end)

    it("fails as it would without", function()
        local home <close> = filled()
        fails("not_found", home.store:program('assert(store:remove("none"))', {}, { check = true }))
    end)
end)

describe("a function as a program", function()
    it("gets the store, arguments and emit, and is one transaction", function()
        local home <close> = world.new()
        local values, emitted = run(home.store, function(store, args, emit)
            assert(store:prepare(args[1]))
            emit(store:stat("a").kind)
            return 1, 2
        end, { "a" })
        assert.same({ { 1, 2, n = 2 }, { "active" } }, { values, emitted })
        fails("aborted", home.store:program(function(store)
            assert(store:prepare("b"))
            return nil, moonsnap.error("aborted", "so")
        end))
        assert.has_error(function()
            home.store:program(function(store)
                assert(store:prepare("b"))
                error({ not_ours = true })
            end)
        end)
        assert.same({ "a" }, expect.names(home.store:walk()))
    end)

    it("is ended by the clock, whatever it catches, and leaves no hook behind", function()
        local home <close> = world.new()
        fails_saying("resource_exhausted", "over its limit of 0.05 seconds", home.store:program(function(store)
            assert(store:prepare("b"))
            while true do
                pcall(function() while true do end end)
            end
        end, {}, { seconds = 0.05 }))
        assert.same({}, expect.names(home.store:walk()))
        assert.is_nil((debug.gethook()))
    end)

    it("is a savepoint within a transaction", function()
        local home <close> = world.new()
        assert(home.store:transaction(function(store)
            assert(store:prepare("outer"))
            fails("not_found", store:program 'store:prepare("inner") assert(store:remove("none"))')
            return true
        end))
        assert.same({ "outer" }, expect.names(home.store:walk()))
    end)
end)
