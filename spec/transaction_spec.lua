local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails = expect.fails

--- Names in layers/ and work/: what a rollback must undo.
local function directories(home)
    return { tree.list(home.root .. "/layers"), tree.list(home.root .. "/work") }
end

local function events_of(store)
    local keys = {}
    for event in store:events() do
        keys[#keys + 1] = event.key
    end
    return keys
end

describe("store:transaction(fn)", function()
    it("returns what fn returns", function()
        local home <close> = world.new()
        assert.same({ 1, nil, "three" }, { home.store:transaction(function() return 1, nil, "three" end) })
    end)

    it("hands fn the store", function()
        local home <close> = world.new()
        assert(home.store:transaction(function(store) return store:prepare("a") end))
        assert.equal("active", assert(home.store:stat("a")).kind)
    end)

    it("commits all of several verbs", function()
        local home <close> = world.new()
        assert(home.store:transaction(function(store)
            assert(store:prepare("a"))
            assert(store:commit("b", "a"))
            assert(store:view("c", "b"))
            return true
        end))
        assert.same({ "b", "c" }, expect.names(home.store:walk()))
    end)

    it("commits when fn returns nothing", function()
        local home <close> = world.new()
        home.store:transaction(function(store) assert(store:prepare("a")) end)
        assert(home.store:stat("a"))
    end)

    it("shows others nothing before it ends", function()
        local home <close> = world.new()
        local other <close> = assert(home:open())
        home.store:transaction(function(store)
            assert(store:prepare("a"))
            fails("not_found", other:stat("a"))
        end)
        assert(other:stat("a"))
    end)

    it("is shared by the objects of other namespaces", function()
        local home <close> = world.new()
        local other = assert(home.store:namespace("other"))
        pcall(home.store.transaction, home.store, function()
            assert(other:prepare("a"))
            error("no")
        end)
        fails("not_found", other:stat("a"))
    end)

    it("raises when fn closes the store", function()
        local home <close> = world.new()
        assert.has_error(function()
            home.store:transaction(function(store) store:close() end)
        end)
        assert(home.store:prepare("still open"))
    end)
end)

--- How fn can end badly, and what the caller sees.
local ENDS = {
    { "raises", function() error("no luck", 0) end },
    { "yields", function() coroutine.yield() end },
    { "returns nil, err", function() return nil, moonsnap.error("aborted", "no luck") end },
}

describe("store:transaction(fn) that fails", function()
    for _, case in ipairs(ENDS) do
        it(("undoes rows when fn %s"):format(case[1]), function()
            local home <close> = world.new()
            assert(home.store:prepare("before"))
            pcall(home.store.transaction, home.store, function(store)
                assert(store:prepare("a"))
                assert(store:commit("b", "before"))
                return case[2]()
            end)
            assert.same({ "before" }, expect.names(home.store:walk()))
        end)

        it(("undoes directories when fn %s"):format(case[1]), function()
            local home <close> = world.new()
            assert(home.store:prepare("before"))
            local before = directories(home)
            pcall(home.store.transaction, home.store, function(store)
                assert(store:prepare("a"))
                assert(store:view("v"))
                return case[2]()
            end)
            assert.same(before, directories(home))
        end)

        it(("undoes event rows when fn %s"):format(case[1]), function()
            local home <close> = world.new()
            pcall(home.store.transaction, home.store, function(store)
                assert(store:prepare("a"))
                return case[2]()
            end)
            assert.same({}, events_of(home.store))
        end)

        it(("keeps what fn removed when fn %s"):format(case[1]), function()
            local home <close> = world.new()
            assert(home.store:prepare("a"))
            local before = directories(home)
            pcall(home.store.transaction, home.store, function(store)
                assert(store:remove("a"))
                return case[2]()
            end)
            assert(home.store:stat("a"))
            assert.same(before, directories(home))
        end)

        it(("leaves a store that checks clean when fn %s"):format(case[1]), function()
            local home <close> = world.new()
            assert(home.store:prepare("k"))
            assert(home.store:commit("base", "k"))
            assert(home.store:prepare("a", "base"))
            pcall(home.store.transaction, home.store, function(store)
                assert(store:commit("c", "a"))
                assert(store:prepare("b", "c"))
                return case[2]()
            end)
            assert.same({}, assert(home.store:check()))
        end)
    end

    it("raises again what fn raised, as it was", function()
        local home <close> = world.new()
        local thrown = { "a value" }
        local ok, caught = pcall(home.store.transaction, home.store, function() error(thrown) end)
        assert.is_false(ok)
        assert.equal(thrown, caught)
    end)

    it("answers the error that fn returned", function()
        local home <close> = world.new()
        fails("aborted", home.store:transaction(function() return nil, moonsnap.error("aborted", "x") end))
    end)

    it("raises when fn yields", function()
        local home <close> = world.new()
        assert.has_error(function() home.store:transaction(coroutine.yield) end)
    end)

    it("lets others write afterwards", function()
        local home <close> = world.new()
        local other <close> = assert(home:open())
        pcall(home.store.transaction, home.store, function() error("no") end)
        assert(other:prepare("a"))
    end)
end)

describe("store:transaction(fn) in another", function()
    it("undoes only its own", function()
        local home <close> = world.new()
        assert(home.store:transaction(function(store)
            assert(store:prepare("outer"))
            fails("aborted", store:transaction(function()
                assert(store:prepare("inner"))
                return nil, moonsnap.error("aborted", "x")
            end))
            return true
        end))
        assert.same({ "outer" }, expect.names(home.store:walk()))
        assert.equal(1, #tree.list(home.root .. "/layers"))
    end)

    it("is undone with the outer one, committed or not", function()
        local home <close> = world.new()
        pcall(home.store.transaction, home.store, function(store)
            assert(store:transaction(function() return store:prepare("inner") end))
            error("no")
        end)
        assert.same({ {}, {} }, directories(home))
    end)

    it("goes as deep as one likes", function()
        local home <close> = world.new()
        local function deeper(store, depth)
            assert(store:prepare("depth " .. depth))
            return depth == 20 or store:transaction(function() return deeper(store, depth + 1) end)
        end
        assert(deeper(home.store, 1))
        assert.equal(20, #expect.names(home.store:walk()))
    end)

    it("keeps what a call before it did, when a later call fails by itself", function()
        local home <close> = world.new()
        assert(home.store:transaction(function(store)
            assert(store:prepare("a"))
            fails("already_exists", store:prepare("a"))
            return true
        end))
        assert(home.store:stat("a"))
    end)
end)

describe("store:remove(key) in a transaction", function()
    it("leaves the layer in place until the outermost commit", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local layer = assert(home.store:layers("a"))[1]
        assert(home.store:transaction(function(store)
            assert(store:transaction(function() return store:remove("a") end))
            assert.is_true(tree.exists(layer))
            return true
        end))
        assert.is_false(tree.exists(layer))
    end)

    it("frees the key at once", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        assert(home.store:transaction(function(store)
            assert(store:remove("a"))
            return store:view("a")
        end))
        assert.equal("view", assert(home.store:stat("a")).kind)
    end)

    it("of what the same transaction made leaves nothing", function()
        local home <close> = world.new()
        assert(home.store:transaction(function(store)
            assert(store:prepare("a"))
            return store:remove("a")
        end))
        assert.same({ {}, {} }, directories(home))
    end)
end)

describe("a number that a rollback gave back", function()
    local function rolled_back(home)
        local number
        pcall(home.store.transaction, home.store, function(store)
            assert(store:prepare("a"))
            number = assert(store:stat("a")).number
            error("no")
        end)
        return number
    end

    it("is used again", function()
        local home <close> = world.new()
        local number = rolled_back(home)
        assert(home.store:prepare("b"))
        assert.equal(number, assert(home.store:stat("b")).number)
    end)

    it("takes an empty directory in its way for litter", function()
        local home <close> = world.new()
        tree.mkdir(("%s/layers/%d"):format(home.root, rolled_back(home)))
        assert(home.store:prepare("b"))
        assert.same({}, tree.list(home.root .. "/quarantine"))
    end)

    it("puts content in its way into quarantine", function()
        local home <close> = world.new()
        local way = tree.mkdir(("%s/layers/%d"):format(home.root, rolled_back(home)))
        tree.write(way .. "/precious", "x")
        assert(home.store:prepare("b"))
        local kept = tree.list(home.root .. "/quarantine")
        assert.equal("x", tree.read(("%s/quarantine/%s/precious"):format(home.root, kept[1])))
        assert.same({}, tree.list(assert(home.store:layers("b"))[1]))
    end)
end)
