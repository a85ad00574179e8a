--- Hooks of a service: its numbers about them, its Control, and hooks in the sandbox of a policy file.
local caller = require "spec.support.caller"
local dkjson = require "dkjson"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails_saying = expect.fails_saying

local function write_policy(root, text)
    tree.mkdir(root)
    assert(os.execute(("chmod 0700 '%s'"):format(root)))
    tree.write(root .. "/policy.lua", text)
    assert(os.execute(("chmod 0600 '%s/policy.lua'"):format(root)))
end

--- A store whose policy file has that text.
local function store_with(home, text)
    write_policy(home.root, text)
    return assert(moonsnap.open { root = home.root, durability = "metadata" })
end

describe("a hook in the sandbox", function()
    it("asks the store that it stands before", function()
        local home <close> = world.bare()
        local store <close> = store_with(home, [[
            hook { "asks", on = "prepare", match = "name!=base", run = function(request)
                local chain = store.chain("top")
                local list = store.list("kind==committed")
                local usage = store.usage("kind==committed")
                return deny("aborted", ("%s %s %d %d %d %s %s %s"):format(store.stat("none"), store.stat("top").parent,
                    #chain, #list, store.count(), usage.inodes > 0, store.filesystem().free > 0, now() > 0))
            end, match = "key==asks" }
        ]])
        assert(store:prepare("a"))
        assert(store:commit("base", "a"))
        assert(store:prepare("b", "base"))
        assert(store:commit("top", "b"))
        assert(store:prepare("c", "top"))
        fails_saying("aborted", "nil base 2 2 3 true true true", store:prepare("asks"))
    end)

    it("has a bad filter raised where it asked", function()
        local home <close> = world.bare()
        local store <close> = store_with(home, [[
            hook { "asks", on = "prepare", run = function() return store.count("labels.(") end }
        ]])
        fails_saying("internal", "filters: parse error", store:prepare("a"))
    end)

    it("is ended by its budget of instructions, memory, in pcall and in patterns, and the store goes on", function()
        local runaways = {
            instructions = "while true do pcall(function() while true do end end) end",
            memory = "local t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end",
            ["over its limit"] = "return (('a'):rep(100000)):find(('.-'):rep(9) .. 'b')",
        }
        for limit, body in pairs(runaways) do
            local home <close> = world.bare()
            local store <close> = store_with(home, ([[
                hook { "runs", on = "prepare", budget = { seconds = 20%s }, run = function() %s end }
            ]]):format(limit == "memory" and ", instructions = 1000000000" or "", body))
            local err = fails_saying("internal", "policy runs: it failed", store:prepare("a"))
            assert.is_truthy(err.message:find(limit, 1, true), err.message)
            assert.same({}, expect.names(store:walk()))
            assert.equal(0, #tree.list(home.root .. "/layers"))
        end
    end)

    it("is told about when it yields, or answers a function", function()
        for body, text in pairs {
            ["coroutine.yield(1)"] = "yield",
            ["return print"] = "failed",
            ["return function() end"] = "it answered",
            ["request.labels.a = 'b'"] = "policy.lua:",
        } do
            local home <close> = world.bare()
            local store <close> = store_with(home,
                ("hook { 'bad', on = 'prepare', run = function(request) %s end }"):format(body))
            if body ~= "return print" then
                fails_saying("internal", text, store:prepare("a"))
            end
        end
    end)

    it("shares one copy of the request with the others, made anew when one has rewritten it", function()
        local home <close> = world.bare()
        local store <close> = store_with(home, [[
            local seen = {}
            hook { "one", on = "prepare", phase = "validate", run = function(r) seen[1] = tostring(r) end }
            hook { "two", on = "prepare", phase = "validate", run = function(r) seen[2] = tostring(r) end }
            hook { "three", on = "prepare", phase = "mutate", effects = { "labels" }, run = function()
                return rewrite { labels = { team = "blue" } } end }
            hook { "four", on = "prepare", run = function(r)
                return deny("aborted", ("%s %s %s"):format(seen[1] == seen[2], seen[1] ~= tostring(r), r.labels.team))
            end }
        ]])
        fails_saying("aborted", "true true blue", store:prepare("a"))
    end)

    it("is counted when it says nothing, too, and by itself among those that are asked with it", function()
        local home <close> = world.bare()
        local store <close> = store_with(home, [[
            hook { "silent", on = "prepare", run = function() for i = 1, 1000 do end end }
            hook { "asks", on = "prepare", run = function()
                return store.count() > 100 and deny("aborted", "") or nil
            end }
            hook { "fails", on = "prepare", fail = "open", run = function() error("a bug") end }
            hook { "last", on = "prepare", run = function(r)
                return r.key == "no" and deny("aborted", "no") or nil
            end }
        ]])
        for i = 1, 7 do
            assert(store:prepare("k" .. i))
        end
        fails_saying("aborted", "policy last: no", store:prepare("no"))
        local rows = {}
        for _, row in ipairs(store.shared.hooks:status()) do
            rows[row.name] = row
        end
        for name, calls in pairs { silent = 8, asks = 8, fails = 5, last = 8 } do
            assert.equal(calls, rows[name].calls, name)
            assert.equal(8, rows[name].matches, name)
            assert.is_true(rows[name].seconds > 0, name)
        end
        assert.same({ 5, 3, "off" }, { rows.fails.failures, rows.fails.skipped, rows.fails.breaker })
        assert.same({ 0, 1 }, { rows.silent.denials, rows.last.denials })
        assert.is_true(rows.silent.instructions >= 8000 and rows.last.instructions < 1000)
    end)

    it("is asked in its place when other files' hooks stand before and behind it, whoever of them speaks", function()
        local home <close> = world.bare()
        local text = [[
            hook { "NAME silent", on = "prepare", priority = PRIORITY, run = function() end }
            hook { "NAME", on = "prepare", priority = PRIORITY, run = function(r)
                if r.labels.asks then store.count() end
                if r.labels.fails == "NAME" then error("a bug") end
                if r.labels.says == "NAME" then return deny("aborted", "no") end
            end, fail = "open" }
        ]]
        write_policy(home.root, "")
        tree.mkdir(home.root .. "/policy.d")
        for name, priority in pairs { one = 3, two = 2, three = 1 } do
            tree.write(("%s/policy.d/%s.lua"):format(home.root, name),
                (text:gsub("NAME", name):gsub("PRIORITY", tostring(priority))))
        end
        assert(os.execute(("chmod -R go-rwx '%s/policy.d'"):format(home.root)))
        local store <close> = assert(moonsnap.open { root = home.root, durability = "metadata" })
        local function calls()
            local seen = {}
            for _, row in ipairs(store.shared.hooks:status()) do
                seen[#seen + 1] = row.calls
            end
            return table.concat(seen, " ")
        end
        assert(store:prepare("quiet"))
        assert.equal("1 1 1 1 1 1", calls())
        fails_saying("aborted", "policy two: no", store:prepare("a", nil, { labels = { says = "two" } }))
        assert.equal("2 2 2 2 1 1", calls())
        local asking = { says = "three", asks = "yes" }
        fails_saying("aborted", "policy three: no", store:prepare("a", nil, { labels = asking }))
        assert.equal("3 3 3 3 2 2", calls())
        for i = 1, 6 do
            assert(store:prepare("fails" .. i, nil, { labels = { fails = "two" } }))
        end
        assert.equal("9 9 9 8 8 8", calls())
        fails_saying("aborted", "policy three: no", store:prepare("a", nil, { labels = { says = "three" } }))
        assert.equal("10 10 10 8 9 9", calls())
    end)
end)

describe("a service with hooks", function()
    local POLICY = [[
        hook { "names", on = "prepare", match = "key==bad", run = function() return deny("aborted", "a bad name") end }
        hook { "shaky", on = "touch", fail = "open", run = function() error("out of order") end }
    ]]

    it("tells by Control what each is and has done", function()
        local served = service.new { mode = "direct" }
        write_policy(served.root, POLICY)
        local _guard <close> = served:start()
        local to <close> = caller.new(served.address, { ["containerd-namespace"] = "default" })
        local function control(verb, arguments)
            local rows = {}
            for reply in to:stream("/moonsnap.v1.Control/Call", "moonsnap.v1.CallRequest",
                { verb = verb, arguments = dkjson.encode(arguments or {}) }, "moonsnap.v1.CallResponse") do
                for line in reply.line:gmatch("[^\n]+") do
                    rows[#rows + 1] = dkjson.decode(line)
                end
            end
            return rows
        end
        assert(to:snapshots("Prepare", { key = "good", snapshotter = "overlayfs" }))
        fails_saying("aborted", "prepare 'bad': policy names: a bad name",
            to:snapshots("Prepare", { key = "bad", snapshotter = "overlayfs" }))
        control("touch", { key = "good" })
        local by_name = {}
        for _, row in ipairs(control "hooks") do
            by_name[row.name] = row
        end
        assert.same({ 1, 1, "on" }, { by_name.names.calls, by_name.names.denials, by_name.names.breaker })
        assert.same({ 1, { "touch" } }, { by_name.shaky.failures, by_name.shaky.on })
        assert.is_truthy(by_name.shaky.last_failure:find("out of order", 1, true))
    end)

    it("knows who calls by the socket, each of two users that call at once #root", needs.root(function()
        local served = service.new { mode = "direct" }
        write_policy(served.root, [[
            labels { label.require { "tenant", peer = { uid = 60124 } }, label.protect { "base", peer = { uid = 0 } } }
            hook { "whose", on = "prepare", match = "caller.uid==60124", run = function(request)
                return deny("permission_denied", ("uid %d gid %d"):format(request.caller.uid, request.caller.gid))
            end }
        ]])
        local _guard <close> = served:start()
        assert(os.execute(("chmod 0711 '%s'; chmod 0666 '%s'"):format(served.dir, served.address)))
        local other = process.start { "setpriv", "--reuid=60124", "--regid=60125", "--clear-groups", "lua5.4", "-e", ([[
            local store = assert(require("moonsnap").connect { address = %q })
            local function told(labels)
                for i = 1, 50 do
                    print((select(2, store:prepare("theirs" .. i, nil, { labels = labels }))))
                end
            end
            told()
            told { base = "yes" }
            told { tenant = "blue" }
        ]]):format(served.address) }
        local store <close> = assert(moonsnap.connect { address = served.address })
        for i = 1, 150 do
            assert(store:prepare("ours" .. i, nil, { labels = { base = "yes" } }))
        end
        local said = {}
        for line in other:finish():gmatch("[^\n]+") do
            local what = line:match("label 'tenant' is missing") or line:match("uid 60124 may not")
                or line:match("uid 60124 gid 60125") or line
            said[what] = (said[what] or 0) + 1
        end
        assert.same({ ["label 'tenant' is missing"] = 50, ["uid 60124 may not"] = 50, ["uid 60124 gid 60125"] = 50 },
            said)
        assert.equal(150, #expect.names(store:walk()))
    end))
end)
