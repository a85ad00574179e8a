--- moonsnap policy test FILE: a policy's own tests.
local command = require "spec.support.command"
local moonsnap = require "moonsnap"
local testing = require "moonsnap.testing"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local POLICY = [[
local limit = option("limit", { type = "integer", default = 2, min = 1, doc = "snapshots of a tenant" })
hook {
    "quota", on = { "prepare", "view" }, match = "labels.tenant",
    run = function(request)
        if store.count(('labels.tenant=="%s"'):format(request.labels.tenant)) >= limit then
            return deny("resource_exhausted", "a tenant has " .. limit)
        end
    end,
}
hook {
    "root", on = "remove", match = "current.labels.base",
    run = function(request)
        if request.caller.uid ~= 0 then
            return deny("permission_denied", "root only")
        end
    end,
}
retention {
    rule { "old", match = "labels.class==old,kind==committed", expire = { ttl = "2d" } },
}
]]

--- Runs spec over policy; answers "ok NAME" or "not ok NAME LINE: message" for each test.
local function run(spec, policy)
    local home <close> = world.bare()
    tree.write(home.dir .. "/p.lua", policy or POLICY, 384)
    tree.write(home.dir .. "/p_spec.lua", spec, 384)
    local results = assert(testing.run(moonsnap, home.dir .. "/p.lua"))
    for i, result in ipairs(results) do
        results[i] = result.ok and "ok " .. result.name
            or ("not ok %s %d: %s"):format(result.name, result.line, result.message)
    end
    return results
end

describe("a test of a policy", function()
    it("has the policy's hooks before its store", function()
        assert.same({ "ok quota" }, run [[
            test("quota", function(t)
                local blue = { labels = { tenant = "blue" } }
                t:allowed(t.store:prepare("a", nil, blue))
                t:allowed(t.store:view("b", nil, blue))
                t:denied("resource_exhausted", "a tenant has 2", t.store:prepare("c", nil, blue))
                t:denied("resource_exhausted", "", t.store.view, t.store, "c", nil, blue)
                t:allowed(t.store:prepare("c", nil, { labels = { tenant = "red" } }))
                t:allowed(t.store:prepare("d"))
            end)]])
    end)

    it("begins with an empty store, and may give options to the policy", function()
        assert.same({ "ok one", "ok two" }, run [[
            for _, name in ipairs { "one", "two" } do
                test(name, { limit = 1 }, function(t)
                    t:allowed(t.store:prepare("a", nil, { labels = { tenant = "blue" } }))
                    t:denied("resource_exhausted", "has 1", t.store:prepare("b", nil, { labels = { tenant = "blue" } }))
                end)
            end]])
    end)

    it("acts as somebody else, for one call or from then on", function()
        assert.same({ "ok callers" }, run [[
            test("callers", function(t)
                t:layer("base", nil, { labels = { base = "stable" } })
                t:denied("permission_denied", "root", t:as({ uid = 1000 }, t.store.remove, t.store, "base"))
                t:as { uid = 1000 }
                t:denied("permission_denied", "root", t.store:remove("base"))
                t:as {}
                t:allowed(t.store:remove("base"))
            end)]])
    end)

    it("plans what retention would do, as time goes by", function()
        assert.same({ "ok plan" }, run [[
            test("plan", function(t)
                t:layer("a", nil, { labels = { class = "old" }, size = "1MiB" })
                t:advance("1d")
                t:layer("b", "a", { labels = { class = "old" } })
                t.equal({}, t:plan().removed)
                t:advance("25h")
                t.equal("needed", t:plan().why.a)
                t:advance("1d")
                t.equal({ "a", "b" }, t:plan().removed)
                t.equal("expired", t:plan().why.b)
            end)]])
    end)

    it("collects, with hooks that may keep something", function()
        assert.same({ "ok collect" }, run([[
            test("collect", function(t)
                for _, name in ipairs { "a", "b", "c" } do
                    t:layer(name, nil, { labels = { class = "old" } })
                end
                t.equal(0, t:collect().removed)
                t:advance("3d")
                local done = t:collect()
                t.equal({ 2, 1 }, { done.removed, done.vetoed })
                t.equal({ "b", "vetoed" }, { done.skipped[1].key, done.skipped[1].outcome })
                t:allowed(t.store:stat("b"))
                t:denied("not_found", "", t.store:stat("a"))
            end)]], POLICY .. [[
            hook { "keeps b", on = "evict", match = "key==b", run = function()
                return deny("failed_precondition", "b stays")
            end }]]))
    end)

    it("imports rows, hooks asked", function()
        assert.same({ "ok import" }, run([[
            test("import", function(t)
                t:allowed(t.store:import("a", "/nonexistent", { labels = { ok = "1" } }))
                t:denied("permission_denied", "not b", t.store:import("b", "/nonexistent"))
                t.equal("committed", t.store:stat("a").kind)
            end)]], [[hook { "b", on = "import", match = "name==b", run = function()
                return deny("permission_denied", "not b")
            end }]]))
    end)

    it("runs programs, hooks asked; checks them, and lets them only look", function()
        assert.same({ "ok program" }, run [[
            test("program", function(t)
                local blue = 'assert(store:prepare(args[1], "", { labels = { tenant = "blue" } })) return store.count()'
                t.equal(1, t:allowed(t.store:program(blue, { "a" })).values[1])
                t.equal({ "b" }, t:allowed(t.store:program(blue, { "b" }, { check = true })).changes.made)
                t:denied("failed_precondition", "looking only", t.store:program(blue, { "b" }, { read_only = true }))
                t.equal(1, t:allowed(t.store:program("return store.count()", {}, { read_only = true })).values[1])
                t:allowed(t.store:program(blue, { "b" }))
                t:denied("resource_exhausted", "a tenant has 2", t.store:program(blue, { "c" }))
            end)]])
    end)

    it("sees events", function()
        assert.same({ "ok events" }, run [[
            test("events", function(t)
                t:layer("a", nil, { labels = { x = "1" } })
                t.equal(2, #t:events())
                t.equal({ x = "1" }, t:events("/snapshot/commit")[1].labels)
            end)]])
    end)

    it("tells what differs, with the line of the expectation", function()
        assert.same({
            "not ok equal 2: expected { 2, a = 1 }, got { 3 }",
            'not ok denied 4: expected permission_denied, and it was allowed',
            'not ok kind 5: expected not_found with "zz", got not_found: snapshot \'a\' does not exist',
            "not ok truthy 6: why: expected something, got nil",
        }, run [[test("equal", function(t)
            t.equal({ a = 1, 2 }, { 3 }) end)
            test("denied", function(t)
            t:denied("permission_denied", "", t.store:prepare("a")) end)
            test("kind", function(t) t:denied("not_found", "zz", t.store:stat("a")) end)
            test("truthy", function(t) t.truthy(nil, "why") end)]])
    end)

    it("fails by an error of its own, with its line", function()
        local results = run [[
            test("bug", function(t)
                local x = nil
                return x.y
            end)
            test("allowed", function(t) t:allowed(t.store:stat("a")) end)
            test("raises", function(t) t.throws("no such", function() error("mine") end) end)
            test("assert", function(t) assert(t.store:stat("b")) end)]]
        assert.is_truthy(results[1]:find("^not ok bug 3: .*attempt to index a nil value"), results[1])
        assert.is_truthy(results[2]:find("^not ok allowed 5: expected it to be allowed, got not_found"), results[2])
        assert.is_truthy(results[3]:find('^not ok raises 6: expected it to raise "no such", got '), results[3])
        assert.is_truthy(results[4]:find("^not ok assert 7: not_found: snapshot 'b'"), results[4])
    end)

    it("fails by words that t does not have, and by what is no call", function()
        local results = run [[
            test("as", function(t) t:as { uuid = 1000 } end)
            test("layer", function(t) t:layer("a", nil, { sise = 1 }) end)
            test("disk", function(t) t:disk { fre = 1 } end)
            test("answer", function(t) t:answer("pots", tostring) end)
            test("answers", function(t) t:answer("post", true) end)
            test("denied", function(t) t:denied("not_found", t.store:stat("a")) end)
            test("no call", function(t) t:denied("not_found", "") end)]]
        for i, says in ipairs {
            "1: p_spec.lua:1: t:as: unknown option 'uuid' (known: door, endpoint, gid, pid, uid)",
            "2: p_spec.lua:2: t:layer: unknown option 'sise'", "3: p_spec.lua:3: t:disk: unknown option 'fre'",
            "4: p_spec.lua:4: t:answer: unknown word 'pots': did you mean 'post'?",
            "5: p_spec.lua:5: t:answer: fn: function expected, got boolean",
            "6: p_spec.lua:6: t:denied: fragment: string expected, got nil",
            "7: expected not_found, and no call stands there",
        } do
            assert.is_truthy(results[i]:gsub(": [^ ]*/p_spec", ": p_spec"):find(says, 1, true), results[i])
        end
    end)

    it("refuses a timer that is none, as a service does", function()
        for text, says in pairs { ['every("0s", function() end)'] = "p.lua:1: every: a second or more",
            ['every("1h")'] = "p.lua:1: every: a function is expected" } do
            local results = run([[test("a", function(t) t:advance("1h") end)]], text)
            assert.is_truthy(results[1]:find(says, 1, true), results[1])
        end
    end)

    it("may close its store", function()
        assert.same({ "ok close" }, run [[test("close", function(t) t.store:close() end)]])
    end)

    it("fails when the policy cannot be loaded with its options", function()
        local results = run([[test("a", { limt = 3 }, function() end)]])
        assert.is_truthy(results[1]:find("did you mean 'limit'", 1, true), results[1])
    end)

    it("has no files, no programs and no words of ours", function()
        local results = run [[
            test("io", function() t.equal(nil, io) end)
            test("require", function() require "moonsnap" end)]]
        assert.is_truthy(results[1]:find("unknown word 't'", 1, true), results[1])
        assert.is_truthy(results[2]:find("unknown word 'require'", 1, true), results[2])
    end)

    it("notes what automation asks for, and feeds after-hooks", function()
        assert.same({ "ok told", "ok again", "ok timer" }, run([[
            test("told", function(t)
                t:layer("a", nil, { labels = { x = "1" } })
                t:deliver()
                t.equal({ { word = "append", path = "/log", line = '{"key":"layer a","name":"a"}\n' } },
                    t:effects("append"))
                t:deliver()
                t.equal(1, #t:effects())
            end)
            test("again", function(t)
                t:answer("append", function() return nil, "disk full" end)
                t:layer("a")
                t:deliver()
                t:deliver()
                t.equal({ 1, 1 }, { #t:effects(), t:failures()[1].attempts })
                t:answer("append", function() return true end)
                t:advance("2s")
                t:deliver()
                t.equal(2, #t:effects())
            end)
            test("timer", function(t)
                t:advance("31m")
                t.equal({ { word = "spawn", argv = { "/bin/true" } }, { word = "spawn", argv = { "/bin/true" } } },
                    t:effects("spawn"))
            end)]], [[
            hook { "log", on = "commit", phase = "after", run = function(event)
                return append("/log", json { key = event.key, name = event.name } .. "\n")
            end }
            every("15m", function() spawn { "/bin/true" } end)]]))
    end)
end)

describe("moonsnap policy test", function()
    local function run_command(home, ...)
        return command.on(home.root)(...)
    end

    local function written(home, spec)
        tree.write(home.dir .. "/p.lua", POLICY, 384)
        tree.write(home.dir .. "/p_spec.lua", spec, 384)
        return home.dir .. "/p.lua"
    end

    it("prints a line for each test, where one failed, and how many", function()
        local home <close> = world.bare()
        local path = written(home, [[
            test("good", function(t) t:allowed(t.store:prepare("a")) end)
            test("bad", function(t) t.equal(1, 2) end)]])
        local ran = run_command(home, "policy", "test", path)
        assert.equal(1, ran.code)
        assert.equal(("ok      good\nnot ok  bad  (%s/p_spec.lua:2)\n        expected 1, got 2\n"
            .. "1 test passed, 1 failed\n"):format(home.dir), ran.out)
    end)

    it("prints JSON, and exits with 0 when all is well", function()
        local home <close> = world.bare()
        local path = written(home, [[test("good", function(t) t:allowed(t.store:prepare("a")) end)]])
        local ran = run_command(home, "--json", "policy", "test", path)
        assert.equal(0, ran.code)
        assert.same({ { name = "good", ok = true, file = home.dir .. "/p_spec.lua", line = 1 } }, ran:json())
    end)

    it("takes the path of another spec", function()
        local home <close> = world.bare()
        local path = written(home, "")
        tree.write(home.dir .. "/other.lua", [[test("good", function() end)]], 384)
        assert.equal(0, run_command(home, "policy", "test", path, home.dir .. "/other.lua").code)
    end)

    it("says what it cannot read, and that there is no test", function()
        local home <close> = world.bare()
        local path = written(home, "test(")
        local ran = run_command(home, "policy", "test", path)
        assert.is_truthy(ran.code ~= 0 and ran.err:find("p_spec.lua:1:", 1, true), ran.err)
        ran = run_command(home, "policy", "test", written(home, ""))
        assert.is_truthy(ran.code ~= 0 and ran.err:find("it has no test", 1, true), ran.err)
        ran = run_command(home, "policy", "test", home.dir .. "/none.lua")
        assert.is_truthy(ran.code == 3 and ran.err:find("none.lua", 1, true), ran.err)
        ran = run_command(home, "policy", "test", written(home, ""), home.dir)
        assert.is_truthy(ran.code == 2 and ran.err:find("it is a folder", 1, true), ran.err)
        ran = run_command(home, "policy", "test", written(home, "tset('a', function() end)"))
        assert.is_truthy(ran.err:find("p_spec.lua:1: unknown word 'tset': did you mean 'test'?", 1, true), ran.err)
    end)
end)
