--- Hooks of phase after: fed from the outbox, in the process that changes the store or in the service that has it.
local hooks = require "moonsnap.hooks"
local moonsnap = require "moonsnap"
local world = require "spec.support.world"

--- A store with a hook behind the verbs of on; what it has seen.
local function hooked(store, on, act)
    local seen = {}
    local handle, err = hooks.of(store):add {
        name = "note", on = on, phase = "after",
        run = function(event, inner)
            seen[#seen + 1] = event.verb .. " " .. event.key
            return not act or act(event, inner)
        end,
    }
    assert(handle, err)
    return seen
end

describe("a hook of phase after, in-process,", function()
    it("is told behind each verb, once", function()
        local home <close> = world.new()
        local seen = hooked(home.store, { "prepare", "commit", "remove", "update", "view" })
        assert(home.store:prepare("a", nil, { labels = { x = "1" } }))
        assert.same({ "prepare a" }, seen)
        assert(home.store:update { name = "a", labels = { x = "2" } })
        assert(home.store:commit("base", "a"))
        assert(home.store:view("v", "base"))
        assert(home.store:remove("v"))
        assert.same({ "prepare a", "update a", "commit a", "view v", "remove v" }, seen)
    end)

    it("is told behind a transaction, not within, and nothing of what was rolled back", function()
        local home <close> = world.new()
        local seen = hooked(home.store, "prepare")
        local within
        assert(home.store:transaction(function(store)
            assert(store:prepare("a"))
            within = #seen
            return true
        end))
        home.store:transaction(function(store)
            assert(store:prepare("b"))
            return nil, "no"
        end)
        assert.same({ 0, { "prepare a" } }, { within, seen })
    end)

    it("may change the store, and is told of that, too", function()
        local home <close> = world.new()
        local seen = hooked(home.store, { "prepare", "update" }, function(event, store)
            if event.verb == "prepare" then
                assert(store:update { name = event.key, labels = { seen = "yes" } })
            end
            return true
        end)
        assert(home.store:prepare("a"))
        assert(home.store:prepare("b"))
        assert.equal("yes", assert(home.store:stat("b")).labels.seen)
        assert.same({ "prepare a", "update a", "prepare b" }, seen)
    end)

    it("that fails fails nothing, and keeps its place for whoever opens the store next", function()
        local home <close> = world.new()
        local seen = hooked(home.store, "prepare", function() error("broken") end)
        assert(home.store:prepare("a"))
        assert(home.store:prepare("b"))
        assert.same({ "prepare a" }, seen) -- b waits behind it
        local name = home.store.engine:cursors()[1]
        local cursor = home.store.engine:cursor_get(name)
        assert.same({ 1, true }, { cursor.attempts, cursor.error:find("broken", 1, true) ~= nil })
        assert.matches("broken$", hooks.of(home.store):status()[1].last_failure)
    end)

    it("is told by one process alone", function()
        local home <close> = world.new()
        local mine = hooked(home.store, "prepare")
        assert(home.store:prepare("first"))
        local other <close> = assert(moonsnap.open { root = home.root, durability = "metadata" })
        local theirs = hooked(other, "prepare")
        assert(other:prepare("a"))
        assert.same({}, theirs)
        assert(home.store:prepare("b"))
        assert.same({ { "prepare first", "prepare a", "prepare b" }, {} }, { mine, theirs })
    end)
end)
