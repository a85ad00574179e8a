--- moonsnap config check FILE: everything that is wrong, with its line, of configurations and of policies.
local check = require "moonsnap.config.check"
local command = require "spec.support.command"
local moonsnap = require "moonsnap"
local stat = require "posix.sys.stat"
local tier = require "moonsnap.testing.tier"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

--- The problems of a text as "LINE: MESSAGE", or "NAME:LINE: MESSAGE" where it is another file's.
local function problems(text, as, others)
    local home <close> = world.bare()
    local path = home.dir .. "/file.lua"
    tree.write(path, text, 384)
    for name, other in pairs(others or {}) do
        tree.write(home.dir .. "/" .. name, other, 384)
    end
    local list = {}
    for i, problem in ipairs(assert(check.look(moonsnap, path, as)).problems) do
        local file = problem.file == path and "" or (problem.file or "?"):match("[^/]*$") .. ":"
        list[i] = ("%s%s: %s"):format(file, problem.line, problem.message:gsub(home.dir:gsub("%p", "%%%0"), ""))
    end
    return list
end

describe("config check of a policy", function()
    it("lists what is refused, all of it", function()
        local list = problems([[
hook { "a", on = "perpare", run = function() end }
labels { label.default { "x", "1", matc = "kind==active" } }
retention { rule { "r", keep = { dayly = 3 } } }]], "policy")
        for i, fragment in ipairs { "1: hook 'a': on: there is no 'perpare': did you mean 'prepare'?",
            "unknown field 'matc': did you mean 'match'?", "unknown word 'dayly': did you mean 'daily'?" } do
            assert.is_truthy(list[i]:find(fragment, 1, true) and list[i]:find(i .. ": ", 1, true) == 1, list[i])
        end
        assert.equal(3, #list)
    end)

    it("goes on behind label policies, presets and fields that there are none of", function()
        local list = problems([[
labels { label.reqire { "x" }, label.require { "x", verb = "commit" } }
retention { preset.restc { keep_daily = 7 }, preset.restic { keep_dayly = 7 }, rule { "r", keep = { dayly = 3 } } }
hook { "a", on = "perpare", run = function() end }]], "policy")
        for i, fragment in ipairs { "1: unknown label policy 'reqire': did you mean 'require'?",
            "1: label.require 'x': unknown field 'verb': did you mean 'verbs'?",
            "2: unknown preset 'restc': did you mean 'restic'?",
            "2: restic: unknown word 'keep_dayly': did you mean 'keep_daily'?",
            "2: rule 'r': keep: unknown word 'dayly'", "3: hook 'a': on: there is no 'perpare'" } do
            assert.is_truthy(list[i] and list[i]:find(fragment, 1, true), list[i])
        end
        assert.equal(6, #list)
    end)

    it("finds nothing in what is right", function()
        assert.same({}, problems [[
hook { "a", on = { "prepare", "view" }, match = "labels.x==1", run = function() end }
labels { label.deny { "secret" }, label.require { "x" } }
retention {
    rule { "long", match = "labels.x==1", expire = { ttl = "2d" } },
    rule { "short", match = "labels.x==1", expire = { ttl = "1d" } },
    rule { "other", match = "labels.x==2", keep = { last = 2 } },
}]])
    end)

    for text, why in pairs {
        [ [[hook { "a", on = "prepare", match = "labels.x==1,labels.x==2", run = print_nothing }]] ] =
            "1: hook 'a': it can never match: labels.x cannot be '1' and '2'",
        [ [[hook { "a", on = "prepare", match = "kind==committed", run = print_nothing }]] ] =
            "1: hook 'a': it can never match: kind cannot be 'active' and 'committed'",
        [ [[hook { "a", on = { "prepare", "view" }, match = "labels.x==1,labels.x!=1", run = print_nothing }]] ] =
            "1: hook 'a': it can never match: labels.x cannot be '1' and not be it",
        [ [[hook { "a", on = "prepare", match = "current.labels.x", run = print_nothing }]] ] =
            "1: hook 'a': it can never match: current.labels.x: nothing is there yet on prepare",
        [ [[hook { "a", on = "remove", match = "name==x", run = print_nothing }]] ] =
            "1: hook 'a': it can never match: name: remove has none, it is key",
        [ [[hook { "a", on = "touch", phase = "after", run = print_nothing }]] ] =
            "1: hook 'a': phase after: there are no events of touch",
        [ [[labels { label.deny { "x" }, label.bound { "x", max = "9", type = "number", on = "clamp" } }]] ] =
            "1: label.bound 'x': label.deny 'x' (file.lua:1) refuses that label to everybody",
        [ [[retention { rule { "r", match = "labels.x==1,labels.x==2", keep = { last = 1 } } }]] ] =
            "1: rule 'r': it can never match: labels.x cannot be '1' and '2'",
        [ [[retention { rule { "all", expire = { ttl = 0 } },
            rule { "r", match = "labels.x==1", keep = { last = 1 } } }]] ] =
            "2: rule 'r': nothing is left for it: rule 'all' takes all that it matches",
        [ [[retention { rule { "a", match = "labels.x", expire = { ttl = "1d" } },
            rule { "r", match = "labels.x,kind==committed", expire = { ttl = "2d" } } }]] ] =
            "2: rule 'r': nothing is left for it: rule 'a' takes all that it matches",
    } do
        it(("finds what is said in vain: %s"):format(why), function()
            assert.same({ why }, problems("local function print_nothing() end " .. text, "policy"))
        end)
    end

    it("goes on behind an unknown word", function()
        assert.same({
            "1: unknown word 'hok': did you mean 'hook'?", "2: unknown word 'lables': did you mean 'labels'?",
            "3: unknown word 'zebra'",
        }, problems([[
hok { "a", on = "prepare", run = function() end }
lables { label.deny { "x" } }
local x = zebra.y(1)
labels { label.deny { "y" } }]], "policy"))
    end)

    it("tells a syntax error and an unknown word by their lines", function()
        assert.is_truthy(problems("\nhook {", "policy")[1]:find("^2: "))
        assert.same({ "2: unknown word 'hok': did you mean 'hook'?" }, problems("\nhok { 'a' }", "policy"))
    end)

    it("does not do what automation says", function()
        assert.same({}, problems [[
            append("/nonexistent/file", "x")
            spawn { "/nonexistent/program" }
            every("1h", function() end)]])
    end)

    it("looks at the periods of timers", function()
        assert.is_truthy(problems('\nevery("1x", function() end)')[1]:find("^2: every: '1x' is no duration"))
        assert.same({ "1: every: a second or more" }, problems('every("0.1s", function() end)'))
        assert.same({ "1: every: a function is expected, this is a nil" }, problems('every("1h")'))
    end)
end)

describe("config check of a configuration", function()
    it("looks into the policies and automation that it names", function()
        local list = problems([[
mode "direct"
policy "p.lua"
policy "none.lua"
automation "a.lua"]], nil, { ["p.lua"] = "\nhok {}", ["a.lua"] = "apend('/x', 'y')" })
        assert.same({
            "p.lua:2: unknown word 'hok': did you mean 'hook'?",
            "3: policy /none.lua: No such file or directory",
            "a.lua:1: unknown word 'apend': did you mean 'append'?",
        }, list)
    end)

    it("holds options that it gives against those that a policy has", function()
        assert.same({ "1: load policy: /p.lua: unknown option 'limt': did you mean 'limit'?" },
            problems([[policy("p.lua", { limt = 3 })]], nil,
                { ["p.lua"] = [[local limit = option("limit", { type = "integer", default = 1 })]] }))
    end)

    it("looks at addresses", function()
        assert.is_truthy(problems("mode 'direct'\nmetrics '10.0.0.1:80'")[1]:find("^2: metrics address '10.0.0.1:80'"))
    end)
end)

describe("tier.of_text(text)", function()
    for text, is in pairs {
        ["mode 'direct'"] = "configuration", ["-- mode 'direct'\nhook { 'a' }"] = "policy", [""] = "policy",
        ["hook { 'a', run = function() return append('/x', 'y') end }"] = "automation",
        ["every('1h', print)"] = "automation", ["labels { label.deny { 'append' } }"] = "policy",
        ["local x = 1\nretention { rule { 'spawn (x)' } }"] = "policy", ["policy 'x.lua'"] = "configuration",
        ["hook { 'a', run = function() return store.append(1) end }"] = "policy",
        ["plugin 'x' { hook = 1 }"] = "configuration", ["--[[\nmode 'x'\n]] labels {}"] = "policy",
        ["-- all\n  mode = 'direct'"] = "configuration", ["local mode = 1"] = "policy", ["mode == 1"] = "policy",
        ["\xEF\xBB\xBFmode 'direct'"] = "configuration",
    } do
        it(("takes %q for %s"):format(text, is), function()
            assert.equal(is, tier.of_text(text))
        end)
    end
end)

describe("moonsnap config check", function()
    local function run(home, ...)
        return command.on(home.root)("config", "check", ...)
    end

    it("prints problems and files, and exits with 1", function()
        local home <close> = world.bare()
        tree.write(home.dir .. "/config.lua", "mod 'x'\ngrace 'y'", 384)
        tree.mkdir(home.dir .. "/config.d")
        tree.write(home.dir .. "/config.d/1.lua", "", 384)
        local ran = run(home, home.dir .. "/config.lua", "--as", "configuration")
        assert.equal(1, ran.code)
        assert.equal(([[
@/config.lua:1: unknown word 'mod': did you mean 'mode'?
@/config.lua:2: grace: a number is expected, this is a string
1  @/config.lua
2  @/config.d/1.lua
configuration of 2 files: 2 problems
]]):gsub("@", home.dir), ran.out)
    end)

    it("prints JSON, and exits with 0 when all is well", function()
        local home <close> = world.bare()
        local path = home.dir .. "/policy.lua"
        tree.write(path, "labels { label.deny { 'x' } }", 384)
        local ran = run(home, path, "--json")
        assert.equal(0, ran.code)
        assert.same({ tier = "policy", files = { path }, problems = {} }, ran:json())
        tree.write(path, "\nhok {}", 384)
        ran = run(home, path, "--json", "--as", "policy")
        assert.equal(1, ran.code)
        assert.same({ { file = path, line = 2, message = "unknown word 'hok': did you mean 'hook'?" } },
            ran:json().problems)
    end)

    it("refuses a file that others may write, and one that is not there", function()
        local home <close> = world.bare()
        tree.write(home.dir .. "/c.lua", "", 384)
        stat.chmod(home.dir .. "/c.lua", 438)
        assert.equal(6, run(home, home.dir .. "/c.lua").code)
        assert.equal(3, run(home, home.dir .. "/none.lua").code)
        assert.equal(2, run(home, home.dir).code)
        assert.equal(2, command.on(home.root)("config", "chekc", home.dir).code)
    end)
end)
