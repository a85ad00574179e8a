--- The console's parts, and the console on what a pipe brings.
local command = require "spec.support.command"
local complete = require "moonsnap.repl.complete"
local here = require "moonsnap.repl.here"
local moonsnap = require "moonsnap"
local pretty = require "moonsnap.repl.pretty"
local repl = require "moonsnap.repl"
local source = require "moonsnap.repl.source"
local world = require "spec.support.world"

describe("a chunk", function()
    it("is whole when it ends, or when more would not mend it", function()
        for _, text in ipairs { "", "-- only this", "1 + 1", "=1", "for i = 1, 2 do end", "x = = 1", ")" } do
            assert.is_true(source.is_whole(text), text)
        end
    end)

    it("goes on when only its end is missing", function()
        for _, text in ipairs { "for i = 1, 2 do", "f(1,", "x =", "return {", "[[ a", "=1 +" } do
            assert.is_false(source.is_whole(text), text)
        end
    end)

    it("answers the values of an expression, and those it returns", function()
        assert.equal(2, source.compile("1 + 1", "=x", {})())
        assert.equal(3, source.compile("=1 + 2", "=x", {})())
        assert.equal(4, source.compile("local a = 4 return a", "=x", {})())
    end)

    it("is Lua, not its bytecode", function()
        assert.is_nil((source.compile(string.dump(function() end), "=x", {})))
    end)
end)

describe("a value", function()
    it("shows tables sorted, on one line where that fits", function()
        assert.equal('{ 1, 2, a = true, b = "x", ["not a name"] = 1.5 }',
            pretty.show { 1, 2, b = "x", a = true, ["not a name"] = 1.5 })
        assert.equal('{\n  one = "aaaaaaaaaa",\n  two = "bbbbbbbbbb"\n}',
            pretty.show({ one = ("a"):rep(10), two = ("b"):rep(10) }, { width = 30 }))
    end)

    it("shows times and sizes of snapshots as people read them", function()
        assert.equal('{ created = 2023-11-14T22:13:20.5Z, size = 1536 (1.5 KiB) }',
            pretty.show { created = 1700000000500000000, size = 1536 })
        assert.equal("{ created = 7 }", pretty.show { created = 7 })
    end)

    it("shows an error as kind and text", function()
        assert.equal("not_found: no such thing", pretty.show(moonsnap.error("not_found", "no such thing")))
    end)

    it("ends: tables in themselves, deep ones, large ones, long strings", function()
        local loop = {}
        loop.loop = loop
        assert.equal("{ loop = (a table around this) }", pretty.show(loop))
        local deep = {}
        for _ = 1, 20 do
            deep = { deep }
        end
        assert.is_truthy(pretty.show(deep):find("{...}", 1, true))
        local large = {}
        for i = 1, 1000 do
            large[i] = i
        end
        assert.is_truthy(pretty.show(large):find("... and 800 more", 1, true))
        assert.is_truthy(pretty.show(("x"):rep(100000)):find("(100000 bytes)", 1, true))
        local object = setmetatable({ a = 1 }, { __index = {} })
        assert.equal("{ a = 1 }", pretty.show(object))
        assert.equal("{ inner = {...} }", pretty.show { inner = object })
    end)

    it("gives the terminal no orders", function()
        assert.equal([["a\x1b[31m\xff"]], pretty.show "a\27[31m\xff")
        local liar = setmetatable({}, { __tostring = function() return "\27]0;x" end })
        assert.equal([[<\x1b]0;x>]], pretty.show(liar))
    end)

    it("shows all that an expression answers", function()
        assert.equal("1    nil    2", pretty.values(table.pack(1, nil, 2)))
        assert.is_nil(pretty.values(table.pack()))
    end)
end)

describe("completion", function()
    local env = setmetatable({ store = setmetatable({ root = "/x" }, { __index = { stat = print, seal = print } }) },
        { __index = _G })
    local function keys(prefix)
        return { prefix .. "one", prefix .. "two" }
    end
    local function of(line)
        local candidates, from = complete.candidates(line, env, keys)
        return candidates, line:sub(from)
    end

    it("knows globals and keywords", function()
        assert.same({ { "string" }, "stri" }, { of "x = stri" })
        assert.same({ { "while" }, "whi" }, { of "whi" })
    end)

    it("knows fields, and behind a colon methods only", function()
        assert.same({ { "root" }, "r" }, { of "print(store.r" })
        assert.same({ { "seal", "stat" }, "" }, { of "store:" })
        assert.same({ { "upper" }, "up" }, { of "string.up" })
    end)

    it("knows keys of snapshots in quotes", function()
        assert.same({ { "ba/one", "ba/two" }, "ba/" }, { (function()
            local found, word = of 'store:stat("ba/'
            return { "ba/one", "ba/two" }, found[1] == "ba/one" and word or found[1]
        end)() })
        assert.same({ {}, "" }, { complete.candidates("nothing.here", env, keys) and {}, "" })
    end)

    it("calls nothing of what it looks at", function()
        local trap = setmetatable({}, { __index = function() error("called") end })
        assert.same({}, (complete.candidates("trap.x.y", { trap = trap }, keys)))
    end)
end)

--- A console on a store, and what it said.
local function console_on(store, guard)
    local said, scolded = {}, {}
    local console = here.new {
        globals = { store = store }, store = store, how = { width = 80 }, guard = guard,
        say = function(text) said[#said + 1] = text end, scold = function(text) scolded[#scolded + 1] = text end,
    }
    return console, said, scolded
end

describe("a console", function()
    it("keeps globals and the last value, and leaves the process's own globals alone", function()
        local console, said = console_on {}
        assert.is_true(console:run "answer = 41")
        assert.is_true(console:run "answer + 1")
        assert.is_true(console:run "_ * 2")
        assert.same({ "42", "84" }, said)
        assert.is_nil(rawget(_G, "answer"))
    end)

    it("shows what fails, nil and an error too, and goes on", function()
        local home <close> = world.new()
        local console, said, scolded = console_on(home.store)
        assert.is_false(console:run 'store:stat("none")')
        assert.is_false(console:run 'error("boo")')
        assert.is_false(console:run "x = = 1")
        assert.is_true(console:run 'assert(store:prepare("a")) return store:stat("a").kind')
        assert.same({ '"active"' }, said)
        assert.same({ "not_found: snapshot 'none' does not exist", "stdin:1: boo",
            "stdin:1: unexpected symbol near '='" }, scolded)
    end)

    it("completes keys of its store", function()
        local home <close> = world.new()
        local console = console_on(home.store)
        assert(home.store:prepare("base/1"))
        assert(home.store:prepare("other"))
        assert.same({ { "base/1" }, 13 }, { console:complete('store:stat("b') })
    end)

    it("ends a chunk when its guard says so, in coroutines too, whatever pcall catches", function()
        for _, chunk in ipairs { "while true do end", "coroutine.wrap(function() while true do end end)()",
            "while true do pcall(function() while true do end end) end" } do
            local looks = 0
            local console, _, scolded = console_on({}, function()
                looks = looks + 1
                return looks > 100 and moonsnap.error("canceled", "enough") or nil
            end)
            assert.is_false(console:run(chunk))
            assert.is_truthy(scolded[1]:find("enough", 1, true), scolded[1])
            assert.is_nil((debug.gethook()))
        end
    end)

    it("ends by its guard, too, what is closed, and what metatables do when they are shown", function()
        for chunk, shown in pairs {
            ["local x <close> = setmetatable({}, { __close = function() while true do end end }) error(1)"]
                = "enough",
            ["setmetatable({}, { __tostring = function() while true do end end })"] = "<table> (to show it: enough)",
            ["error(setmetatable({}, { __tostring = function() while true do end end }))"]
                = "<table> (to show it: enough)",
            ["setmetatable({}, { __index = function() while true do end end })"] = "{}",
            ["nil, setmetatable({}, { __index = function() while true do end end })"] = "nil    {}",
        } do
            local looks = 0
            local console, said, scolded = console_on({}, function()
                looks = looks + 1
                return looks > 100 and moonsnap.error("canceled", "enough") or nil
            end)
            console:run(chunk)
            local words = table.concat(said) .. table.concat(scolded)
            assert.is_truthy(words:find(shown, 1, true), chunk .. ": " .. words)
            assert.is_nil((debug.gethook()))
        end
    end)

    it("runs chunks of several lines once they are whole", function()
        local console, said, scolded = console_on {}
        local lines, at, prompts = { "for i = 1, 2 do", "print(i)", "end", "1 +", false, "3" }, 0, {}
        local reader = { keep = function() end }
        function reader.line(_, prompt)
            at, prompts[#prompts + 1] = at + 1, prompt
            return lines[at]
        end
        assert.equal(0, repl.run(console, reader, "> "))
        assert.same({ { "1", "2", "3" }, {} }, { said, scolded })
        assert.same({ "> ", ".. ", ".. ", "> ", ".. ", "> ", "> " }, prompts)
    end)
end)

describe("moonsnap repl, fed by a pipe,", function()
    local function fed(home, text)
        return command.run({ "bin/moonsnap", "repl" }, { stdin = text, env = { MOONSNAP_ROOT = home.root } })
    end

    it("shows answers on standard output and nothing else", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local answer = fed(home, '#!/usr/bin/env moonsnap\nfor info in store:walk() do\nprint(info.name)\nend\n'
            .. 'all(store:walk())[1].kind')
        assert.same({ 0, 'a\n"active"\n', "" }, { answer.code, answer.out, answer.err })
    end)

    it("goes on behind a line that fails, and exits with 1", function()
        local home <close> = world.new()
        local answer = fed(home, 'store:stat("none")\n1\n')
        assert.same({ 1, "1\n", "not_found: snapshot 'none' does not exist\n" },
            { answer.code, answer.out, answer.err })
    end)

    it("says so when the last line is not whole", function()
        local home <close> = world.new()
        local answer = fed(home, "for i = 1, 2 do\n")
        assert.same({ 1, "stdin: the end is missing\n" }, { answer.code, answer.err })
    end)
end)
