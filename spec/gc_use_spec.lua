--- What a collection takes for used, when it plans and again when it removes: mounts whoever made them, and what nobody
--- can tell.
local apply = require "moonsnap.gc.apply"
local expect = require "spec.support.expect"
local facts = require "moonsnap.gc.facts"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local world = require "spec.support.world"

local fails_saying = expect.fails_saying

local OLD = { { name = "old", match = "labels.class==old", expire = { ttl = 0 } } }

local function committed(store, name, class)
    assert(store:prepare("make " .. name))
    assert(store:commit(name, "make " .. name, { labels = { class = class } }))
end

--- A store with "stays", "stays too", "o1" and "o2" of class old, and a plan that takes the latter.
local function planned()
    local home = world.new()
    for _, name in ipairs { "stays", "stays too", "o1", "o2" } do
        committed(home.store, name, name:find("^o") and "old" or "new")
    end
    return home, home.store:gc(OLD), assert(home.store:gc(OLD):plan())
end

--- An engine whose words some others stand before.
local function instead(engine, words)
    return setmetatable(words, { __index = function(_, name)
        return function(_, ...)
            return engine[name](engine, ...)
        end
    end })
end

--- Applies a plan one item a transaction, with another engine to read from, and a clock that goes on by so many seconds
--- whenever it is asked.
local function applied(home, id, engine, options)
    local now = 0
    local with = {
        engine = engine, name_space = "default", chunk = 1,
        now = function()
            now = now + (options.seconds or 0) * 1000000000
            return now
        end,
        write = function(fn)
            return home.store:transaction(function()
                return fn { engine = engine, name_space = "default", shared = home.store.shared }
            end)
        end,
        unseen = options.unseen,
    }
    return apply.run(id, 2, with)
end

describe("a fact is held", function()
    local seen = { sure = { [1] = true }, maybe = { [2] = true }, unknown = 0 }

    it("when it is mounted, or may be", function()
        assert.equal("mounted", facts.held({ number = 1 }, seen).why)
        assert.equal("maybe_mounted", facts.held({ number = 2 }, seen).why)
        assert.is_nil(facts.held({ number = 3 }, seen))
    end)

    it("when there are mounts that nobody can look at", function()
        assert.equal("maybe_mounted", facts.held({ number = 3 }, { sure = {}, maybe = {}, unknown = 1 }).why)
    end)
end)

describe("apply leaves alone", function()
    it("a layer that somebody else has bound since, in a mount namespace of his own #mounts", needs.mounts(function()
        local home <close>, gc, plan = planned()
        local script = ("set -e; mount --bind %s/layers/%d %s; echo there; read -r _"):format(home.root,
            assert(home.store:stat("o1")).number, home:directory())
        local child <close> = process.start { "unshare", "--mount", "sh", "-c", script }
        child:await("there")
        local done = assert(gc:apply(plan.id))
        assert.same({ 1, 1, "mounted" }, { done.removed, done.busy, done.skipped[1].text })
        assert(home.store:stat("o1"))
    end))

    it("everything, where there are mounts that nobody can look at, but if that is meant", function()
        local home <close>, _, plan = planned()
        local engine = instead(home.store.engine, {
            in_use = function() return { sure = {}, maybe = {}, unknown = 1 } end,
        })
        local done = assert(applied(home, plan.id, engine, {}))
        assert.same({ 0, 2, "may be mounted" }, { done.removed, done.busy, done.skipped[1].text })
        plan = assert(home.store:gc(OLD):plan())
        assert.equal(2, assert(applied(home, plan.id, engine, { unseen = true })).removed)
    end)

    it("what comes into use while it works", function()
        local home <close>, _, plan = planned()
        local looks, in_use = 0, { sure = {}, maybe = {}, unknown = 0 }
        local engine = instead(home.store.engine, { in_use = function()
            looks = looks + 1
            if looks == 2 then
                for _, item in ipairs(plan.items) do
                    in_use.maybe[item.number] = true
                end
            end
            return in_use
        end })
        assert.same({ 1, 1 }, (function(done) return { done.removed, done.busy } end)(
            assert(applied(home, plan.id, engine, { seconds = 6 }))))
        assert.is_true(looks >= 2)
    end)
end)

describe("apply without force", function()
    it("looks at bytes, too", function()
        local home <close> = world.new()
        for _, name in ipairs { "a", "b", "c" } do
            committed(home.store, name, "new")
        end
        assert(home.store:prepare("make large"))
        local upper = assert(home.store:layers("make large"))[1]
        require("spec.support.tree").write(upper .. "/blob", ("x"):rep(1 << 20))
        assert(home.store:commit("large", "make large", { labels = { class = "old" } }))
        local gc = home.store:gc(OLD)
        fails_saying("failed_precondition", "1 of 4 snapshots, 1", gc:apply(assert(gc:plan()).id))
        assert.equal(4, #expect.names(home.store:walk()))
    end)

    it("refuses an old plan that takes too much of what is there by now", function()
        local home <close>, gc, plan = planned()
        assert(home.store:remove("stays"))
        fails_saying("failed_precondition", "by now it would remove 2 of 3 snapshots", gc:apply(plan.id))
        assert(home.store:remove("stays too"))
        fails_saying("failed_precondition", "by now it would remove all 2 snapshots", gc:apply(plan.id, { share = 1 }))
        committed(home.store, "new")
        assert(home.store:remove("o1"))
        assert.same({ 1, 1 }, (function(done) return { done.removed, done.gone } end)(assert(gc:apply(plan.id))))
    end)
end)
