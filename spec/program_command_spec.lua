--- moonsnap program: what a person types, gets and exits with, on a store and on a service.
local command = require "spec.support.command"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local whole = require "spec.support.whole"
local world = require "spec.support.world"

local SCRIPT = [[
#!/usr/bin/env -S moonsnap program
for info in store:walk("kind==active") do
    emit(info.name)
    assert(store:remove(info.name))
end
log("done")
return { left = store:count() }, args[1]
]]

--- The command, with a script on its standard input.
local function fed(env, text, ...)
    env.MOONSNAP_NAMESPACE = false
    return command.run({ "bin/moonsnap", "program", ... }, { stdin = text, env = env })
end

--- The same on a store of its own and inside a service.
local function on_both(fn)
    return function()
        do
            local home <close> = world.new()
            assert(home.store:prepare("a"))
            assert(home.store:prepare("b"))
            fn({ MOONSNAP_ROOT = home.root, MOONSNAP_ADDRESS = false }, home.root)
        end
        local served <close> = service.start { mode = "direct" }
        local env = { MOONSNAP_ADDRESS = served.address, MOONSNAP_ROOT = false }
        for _, key in ipairs { "a", "b" } do
            assert.equal(0, command.run({ "bin/moonsnap", "prepare", key }, { env = env }).code)
        end
        fn(env, served.root)
    end
end

describe("moonsnap program", function()
    it("prints results as they are, and as JSON", on_both(function(env)
        local answer = fed(env, SCRIPT, "--check", "-", "x")
        assert.same({ 0, "stdin: done\n" }, { answer.code, answer.err })
        assert.equal('a\nb\n{"left":0}\nx\nwould remove a\nwould remove b\n'
            .. "2 changes: 0 made, 2 removed; nothing was changed\n", answer.out)
        answer = command.run({ "bin/moonsnap", "--json", "program", "-", "x" }, { stdin = SCRIPT, env = env })
        assert.same({ "a", "b", { left = 0 }, "x" }, answer:json())
    end))

    it("prints what it would change as JSON", on_both(function(env)
        local answer = command.run({ "bin/moonsnap", "--json=lines", "program", "--check", "-" },
            { stdin = 'assert(store:prepare("c", nil, { labels = { x = "y" } }))', env = env })
        assert.same({
            '{"change":{"key":"c","name":"","parent":"","labels":{"x":"y"},"namespace":"default","verb":"prepare"}}',
            '{"removed":[],"made":["c"]}',
        }, answer:lines())
    end))

    it("exits with the kind of its failure, and changes nothing", on_both(function(env, root)
        local before = whole.of(root)
        local function fails(code, says, text, ...)
            local answer = fed(env, text, ...)
            assert.equal(code, answer.code, answer.err)
            assert.is_truthy(answer.err:find(says, 1, true), answer.err)
        end
        fails(3, "'none' does not exist", 'store:prepare("c") assert(store:remove("none"))', "-")
        fails(4, "exists", 'assert(store:prepare("a"))', "-")
        fails(5, "looking only", 'assert(store:prepare("c"))', "--read-only", "-")
        fails(2, "--memory: 64.0 KiB at least, got 1 B", "return 1", "--memory", "1", "-")
        fails(2, "--instructions: a number above 0 expected, got 0", "return 1", "--instructions", "0", "-")
        fails(7, "stdin:1: over its limit of 10,000 instructions", 'store:prepare("c") while true do end',
            "--instructions", "10,000", "-")
        fails(7, "over its limit of 0.2 seconds", 'store:prepare("c") while true do end', "--seconds", "0.2",
            "--instructions", "1000000000000", "-")
        fails(7, "over its limit of 1.0 MiB of memory", 'local t = {} while true do t[#t + 1] = {} end',
            "--memory", "1MiB", "-")
        fails(1, "stdin:2: boo", 'store:prepare("c")\nerror("boo")', "-")
        fails(2, "stdin:1:", "x = = 1", "-")
        fails(2, "--seconds", "", "--seconds", "soon", "-")
        fails(2, "--memory", "", "--memory", "much", "-")
        fails(2, "--instructions", "", "--instructions", "1.5", "-")
        assert.same(before, whole.of(root))
    end))

    it("fails when what it emits cannot be written; in this process it is rolled back", on_both(function(env, root)
        local before = whole.of(root)
        for _, text in ipairs { 'assert(store:prepare("c")) emit(1)', "return 1" } do
            env.STDOUT = "/dev/full"
            local answer = fed(env, text, "-")
            assert.equal(1, answer.code)
            assert.is_truthy(answer.err:find("write standard output: No space left on device", 1, true), answer.err)
        end
        if env.MOONSNAP_ROOT then
            assert.same(before, whole.of(root))
        end
    end))

    it("prints before it ends", on_both(function(env)
        local answer = fed(env, 'for i = 1, 3 do emit(i) end error("boo")', "-")
        assert.same({ "1\n2\n3\n", 1 }, { answer.out, answer.code })
    end))

    it("lists 20,000 in a memory of 4 MiB", on_both(function(env)
        local answer = fed(env, [[
            for i = 1, 20000 do emit{ number = i, text = ("x"):rep(300) } end
        ]], "--memory", "4MiB", "-")
        assert.same({ 0, 20000 }, { answer.code, #answer:lines() })
    end))

    it("writes labels as an object where there are none, too", on_both(function(env)
        assert.equal('{"labels":{},"list":[]}\n', fed(env, "emit { labels = {}, list = {} }", "-").out)
    end))

    it("gives the terminal no orders", on_both(function(env)
        local answer = fed(env, 'emit("\\27[31m\\xff") emit{ "\\xff" } log("\\27x") error("\\27y")', "-")
        assert.is_nil((answer.out .. answer.err):find("[\27\xff]"))
    end))

    it("says which file is not there", function()
        local home <close> = world.new()
        local answer = command.on(home.root)("program", home.dir .. "/none.lua")
        assert.equal(3, answer.code)
        tree.write(home.dir .. "/one.lua", "return args[1], args[2]")
        answer = command.on(home.root)("program", home.dir .. "/one.lua", "--check", "-x")
        assert.same({ 0, "--check\n-x\n" }, { answer.code, answer.out })
    end)
end)
