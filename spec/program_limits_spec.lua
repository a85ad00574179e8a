--- A program ended at every limit and at every call, by its own fault, by its limits and by kill -9: the store is
--- what it was, rows, events and every directory.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local whole = require "spec.support.whole"
local world = require "spec.support.world"

local fails_saying = expect.fails_saying

--- Makes, commits, labels, holds and removes; step(n) stands before each call, and behind the last.
local PROGRAM = [[
local function step(n)
    emit(n)
    if n == args[1] then
        error("fault " .. n)
    end
end
step(1) assert(store:prepare("new", "base", { labels = { a = "b" } }))
step(2) assert(store:view("look", "base"))
step(3) assert(store:commit("layer", "new"))
step(4) assert(store:prepare("on it", "layer"))
step(5) assert(store:label("a1", { n = false, m = "1" }))
step(6) assert(store:update({ name = "a2", labels = { all = "new" } }))
step(7) assert(store:touch("base"))
step(8) assert(leases:create("lease"))
step(9) assert(leases:add("lease", { type = "snapshots/overlayfs", id = "a1" }))
step(10) assert(pins:add("a2", { reason = "why" }))
step(11) assert(store:remove("a3"))
step(12) assert(store:remove("on it"))
step(13) for info in store:walk("kind==view") do assert(store:remove(info.name)) end
step(14) assert(store:commit("full", "filled"))
step(15)
]]
local STEPS = 15

local function filled()
    local home = world.new()
    for i = 1, 5 do
        assert(home.store:prepare("a" .. i, nil, { labels = { n = tostring(i) } }))
    end
    home:layer("base")
    assert(home.store:prepare("filled"))
    return home
end

describe("the store after a program", function()
    it("changes by all of its calls, when nothing is wrong", function()
        local home <close> = filled()
        assert(home.store:program(PROGRAM))
        assert.same({ "a1", "a2", "a4", "a5", "base", "full", "layer" }, expect.names(home.store:walk()))
    end)

    it("is what it was when the program fails at any of its calls", function()
        local home <close> = filled()
        local before = whole.of(home.root)
        for n = 1, STEPS do
            fails_saying("internal", "fault " .. n, home.store:program(PROGRAM, { n }))
            assert.same(before, whole.of(home.root), "step " .. n)
        end
    end)

    it("is what it was when instructions run out, wherever that is", function()
        local home <close> = filled()
        local before = whole.of(home.root)
        local reached, places, ended, limit, all = {}, 0, 0, 20, false
        while not all do
            local last = 0
            local outcome, err = home.store:program(PROGRAM, {}, {
                instructions = limit, check = true, emit = function(n) last = n end,
            })
            all = outcome ~= nil
            if not all then
                assert.equal("resource_exhausted", err.kind, err.message)
                places, ended = places + (reached[last] and 0 or 1), ended + 1
                reached[last] = true
            end
            assert.same(before, whole.of(home.root), "limit " .. limit)
            limit = limit + 10
        end
        assert.is_true(ended > STEPS, ended)
        assert.is_true(places >= STEPS, places)
    end)

    it("ends at the same place each time by the same limit", function()
        local home <close> = filled()
        local places = {}
        for _ = 1, 3 do
            local steps = {}
            local _, err = home.store:program(PROGRAM, {}, {
                instructions = 300, emit = function(n) steps[#steps + 1] = n end,
            })
            places[#steps .. err.message] = true
        end
        assert.is_not_nil(next(places))
        assert.is_nil(next(places, next(places)))
    end)

    it("is what it was when memory, time or the stack run out", function()
        local home <close> = filled()
        local before = whole.of(home.root)
        local body = 'assert(store:prepare("x")) assert(store:remove("a1"))\n'
        fails_saying("resource_exhausted", "memory", home.store:program(
            body .. 'local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end', {}, { memory = 4 << 20 }))
        fails_saying("resource_exhausted", "0.05 seconds", home.store:program(body .. "while true do end", {},
            { seconds = 0.05, instructions = 1 << 50 }))
        local _, err = home.store:program(body .. "local function f() return 1 + f() end f()")
        assert.equal("resource_exhausted", err.kind, err.message)
        _, err = home.store:program(body .. '("x"):gsub(".", function() return ("x"):gsub(".", error) end)')
        assert.is_not_nil(err)
        fails_saying("resource_exhausted", "instructions", home.store:program(body .. "while true do pcall(error) end",
            {}, { instructions = 100000 }))
        assert.same(before, whole.of(home.root))
    end)

    it("counts the time that its calls take", function()
        local home <close> = filled()
        local before = whole.of(home.root)
        fails_saying("resource_exhausted", "0.05 seconds", home.store:program(
            'store:prepare("x") while true do store:stat("base") end', {}, { seconds = 0.05, instructions = 1 << 50 }))
        assert.same(before, whole.of(home.root))
    end)

    it("is what it was when whom it emits to fails", function()
        local home <close> = filled()
        local before = whole.of(home.root)
        local _, err = home.store:program(PROGRAM, {}, { emit = function(n)
            if n == 12 then
                error(moonsnap.error("unavailable", "nobody reads"), 0)
            end
        end })
        assert.equal("unavailable", err.kind)
        assert.same(before, whole.of(home.root))
    end)

    it("is what it was when the process is killed at any of its calls", function()
        local home <close> = filled()
        assert(home.store:cleanup())
        local before = whole.of(home.root)
        for n = 1, STEPS do
            local child <close> = process.worker("script", home.root, ([[
                assert(store:program(%q, {}, { seconds = 100, emit = function(n)
                    if n == %d then
                        print("at " .. n)
                        io.read("a")
                    end
                end }))
            ]]):format(PROGRAM, n))
            child:await("at " .. n)
            child:kill()
            local _, status = child:finish()
            assert.equal(128 + 9, status)
            assert(home.store:cleanup())
            assert.same(before, whole.of(home.root), "step " .. n)
        end
    end)
end)
