--- Policy files: which are loaded in which order, their words, and what comes of them at a store.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local stat = require "posix.sys.stat"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails_saying = expect.fails_saying

--- A world whose root has these files, by their paths below it.
local function with(files, act, options)
    local home <close> = world.bare()
    tree.mkdir(home.root)
    stat.chmod(home.root, 448)
    for path, text in pairs(files) do
        local folder = path:match("^(.+)/[^/]+$")
        if folder and not tree.exists(home.root .. "/" .. folder) then
            tree.mkdir(home.root .. "/" .. folder)
        end
        tree.write(home.root .. "/" .. path, text)
    end
    home.store = assert(home:open(options))
    return act(home.store, home)
end

local function no_prepare(name)
    return ([[hook { %q, on = "prepare", run = function(request)
        if request.key == %q then return deny("permission_denied", %q) end
    end }]]):format(name, name, name .. " says no")
end

describe("a store with policy files", function()
    it("asks ROOT/policy.lua", function()
        with({ ["policy.lua"] = no_prepare "one" }, function(store)
            fails_saying("permission_denied", "one says no", store:prepare("one"))
            assert.is_truthy(store:prepare("two"))
        end)
    end)

    it("asks policy.lua first, then policy.d in byte order, then what open is given", function()
        local function log(name)
            return ('log("%s")'):format(name)
        end
        local said = {}
        with({
            ["policy.lua"] = log "policy", ["policy.d/9.lua"] = log "9", ["policy.d/10.lua"] = log "10",
            ["policy.d/B.lua"] = log "B", ["policy.d/a.lua"] = log "a", ["policy.d/.hidden.lua"] = log "hidden",
            ["policy.d/notes.txt"] = "no Lua", ["more.lua"] = log "more",
        }, function(_, home)
            said = {}
            home.store:close()
            home.store = assert(home:open { policy = home.root .. "/more.lua",
                log = function(text) said[#said + 1] = text end })
        end)
        assert.same({ "policy", "10", "9", "B", "a", "more" }, said)
    end)

    it("has one policy for all of its namespaces", function()
        with({ ["policy.lua"] = no_prepare "one" }, function(store)
            local other = assert(store:namespace("other"))
            fails_saying("permission_denied", "one says no", other:prepare("one"))
        end)
    end)

    it("has none where open says so, nor for a look", function()
        with({ ["policy.lua"] = no_prepare "one" }, function(store, home)
            local free <close> = assert(home:open { policy = false })
            assert.is_truthy(free:prepare("one"))
            local looking <close> = assert(home:open { look = true })
            assert.is_nil(looking.shared.policy)
            fails_saying("permission_denied", "one says no", store:prepare("one"))
        end)
    end)

    it("has no hooks at all without a file", function()
        with({}, function(store) assert.is_nil(store.shared.hooks) end)
    end)
end)

describe("the words of a policy file", function()
    it("register label policies and rules", function()
        with({ ["policy.lua"] = [[
            labels { label.require { "tenant", verbs = { "prepare" } }, label.default { "tier", "low" } }
            retention { rule { "nightly", match = "labels.class==nightly", keep = { last = 3 } } }
        ]] }, function(store)
            fails_saying("invalid_argument", "label 'tenant' is missing", store:prepare("a"))
            assert(store:prepare("a", nil, { labels = { tenant = "blue" } }))
            assert.same({ tenant = "blue", tier = "low" }, store:stat("a").labels)
            assert.equal("nightly", store.shared.policy.retention[1].name)
            assert.matches("policy.lua:2$", store.shared.policy.retention[1].file)
        end)
    end)

    it("take functions, which run in the file's own state", function()
        with({ ["policy.lua"] = [[
            local calls = 0
            labels { label.default { "count", function(request)
                calls = calls + 1
                return request.key .. calls
            end } }
        ]] }, function(store)
            assert(store:prepare("a"))
            assert(store:prepare("b"))
            assert.same({ "a1", "b2" }, { store:stat("a").labels.count, store:stat("b").labels.count })
        end)
    end)

    it("read options with their types, defaults and bounds", function()
        local text = [[
            local most = option("most", { type = "integer", default = 2, min = 1, max = 9 })
            local room = option("room", { type = "size", default = "1GiB" })
            local time = option("time", { type = "duration", default = "2h" })
            log(most .. " " .. room .. " " .. time)
        ]]
        with({ ["more.lua"] = text }, function(_, home)
            local said
            local function open(options)
                local store, err = home:open { policy = { { path = home.root .. "/more.lua", options = options } },
                    log = function(line) said = line end }
                if store then
                    store:close()
                end
                return store and said, err
            end
            assert.equal("2 1073741824 7200", open {})
            assert.equal("5 4096 60", open { most = 5, room = "4KiB", time = 60 })
            fails_saying("invalid_argument", "option most: 10 is above max 9", open { most = 10 })
            fails_saying("invalid_argument", "a whole number is expected, this is a string", open { most = "five" })
            fails_saying("invalid_argument", "unknown option 'mots': did you mean 'most'?", open { mots = 5 })
        end)
    end)

    it("include other files, with values for their options", function()
        with({
            ["policy.lua"] = '\ninclude("lib/tenants.lua", { name = "blue" })',
            ["lib/tenants.lua"] = [[
                local name = option("name", { type = "string", default = "nobody" })
                labels { label.default { "tenant", name } }
            ]],
        }, function(store)
            assert(store:prepare("a"))
            assert.equal("blue", store:stat("a").labels.tenant)
            assert.equal(2, #store.shared.policy.files)
        end)
    end)

    it("answer verdicts, and say what is wrong with one", function()
        with({ ["policy.lua"] = [[
            local verdicts = {
                deny = function() return deny("aborted", "not today") end,
                defer = function() return defer "5s" end,
                typo = function() return deny("abortd", "x") end,
                nothing = function() return true end,
                rewrite = function() return rewrite { labels = { seen = "yes" } } end,
            }
            local function run(request) return verdicts[request.key]() end
            hook { "v", on = "prepare", match = "key!=rewrite", effects = { "deny", "defer" }, run = run }
            hook { "m", on = "prepare", phase = "mutate", match = "key==rewrite", effects = { "labels" }, run = run }
        ]] }, function(store)
            fails_saying("aborted", "policy v: not today", store:prepare("deny"))
            local err = fails_saying("unavailable", "policy v", store:prepare("defer"))
            assert.equal(5, err.retry_after)
            fails_saying("internal", "unknown kind 'abortd': did you mean 'aborted'?", store:prepare("typo"))
            fails_saying("internal", "no verdict", store:prepare("nothing"))
            assert(store:prepare("rewrite"))
            assert.same({ seen = "yes" }, store:stat("rewrite").labels)
        end)
    end)

    it("register nothing later, and ask for the store in hooks only", function()
        with({ ["policy.lua"] = [[
            hook { "one", on = "prepare", run = function() hook { "two", on = "view", run = function() end } end }
            labels { label.default { "x", function() return store.count() end, verbs = { "view" } } }
        ]] }, function(store)
            fails_saying("internal", "policy.lua:1: hook: only while the file is loaded", store:prepare("a"))
            fails_saying("internal", "store.count: only a hook can ask", store:view("a"))
        end)
    end)

    it("keep values for the file that comes after", function()
        with({ ["policy.lua"] = [[
            local seen = kept("seen") or 0
            hook { "count", on = "prepare", run = function(request)
                keep("seen", (kept("seen") or 0) + 1)
                return deny("aborted", "seen " .. kept("seen") .. " from " .. seen)
            end }
        ]] }, function(store, home)
            fails_saying("aborted", "seen 1 from 0", store:prepare("a"))
            fails_saying("aborted", "seen 2 from 0", store:prepare("a"))
            local old = store.shared.policy
            local new = assert(moonsnap.load_policy { root = home.root, before = old })
            fails_saying("aborted", "seen 3 from 0", store:prepare("a"))
            new:inherit(old)
            store.shared.hooks:use("policy", new.hooks)
            fails_saying("aborted", "seen 4 from 2", store:prepare("a"))
            store.shared.policy = new
            old:close()
        end)
    end)
end)
