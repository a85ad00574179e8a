--- Policies that cannot be loaded: open fails with the line, nothing is half loaded, and nothing hangs.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local stat = require "posix.sys.stat"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

local fails_saying = expect.fails_saying

--- A world without a store whose root has these files.
local function with(files, act)
    local home <close> = world.bare()
    tree.mkdir(home.root)
    for path, text in pairs(files) do
        local folder = path:match("^(.+)/[^/]+$")
        if folder then
            tree.mkdir(home.root .. "/" .. folder)
        end
        tree.write(home.root .. "/" .. path, text)
    end
    return act(home)
end

local function refused(text, says, kind)
    with({ ["policy.lua"] = text, ["policy.d/x.lua"] = "" }, function(home)
        local err = fails_saying(kind or "invalid_argument", says, home:open())
        assert.matches("^load policy: ", err.message)
        fails_saying(kind or "invalid_argument", says, home:open()) -- and leaves nothing that is in the way
    end)
end

describe("a policy file", function()
    for name, case in pairs {
        ["that is no Lua"] = { "hook {", "policy.lua:1: " },
        ["with a word that does not exist"] = { "\nhok {}", "policy.lua:2: unknown word 'hok': did you mean 'hook'?" },
        ["with a label policy that does not exist"] = { "labels { label.requir {} }",
            "policy.lua:1: unknown label policy 'requir': did you mean 'require'?" },
        ["with a hook of an unknown field"] = { '\n\nhook { "a", on = "prepare", mach = "x", run = function() end }',
            "policy.lua:3: hook 'a': field: there is no 'mach': did you mean 'match'?" },
        ["with a hook of an unknown verb"] = { 'hook { "a", on = "prepair", run = function() end }',
            "policy.lua:1: hook 'a': on: there is no 'prepair': did you mean 'prepare'?" },
        ["with a hook that runs nothing"] = { 'hook { "a", on = "prepare" }', "policy.lua:1: hook 'a': run: " },
        ["with a hook that runs a text"] = { 'hook { "a", on = "prepare", run = "x" }', "run: " },
        ["with a match that does not parse"] = {
            'hook { "a", on = "prepare", match = "labels.x=1", run = function() end }', "unsupported operator" },
        ["with two hooks of a name"] = {
            'local function f() end hook { "a", on = "prepare", run = f }\nhook { "a", on = "view", run = f }',
            "policy.lua:2: hook 'a': there is one of that name already, at " },
        ["with a hook that says it is ours"] = { 'hook { "a", on = "prepare", trusted = true, run = function() end }',
            "there is no field 'trusted'" },
        ["with a contradictory label policy"] = { "labels {\n    label.bound { 'x', min = 2, max = 1 } }",
            "policy.lua:2: label.bound 'x': min 2 is above max 1" },
        ["with labels that are none"] = { 'labels { { "x" } }', "policy.lua:1: labels: value 1 is not made by label" },
        ["with a rule of an unknown word"] = { 'retention {\n rule { "r", keep = { dayly = 7 } } }',
            "policy.lua:2: rule 'r': keep: unknown word 'dayly': did you mean 'daily'?" },
        ["with two rules of a name"] = {
            'retention { rule { "r", keep = { last = 1 } },\n rule { "r", keep = { last = 2 } } }',
            "policy.lua:2: rule 'r': there is one of that name already" },
        ["with an option of no type"] = { 'option("x", { default = 1 })', "policy.lua:1: option x: it has no type" },
        ["with an option beyond its bounds"] = { 'option("x", { type = "size", default = "1TiB", max = "1GiB" })',
            "policy.lua:1: option x: 1TiB is above max 1GiB" },
        ["that keeps a function"] = { 'keep("x", { function() end })', "only data can be kept" },
        ["that keeps too much"] = { 'keep("x", ("x"):rep(300000))', "a file keeps at most" },
        ["that asks for the store while it is loaded"] = { "store.count()", "only a hook can ask" },
        ["that raises a table"] = { "\nerror({})", "policy.lua:2: raised a table" },
        ["that raises nil"] = { "error(nil)", "policy.lua:1: " },
        ["that says too much"] = { 'for i = 1, 501 do hook { "h" .. i, on = "view", run = function() end } end',
            "policy.lua:1: there are more than 500 hooks" },
        ["that includes too much"] = { 'for i = 1, 200 do include "policy.d/x.lua" end', "there are 100 files" },
        ["with a table that holds itself"] = { '\nlocal t = {} t.t = t keep("x", t)', "one that holds itself" },
        ["that yields"] = { "coroutine.yield()", "policy.lua:1: attempt to yield" },
        ["that includes itself"] = { 'include "policy.lua"', "it includes itself" },
        ["that includes what is not there"] = { '\ninclude "none.lua"', "policy.lua:2: include: " },
        ["that looks for a way out"] = { "io.open('/etc/passwd')", "unknown word 'io'" },
        ["that wants bytecode"] = { string.dump(load "return 1"), "policy.lua: " },
    } do
        it(name .. " is refused, with its line", function() refused(case[1], case[2]) end)
    end

    for name, case in pairs {
        ["loops for ever"] = { "\nwhile true do end", "policy.lua:2: " },
        ["loops for ever inside pcall"] = { "while true do pcall(function() while true do end end) end",
            "instructions" },
        ["takes all memory"] = { "local t = {} for i = 1, math.huge do t[i] = ('x'):rep(1000) .. i end", "memory" },
        ["makes one huge text"] = { "local s = ('x'):rep(1 << 40)", "" },
        ["searches for ever"] = { "(('a'):rep(5000)):find(('.-'):rep(20) .. 'b')", "" },
        ["calls itself for ever"] = { "local function f() return 1 + f() end f()", "" },
    } do
        it("that " .. name .. " is ended", function() refused(case[1], case[2]) end)
    end

    it("of ten million bytes is refused unread", function()
        with({ ["policy.lua"] = ("-- x\n"):rep(2000000) }, function(home)
            fails_saying("invalid_argument", "it has more than 1024 KiB", home:open())
        end)
    end)

    it("that others may write is refused", function()
        with({ ["policy.lua"] = "" }, function(home)
            stat.chmod(home.root .. "/policy.lua", 438) -- 0666
            fails_saying("permission_denied", "chmod go-w", home:open())
        end)
    end)

    it("in a folder that others may write is refused", function()
        with({ ["policy.d/a.lua"] = "" }, function(home)
            stat.chmod(home.root .. "/policy.d", 511) -- 0777
            fails_saying("permission_denied", "chmod go-w", home:open())
        end)
    end)

    it("of somebody else is refused #root", needs.root(function()
        with({ ["policy.lua"] = "" }, function(home)
            unistd.chown(home.root .. "/policy.lua", 60123, 60123)
            fails_saying("permission_denied", "it must belong to you or root", home:open())
        end)
    end))

    it("that is a link out of the root is refused", function()
        with({}, function(home)
            tree.write(home.dir .. "/elsewhere.lua", "")
            tree.symlink(home.dir .. "/elsewhere.lua", home.root .. "/policy.lua")
            fails_saying("permission_denied", "a link that leads out of the root", home:open())
        end)
    end)

    it("that is a link to nowhere is refused, not overlooked", function()
        with({}, function(home)
            tree.symlink("nowhere.lua", home.root .. "/policy.lua")
            fails_saying("not_found", "policy.lua", home:open())
        end)
    end)

    it("that is a folder is refused", function()
        with({ ["policy.lua/x"] = "" }, function(home)
            fails_saying("invalid_argument", "it is a folder", home:open())
        end)
    end)

    it("that is a FIFO is refused, not waited for, nor taken for an empty one", function()
        with({}, function(home)
            stat.mkfifo(home.root .. "/policy.lua", 384)
            fails_saying("invalid_argument", "it is no file", home:open())
        end)
    end)

    it("behind a good one leaves nothing of the good one", function()
        with({ ["policy.lua"] = 'hook { "a", on = "prepare", run = function() end }', ["policy.d/b.lua"] = "x(" },
            function(home)
                fails_saying("invalid_argument", "b.lua:1: ", home:open())
                home.store = assert(home:open { policy = false })
                assert.is_nil(home.store.shared.hooks)
            end)
    end)
end)

describe("moonsnap.load_policy(options)", function()
    it("answers nil where there is no file", function()
        local home <close> = world.bare()
        tree.mkdir(home.root)
        local policy, err = moonsnap.load_policy { root = home.root }
        assert.is_nil(policy)
        assert.is_nil(err)
    end)

    it("raises for options that it does not have", function()
        assert.has_error(function() moonsnap.load_policy { file = "x" } end)
    end)
end)
