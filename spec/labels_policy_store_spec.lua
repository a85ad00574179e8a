--- Label policies of a file, at a store: every verb that labels go through.
local expect = require "spec.support.expect"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails_saying = expect.fails_saying

--- A world whose store has these label policies.
local function with(policies)
    local home = world.bare()
    tree.mkdir(home.root)
    tree.write(home.root .. "/policy.lua", "labels {" .. policies .. "}", 384)
    home.store = assert(home:open { door = "command" })
    return home, home.store
end

local function label(store, key, labels)
    local paths = {}
    for name in pairs(labels) do
        paths[#paths + 1] = "labels." .. name
    end
    return store:update({ name = key, labels = labels }, paths)
end

describe("label policies at a store", function()
    it("act on prepare, view, commit and import", function()
        local home <close>, store = with [[ label.default { "tier", "low" }, label.require { "who" } ]]
        local who = { who = "me" }
        for verb, act in pairs {
            prepare = function(labels) return store:prepare("a", nil, { labels = labels }) end,
            view = function(labels) return store:view("v", nil, { labels = labels }) end,
            import = function(labels) return store:import("i", home:directory(), { labels = labels }) end,
        } do
            fails_saying("invalid_argument", "label 'who' is missing", act(nil))
            assert(act(who), verb)
        end
        fails_saying("invalid_argument", "label 'who' is missing", store:commit("c", "a"))
        assert(store:commit("c", "a", { labels = who }))
        for _, name in ipairs { "v", "i", "c" } do
            assert.same({ who = "me", tier = "low" }, store:stat(name).labels)
        end
    end)

    it("change what an update says, and leave the rest", function()
        local home <close>, store = with [[
            label.bound { "cost", max = 10, on = "clamp" }, label.bound { "tier", one_of = { "low" }, on = "drop" }
        ]]
        assert(store:prepare("a", nil, { labels = { other = "x" } }))
        assert(label(store, "a", { cost = "20", tier = "low" }))
        assert.same({ cost = "10", tier = "low", other = "x" }, store:stat("a").labels)
        assert(label(store, "a", { tier = "high" }))
        assert.same({ cost = "10", tier = "low", other = "x" }, store:stat("a").labels)
        assert(store:update({ name = "a", labels = { cost = "30" } }))
        assert.same({ cost = "10" }, store:stat("a").labels)
        assert(home)
    end)

    it("set a label beside those that an update names", function()
        local home <close>, store = with [[ label.expire { "ttl", max = "1d" } ]]
        assert(store:prepare("a", nil, { labels = { ttl = "1h" } }))
        local first = store:stat("a").labels["moonsnap/expires"]
        assert(label(store, "a", { ttl = "2h" }))
        local second = store:stat("a").labels["moonsnap/expires"]
        assert.is_true(second > first)
        assert(label(store, "a", { ["moonsnap/expires"] = "" }))
        assert.equal(second, store:stat("a").labels["moonsnap/expires"])
        assert(home)
    end)

    it("keep a protected label when what carries it is committed under a name that they are not about", function()
        local home <close>, store = with [[ label.protect { "base", key = "base/*", doors = { "module" } } ]]
        do
            local other <close> = assert(home:open { policy = false })
            assert(other:prepare("base/a", nil, { labels = { base = "yes" } }))
        end
        fails_saying("permission_denied", "label 'base' is protected", store:commit("other", "base/a"))
        assert(store:commit("other", "base/a", { labels = { base = "yes" } }))
        assert(label(store, "other", { base = "" }))
    end)

    it("keep a protected snapshot until the label is gone", function()
        local home <close>, store = with [[ label.protect { "base", doors = { "module" }, snapshot = true } ]]
        local trusted <close> = assert(home:open { policy = false })
        fails_saying("permission_denied", "label 'base' is protected", store:prepare("a", nil,
            { labels = { base = "x" } }))
        assert(trusted:prepare("a", nil, { labels = { base = "x", other = "y" } }))
        fails_saying("failed_precondition", "take the label away first", store:remove("a"))
        fails_saying("failed_precondition", "take the label away first",
            store.shared.hooks:ask(store, { verb = "evict", key = "a" }))
        fails_saying("permission_denied", "label 'base' is protected", label(store, "a", { base = "" }))
        fails_saying("permission_denied", "label 'base' is protected", store:update({ name = "a", labels = {} }))
        assert(label(store, "a", { other = "z" }))
        local owner <close> = assert(home:open { door = "module" })
        assert(label(owner, "a", { base = "" }))
        assert(store:remove("a"))
    end)

    it("leave no trace of what they refuse", function()
        local home <close>, store = with [[ label.require { "who" } ]]
        fails_saying("invalid_argument", "missing", store:prepare("a"))
        fails_saying("not_found", "a", store:stat("a"))
        assert.is_nil(store:events()())
        assert.same({}, tree.list(home.root .. "/layers"))
    end)

    it("count a function that fails as the policy's failure", function()
        local home <close>, store = with [[ label.default { "x", function() error("broken") end } ]]
        fails_saying("internal", "broken", store:prepare("a"))
        assert(home)
    end)

    it("end a function that loops", function()
        local home <close>, store = with [[ label.default { "x", function() while true do end end } ]]
        fails_saying("internal", "instructions", store:prepare("a"))
        assert(home)
    end)
end)
