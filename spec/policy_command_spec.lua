--- The command and policies: the root's files bind it too, and it explains, checks and lists them.
local command = require "spec.support.command"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local TENANTS = [[
labels {
    label.require { "tenant", verbs = { "prepare" }, pattern = "^[a-z]+$" },
    label.default { "tier", "low", verbs = { "prepare" } },
}
hook {
    "quota",
    on = "prepare",
    run = function(request)
        if store.count("labels.tenant==" .. request.labels.tenant) >= 1 then
            return deny("resource_exhausted", "one is enough")
        end
    end,
}
retention { rule { "nightly", match = "labels.class==nightly", keep = { last = 3 } } }
]]

--- A world whose root has a policy, and the command on it.
local function setting(text)
    local home = world.new()
    tree.write(home.root .. "/policy.lua", text or TENANTS, 384)
    return home, command.on(home.root)
end

--- Rows of --json by hook.
local function by_name(found)
    local rows = {}
    for _, row in ipairs(found.hooks) do
        rows[row.name] = row
    end
    return rows
end

describe("the command on a root with a policy", function()
    it("is bound by it", function()
        local home <close>, moonsnap = setting()
        local answer = moonsnap("prepare", "a")
        assert.equal(2, answer.code)
        assert.matches("label 'tenant' is missing", answer.err)
        assert.equal(0, moonsnap("prepare", "a", "--label", "tenant=blue").code)
        assert.equal(7, moonsnap("prepare", "b", "--label", "tenant=blue").code)
        assert.equal("low", home.store:stat("a").labels.tier)
    end)

    it("leaves it out with --no-policy", function()
        local home <close>, moonsnap = setting()
        assert.equal(0, moonsnap("--no-policy", "prepare", "a").code)
        assert.equal("active", home.store:stat("a").kind)
    end)

    it("says the line of one that cannot be loaded, and how to go on", function()
        local home <close>, moonsnap = setting "\nhok {}"
        local answer = moonsnap("ls")
        assert.equal(2, answer.code)
        assert.matches("policy.lua:2: unknown word 'hok': did you mean 'hook'%?", answer.err)
        assert.matches("try: moonsnap policy check, or for once without: moonsnap %-%-no%-policy ls", answer.err)
        assert.equal(0, moonsnap("--no-policy", "ls").code)
        assert(home.store)
    end)

    it("shows what a policy says on standard error", function()
        local home <close>, moonsnap = setting 'log("hello\\n")'
        local answer = moonsnap("ls")
        assert.is_nil(answer.out:find("hello", 1, true))
        assert.matches("^moonsnap: policy: hello", answer.err)
        assert(home.store)
    end)
end)

describe("moonsnap policy explain", function()
    it("says what each hook says and costs, and the end", function()
        local home <close>, moonsnap = setting()
        local answer = moonsnap("policy", "explain", "prepare", "a", "--label", "tenant=blue")
        assert.equal(0, answer.code, answer.err)
        assert.matches("PHASE +HOOK +FILE +INSTR +US +BYTES +VERDICT", answer.out)
        assert.matches("validate +label.require tenant +policy.lua:2 +%d+ +no opinion", answer.out)
        assert.matches("mutate +label.default tier +policy.lua:3 +%d+ +rewrite tier=low", answer.out)
        assert.matches("before +quota +policy.lua:5 +%S+ +%d+ +%d+ +no opinion", answer.out)
        assert.matches("allowed, with tenant=blue tier=low\n$", answer.out)
        assert.equal("not_found", select(2, home.store:stat("a")).kind)
    end)

    it("exits with 1 for a request that would be denied, and names who denies", function()
        local home <close>, moonsnap = setting()
        assert(home.store:prepare("a", nil, { labels = { tenant = "blue" } }))
        local answer = moonsnap("policy", "explain", "prepare", "b", "--label", "tenant=blue")
        assert.equal(1, answer.code)
        assert.matches("denied by 'quota': resource_exhausted: one is enough\n$", answer.out)
    end)

    it("prints it all as JSON", function()
        local home <close>, moonsnap = setting()
        local found = moonsnap("policy", "explain", "--json", "prepare", "a", "--label", "tenant=blue"):json()
        local quota = by_name(found).quota
        assert.is_true(quota.matched)
        assert.is_true(quota.seconds > 0)
        assert.matches("policy.lua:5$", quota.file)
        assert.same({ tenant = "blue", tier = "low" }, found.result.labels)
        assert(home.store)
    end)

    it("explains for other callers", function()
        local home <close>, moonsnap = setting 'labels { label.protect { "base", peer = { uid = 0 } } }'
        local words = { "policy", "explain", "prepare", "a", "--label", "base=x", "--as" }
        words[8] = "0"
        assert.equal(0, moonsnap(table.unpack(words)).code)
        words[8] = "1000:1000"
        assert.matches("permission_denied: label 'base' is protected: uid 1000", moonsnap(table.unpack(words)).out)
        assert(home.store)
    end)

    it("knows every verb that has hooks", function()
        local home <close>, moonsnap = setting [[
            hook { "all", on = "*", run = function() return deny("aborted", "x") end }
        ]]
        local free <close> = assert(home:open { policy = false })
        assert(free:prepare("a"))
        for _, words in ipairs { { "prepare", "b" }, { "view", "b" }, { "commit", "b", "a" }, { "remove", "a" },
            { "rm", "a" }, { "update", "a", "x=1" }, { "label", "a", "x=1" }, { "touch", "a" }, { "import", "b" },
            { "mount", "a" }, { "unmount", "a" }, { "umount", "a" }, { "evict", "a" }, { "pin", "a" },
            { "lease", "work" } } do
            local answer = moonsnap("policy", "explain", table.unpack(words))
            assert.matches("denied by 'all': aborted: x", answer.out, table.concat(words, " ") .. answer.err)
        end
        for _, verb in ipairs(require("moonsnap.hooks.entry").VERBS) do
            assert.is_nil(moonsnap("policy", "explain", verb, "a", "b").err:find("unknown verb", 1, true), verb)
        end
    end)

    it("says what is done to a lease and a pin, as hooks are told", function()
        local home <close>, moonsnap = setting [[
            hook { "drops", on = { "lease", "pin" }, match = "action==drop", run = function(request)
                return deny("aborted", request.lease)
            end }
            hook { "adds", on = "pin", match = "action==add", run = function() return deny("aborted", "added") end }
        ]]
        local free <close> = assert(home:open { policy = false })
        assert(free:prepare("a"))
        assert.matches("denied by 'drops': aborted: work", moonsnap("policy", "explain", "lease", "work", "drop").out)
        assert.matches("allowed", moonsnap("policy", "explain", "lease", "work").out)
        assert.matches("denied by 'adds': aborted: added", moonsnap("policy", "explain", "pin", "a").out)
        assert.matches("allowed", moonsnap("policy", "explain", "pin", "a", "remove").out)
        assert.matches("unknown action 'dorp': did you mean 'drop'",
            moonsnap("policy", "explain", "lease", "w", "dorp").err)
    end)

    it("asks nobody about a snapshot that is not there, as the store does", function()
        local home <close>, moonsnap = setting [[
            hook { "looks", on = "remove", run = function(request) return request.current.labels.x end }
        ]]
        assert(home:open { policy = false }):close()
        local answer = moonsnap("policy", "explain", "remove", "gone")
        assert.same({ 3, "" }, { answer.code, answer.out })
        assert.matches("snapshot 'gone' does not exist", answer.err)
    end)

    for words, says in pairs {
        ["explain"] = "it is explain VERB ARGS", ["explain prepair a"] = "unknown verb 'prepair': did you mean",
        ["explain prepare"] = "it is prepare KEY %[PARENT%]", ["explain update a x"] = "it is NAME=VALUE",
        ["explain prepare a --as root"] = "it is UID or UID:GID",
        ["explain prepare a --as 99999999999999999999"] = "it is UID or UID:GID",
        ["explain prepare a --as 1:4294967296"] = "it is UID or UID:GID",
        ["explian"] = "unknown action 'explian': did you",
    } do
        it("refuses '" .. words .. "'", function()
            local home <close>, moonsnap = setting()
            local argv = { "policy" }
            for word in words:gmatch("%S+") do
                argv[#argv + 1] = word
            end
            local answer = moonsnap(table.unpack(argv))
            assert.equal(2, answer.code)
            assert.matches(says, answer.err)
            assert(home.store)
        end)
    end
end)

describe("moonsnap policy check", function()
    it("loads the root's files, or others, and says what is in them", function()
        local home <close>, moonsnap = setting()
        assert.matches("^ok .*policy.lua\n1 file, 3 hooks, 1 rule\n$", moonsnap("policy", "check").out)
        tree.write(home.dir .. "/other.lua", "\nlabels {\n label.bound { 'x' } }", 384)
        local answer = moonsnap("policy", "check", home.dir .. "/other.lua")
        assert.equal(2, answer.code)
        assert.matches("other.lua:3: label.bound 'x': it bounds nothing", answer.err)
    end)
end)

describe("moonsnap policy ls", function()
    it("lists files, hooks in order, label policies and rules", function()
        local home <close>, moonsnap = setting()
        local found = moonsnap("policy", "ls", "--json"):json()
        assert.equal(home.root .. "/policy.lua", found.files[1].path)
        assert.same({ "label.require tenant", "label.default tier", "quota" },
            { found.hooks[1].name, found.hooks[2].name, found.hooks[3].name })
        assert.equal("nightly", found.rules[1].name)
        assert.matches("before +quota +policy.lua:5 +prepare", moonsnap("policy", "ls").out)
    end)

    it("calls files by short names, which tell them apart", function()
        local home <close>, moonsnap = setting 'hook { "all", on = "*", run = function() end }'
        for _, folder in ipairs { "one", "two" } do
            tree.mkdir(home.dir .. "/" .. folder)
            for _, name in ipairs { folder, "same" } do
                tree.write(("%s/%s/%s.lua"):format(home.dir, folder, name),
                    ('hook { "%s-%s", on = "touch", run = function() end }'):format(folder, name), 384)
            end
        end
        tree.write(home.root .. "/policy.lua", ([[
            include("DIR/one/one.lua") include("DIR/two/two.lua")
            include("DIR/one/same.lua") include("DIR/two/same.lua")
            hook { "all", on = "*", run = function() end }
        ]]):gsub("DIR", home.dir), 384)
        local out = moonsnap("policy", "ls").out
        assert.matches("file +one.lua +/%S+/one/one.lua\n", out)
        assert.matches("before +one%-one +one.lua:1 +touch\n", out)
        assert.matches("before +two%-same +/%S+/two/same.lua:1 +touch\n", out)
        assert.matches("before +all +policy.lua:3 +%*\n", out)
    end)
end)

describe("a service with a policy in its root", function()
    it("leaves it out with --no-policy", function()
        local served <close> = service.new { mode = "direct", args = { "--no-policy" } }
        tree.mkdir(served.root)
        tree.write(served.root .. "/policy.lua", "hok {}", 384)
        served:start()
        assert.equal(0, command.on(served.root)("--address", served.address, "prepare", "a").code)
    end)

    it("is bound by the same file, and explains itself", function()
        local served <close> = service.new { mode = "direct" }
        tree.mkdir(served.root)
        tree.write(served.root .. "/policy.lua", TENANTS, 384)
        served:start()
        local on = command.on(served.root)
        local function moonsnap(...)
            return on("--address", served.address, ...)
        end
        assert.equal(2, moonsnap("prepare", "a").code)
        assert.equal(0, moonsnap("prepare", "a", "--label", "tenant=blue").code)
        local answer = moonsnap("policy", "explain", "prepare", "b", "--label", "tenant=blue")
        assert.matches("denied by 'quota': resource_exhausted: one is enough", answer.out .. answer.err)
        local quota = by_name(moonsnap("policy", "ls", "--json"):json()).quota
        assert.equal(1, quota.calls, "explaining is not counted")
    end)

    it("explains for other callers, and tells which hooks are off", function()
        local served <close> = service.new { mode = "direct" }
        tree.mkdir(served.root)
        tree.write(served.root .. "/policy.lua", [[
            hook { "root", on = "prepare", match = "caller.uid!=0", run = function(request)
                return deny("permission_denied", "not uid " .. request.caller.uid .. ":" .. request.caller.gid)
            end }
            hook { "broken", on = "view", run = function() while true do end end }]], 384)
        served:start()
        local function moonsnap(...)
            return command.on(served.root)("--address", served.address, ...)
        end
        assert.equal(0, moonsnap("policy", "explain", "prepare", "a").code)
        assert.matches("not uid 1000:7", moonsnap("policy", "explain", "prepare", "a", "--as", "1000:7").out)
        for i = 1, 5 do
            assert.not_equal(0, moonsnap("view", "v" .. i).code)
        end
        local answer = moonsnap("policy", "explain", "view", "v")
        assert.matches("broken .* off: it failed too often\ndenied by 'broken': internal: it is off", answer.out)
        assert.matches("\nhook 'broken' has failed 5 times and is off, last: .*policy.lua:4: over its limit",
            moonsnap("policy", "ls").out)
    end)
end)
