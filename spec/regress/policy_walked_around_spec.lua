--- Ways around a policy that are none any more.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local policed = require "spec.support.policed"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails_saying = expect.fails_saying

describe("a protected name", function()
    it("is not left by a commit to another one", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home,
            [[labels { label.protect { "keep", key = "base/*", peer = { uid = 4242 } } }]])
        policed.without(home, function(raw)
            assert(raw:prepare("base/a", nil, { labels = { keep = "yes" } }))
        end)
        fails_saying("permission_denied", "label.protect keep", store:commit("other", "base/a"))
        assert(store:commit("other", "base/a", { labels = { keep = "yes" } }))
    end)
end)

describe("what a script's hook makes of a request", function()
    local POLICY = [[
        labels {
            label.protect { "base", peer = { uid = 4242 } },
            label.require { "tenant", pattern = "^[a-z]+$" },
            label.bound { "cost", max = 10, on = "clamp" },
            label.default { "base", "no", match = "labels.tenant==blue" },
        }
        hook { "counts", on = "prepare", phase = "mutate", effects = { "labels" }, run = function(request)
            return rewrite { labels = { seen = (request.labels.seen or "") .. "x" } }
        end }
    ]]

    --- Prepares "a" with a hook that rewrites the request like that.
    local function rewriting(home, labels, priority)
        local store = policed.open(home, POLICY)
        assert(store:hook { "script's", on = "prepare", phase = "mutate", effects = { "labels" }, priority = priority,
            run = function() return moonsnap.verdict.rewrite { labels = labels } end })
        return store, store:prepare("a", nil, { labels = { tenant = "red" } })
    end

    it("is asked about as if the caller had given it, wherever the hook stands", function()
        for _, priority in ipairs { -5, 0, 9000000 } do
            for text, labels in pairs { ["label.protect base"] = { base = "yes" },
                ["label.require tenant"] = { tenant = "UPPER" } } do
                local home <close> = world.bare()
                local store <close>, made, err = rewriting(home, labels, priority)
                assert.is_nil(made)
                assert.is_truthy(err.message:find(text, 1, true), err.message)
                assert.same({}, expect.names(store:walk()))
            end
        end
    end)

    it("goes through the policy's changes once", function()
        local home <close> = world.bare()
        local store <close>, made, err = rewriting(home, { tenant = "blue", cost = "1000" })
        assert(made, err)
        assert.same({ tenant = "blue", cost = "10", seen = "x", base = "no" }, assert(store:stat("a")).labels)
    end)
end)

describe("a run", function()
    it("is a mount to hooks: of an active, and of a throw-away", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home,
            [[hook { "still", on = "mount", run = function() return deny("aborted", "no mounts") end }]])
        assert(store:prepare("a"))
        fails_saying("aborted", "policy still: no mounts", store:mount("a", tree.mkdir(home.dir .. "/m")))
        fails_saying("aborted", "policy still: no mounts", store:run("a", { "/bin/true" }))
        assert(store:commit("base", "a"))
        fails_saying("aborted", "policy still: no mounts", store:run("base", { "/bin/true" }))
        assert.same({ "base" }, expect.names(store:walk()))
    end)
end)

describe("an after-hook of a policy file", function()
    it("is told of the first change too, of leases and pins at once, and knows the time", function()
        local home <close> = world.bare()
        local said = {}
        local store <close> = policed.open(home, [[
            hook { "tells", on = "*", phase = "after", run = function(event)
                log(("%s %s %s"):format(event.verb, event.key, now() > 0))
            end }
        ]], { log = function(text) said[#said + 1] = text end })
        assert(store:prepare("a"))
        assert(store:pins():add("a"))
        assert(store:leases():create("l"))
        assert.same({ "prepare a true", "pin a true", "lease l true" }, said)
    end)
end)

describe("a hook", function()
    it("changes namespaces no more than snapshots", function()
        local home <close> = world.new()
        local records = home.store:namespace_records()
        for verb, act in pairs {
            create = function() return records:create("blue") end,
            update = function() return records:update { name = "default", labels = { a = "b" } } end,
            delete = function() return records:delete("default") end,
        } do
            local handle = assert(home.store:hook { "acts", on = "prepare", run = act })
            fails_saying("internal", "namespaces: " .. verb .. ": a hook runs (acts)", home.store:prepare("a"))
            handle:remove()
        end
        assert.is_nil(records:get("blue"))
    end)
end)
