--- A chunk of a service's console was ended wherever it was: in the midst of the service's own code, too, which left a
--- hole in the queue of writes and so ended the service.
local guarded = require "moonsnap.guarded"

local HOME = debug.getinfo(guarded.new, "S").source:match("^(.*)guarded%.lua$")

--- As a module of moonsnap's: what it does must not be done by half.
local pair = load([[
    local state, fn = ...
    state.first = state.first + 1
    if fn then fn() end
    for i = 1, 3 do local _ = tostring(i) end
    state.second = state.second + 1
]], HOME .. "pair.lua")

--- As what a console is given: text.
local function chunk(text, ...)
    return assert(load("local pair, state, more = ... return function() " .. text .. " end", "=stdin"))(pair, ...)
end

--- Ends fn at the n-th instruction that is looked at; was it ended?
local function ended_at(n, fn)
    local left = n
    local guard = guarded.new(function()
        left = left - 1
        return left <= 0 and "ended" or nil
    end, 1, true)
    local results = guard:call(fn, function(raised) return raised end)
    return not results[1] and results[2] == "ended", guard
end

describe("a guard that spares moonsnap's own code", function()
    it("ends a chunk between its calls, never in one", function()
        local ended = 0
        for n = 1, 150 do
            local state = { first = 0, second = 0 }
            if ended_at(n, chunk("for _ = 1, 5 do pair(state) end", state)) then
                ended = ended + 1
            end
            assert.equal(state.first, state.second, "at instruction " .. n)
        end
        assert.is_true(ended > 50, ended)
    end)

    it("spares what such code calls of others", function()
        local others = load("local n = 0 for i = 1, 10 do n = n + i end return n", "@/usr/share/lua/5.4/other.lua")
        for n = 1, 60 do
            local state = { first = 0, second = 0 }
            ended_at(n, chunk("pair(state, more)", state, others))
            assert.equal(state.first, state.second, "at instruction " .. n)
        end
    end)

    it("ends a chunk's own function that such code calls, and its loops for ever", function()
        local state = { first = 0, second = 0 }
        assert.is_true((ended_at(50, chunk("pair(state, function() while true do end end)", state))))
        assert.same({ 1, 0 }, { state.first, state.second }) -- as when it raises itself
        assert.is_true((ended_at(50, chunk("while true do pcall(error) end"))))
    end)

    it("spares it in the chunk's coroutines, too", function()
        for n = 1, 150 do
            local state = { first = 0, second = 0 }
            local left = n
            local guard = guarded.new(function()
                left = left - 1
                return left <= 0 and "ended" or nil
            end, 1, true)
            guard:call(chunk("more(function() for _ = 1, 5 do pair(state) end end)()", state, guard.coroutine.wrap),
                tostring)
            assert.equal(state.first, state.second, "at instruction " .. n)
        end
    end)
end)
