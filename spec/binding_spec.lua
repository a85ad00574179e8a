local moonsnap = require "moonsnap"
local expect = require "spec.support.expect"
local faults = require "spec.support.faults"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails = expect.fails
--- As assert, but cheap: operations are counted instruction by instruction.
local function ensure(...)
    if not ... then
        error((select(2, ...)), 0)
    end
    return ...
end

describe("an error value", function()
    it("prints as kind and message", function()
        assert.equal("not_found: no such thing", tostring(moonsnap.error("not_found", "no such thing")))
    end)

    it("cannot have a kind that there is not", function()
        assert.error_matches(function() moonsnap.error("broken", "x") end, "no error kind 'broken'")
    end)

    it("carries the system's number when the system said no", function()
        local home <close> = world.bare()
        tree.write(home.dir .. "/file")
        local _, err = moonsnap.open { root = home.dir .. "/file/root" }
        assert.equal("integer", math.type(err.errno))
    end)
end)

describe("misuse", function()
    it("raises for a key that is no string", function()
        local home <close> = world.new()
        assert.error_matches(function() home.store:prepare(7) end, "prepare: key: string expected, got integer")
    end)

    it("blames the line of the caller", function()
        local home <close> = world.new()
        local _, raised = pcall(function() home.store:stat() end)
        assert.matches("binding_spec.lua:%d+: stat: key", raised)
    end)

    it("raises for an unknown option and names the known ones", function()
        local home <close> = world.new()
        assert.error_matches(function() home.store:prepare("a", nil, { label = {} }) end,
            "unknown option 'label' %(known: filled, labels, lease, owner%)")
    end)

    it("raises for an option of the wrong type", function()
        local home <close> = world.new()
        assert.error_matches(function() home.store:remove("a", { later = "yes" }) end,
            "option later: boolean expected, got string")
    end)

    it("raises for labels that are no strings", function()
        local home <close> = world.new()
        assert.error_matches(function() home.store:prepare("a", nil, { labels = { n = 1 } }) end, "labels are strings")
    end)

    it("raises when the store is closed", function()
        local home <close> = world.new()
        home.store:close()
        assert.error_matches(function() home.store:stat("a") end, "store is closed")
    end)

    it("raises when an engine method gets a foreign self", function()
        local home <close> = world.new()
        local step = home.store:walk()
        assert.error_matches(function() step(io.stdout) end, "moonsnap.core.walk expected")
    end)

    it("raises when finalizers get a foreign self", function()
        local home <close> = world.new()
        local finalize = debug.getmetatable(home.store.engine).__gc
        assert.error_matches(function() finalize(io.stdout) end, "moonsnap.core.store expected")
    end)

    it("raises when a commit gets the seal of another store", function()
        local home <close> = world.new()
        local other <close> = world.new()
        assert(home.store:prepare("a"))
        assert(other.store:prepare("a"))
        local seal <close> = assert(other.store:seal("a"))
        assert.error_matches(function() home.store:commit("b", "a", { seal = seal }) end, "made by another store")
    end)

    it("raises when the store is closed inside its transaction", function()
        local home <close> = world.new()
        assert.error_matches(function()
            home.store:transaction(function(store) store:close() end)
        end, "close: a transaction is open")
    end)
end)

describe("a key", function()
    for what, key in pairs { ["is empty"] = "", ["holds a NUL"] = "a\0b", ["is no UTF-8"] = "a\xff" } do
        it("is refused as invalid_argument when it " .. what, function()
            local home <close> = world.new()
            fails("invalid_argument", home.store:prepare(key))
        end)
    end
end)

describe("store:walk()", function()
    local function filled()
        local home = world.new()
        for at = 1, 3 do
            assert(home.store:prepare("key " .. at))
        end
        return home
    end

    it("closes its walk on break", function()
        local home <close> = filled()
        local before = faults.open_objects()
        for _ in home.store:walk() do -- luacheck: ignore 512
            break
        end
        collectgarbage("stop")
        local after = package.loaded["moonsnap.core"].open_count()
        collectgarbage("restart")
        assert.equal(before, after)
    end)

    it("closes its walk when the body raises", function()
        local home <close> = filled()
        local before = faults.open_objects()
        collectgarbage("stop")
        pcall(function()
            for _ in home.store:walk() do
                error("enough")
            end
        end)
        local after = package.loaded["moonsnap.core"].open_count()
        collectgarbage("restart")
        assert.equal(before, after)
    end)

    it("answers nil again and again after its end", function()
        local home <close> = filled()
        local step, walk = home.store:walk("name==missing")
        assert.is_nil(step(walk))
        assert.is_nil(step(walk))
    end)

    it("is closed with its store", function()
        local home <close> = filled()
        local step, walk = home.store:walk()
        home.store:close()
        assert.error_matches(function() step(walk) end, "walk is closed")
    end)

    it("keeps its store alive", function()
        local home <close> = filled()
        local step, walk = moonsnap.open({ root = home.root }):walk()
        collectgarbage()
        collectgarbage()
        assert.equal("key 1", step(walk).name)
        walk:close()
        collectgarbage()
    end)

    it("raises the error value of a bad filter", function()
        local home <close> = world.new()
        local _, raised = pcall(home.store.walk, home.store, "kind==")
        assert.equal("invalid_argument", raised.kind)
    end)
end)

describe("closing a store", function()
    it("is fine a second time", function()
        local home <close> = world.new()
        home.store:close()
        assert.has_no.errors(function() home.store:close() end)
    end)

    it("closes what was made of it", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local seal = assert(home.store:seal("a"))
        home.store:close()
        assert.error_matches(function() seal:usage() end, "seal is closed")
    end)

    it("closes the objects of its other namespaces", function()
        local home <close> = world.new()
        local other = assert(home.store:namespace("other"))
        home.store:close()
        assert.error_matches(function() other:stat("a") end, "store is closed")
    end)
end)

--- What is done with a store, so that every box of the binding is made and filled once. Each gets
--- a store with a committed base, an active key and a source directory; those that open stores of their
--- own use another root, where SQLite has no reason to keep files for a second connection.
local operations = {
    open = function(home)
        local store <close> = ensure(moonsnap.open { root = home.other })
        return store.driver
    end,
    prepare = function(home)
        local store <close> = ensure(moonsnap.open { root = home.other })
        ensure(store:transaction(function()
            ensure(store:prepare("new", nil, { labels = { a = "b" } }))
            return nil, moonsnap.error("aborted", "only tried")
        end) == nil)
    end,
    walk = function(home)
        for info in home.store:walk("kind==active", "labels.a==b") do
            ensure(info.name)
        end
    end,
    commit = function(home)
        local seal = ensure(home.store:seal("active"))
        ensure(home.store:transaction(function(store)
            ensure(store:commit("name", "active", { seal = seal, labels = { c = "d" } }))
            return nil, moonsnap.error("aborted", "only tried")
        end) == nil)
        seal:close()
    end,
    import = function(home)
        local _, err = home.store:import("imported", home.source, { progress = function() return false end })
        if err.kind ~= "canceled" then
            error(err)
        end
    end,
    diff = function(home)
        for change in ensure(home.store:diff("base")) do
            ensure(change.path)
        end
    end,
    usage = function(home) ensure(home.store:usage("active")) end,
    update = function(home) ensure(home.store:update { name = "active", labels = { x = "y" } }) end,
    look = function(home)
        ensure(home.store:stat("base"))
        ensure(home.store:mounts("active"))
        ensure(home.store:layers("active"))
        ensure(home.store:namespaces())
        ensure(home.store:explain("kind==active"))
        ensure(home.store:mounted())
        for event in home.store:events() do
            ensure(event.topic)
        end
    end,
    check = function(home) ensure(home.store:check()) end,
}

local function prepared()
    local home = world.new()
    home.other = home.dir .. "/other"
    home.source = tree.mkdir(home.dir .. "/source")
    tree.write(home.source .. "/file", "content")
    assert(home.store:import("base", home.source))
    assert(home.store:prepare("active", "base", { labels = { a = "b" } }))
    return home
end

describe("when no memory is left", function()
    for what, operation in pairs(operations) do
        it("loses nothing at any allocation of " .. what, function()
            local home <close> = prepared()
            faults.at_allocations(home, operation)
        end)
    end
end)

describe("when Lua raises", function()
    for what, operation in pairs(operations) do
        it("loses nothing at any instruction of " .. what, function()
            local home <close> = prepared()
            faults.at_instructions(home, operation)
        end)
    end
end)
