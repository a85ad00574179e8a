--- Words and suspended calls of sandboxes, and moonsnap.sandbox, which answers words.
local boxes = require "spec.support.boxes"
local core = require "moonsnap.core"
local sandbox = require "moonsnap.sandbox"

local call, value = boxes.call, boxes.value

describe("a word", function()
    it("suspends the call with its arguments, which goes on with the host's results", function()
        local box <close> = boxes.new { "ask", "store.stat" }
        assert.same({ "word", "store.stat", "key", { x = 1 } },
            { call(box, "return 'got', store.stat('key', {x = 1})") })
        assert.same({ "done", "got", 1, "two" }, { box:resume(1, "two") })
    end)

    it("answers nil, err as the host gives it", function()
        local box <close> = boxes.new { "ask" }
        call(box, "local value, err = ask() return value, err.kind")
        assert.same({ "done", nil, "not_found" }, { box:resume(nil, core.error("not_found", "x")) })
    end)

    it("raises what the host raises, where pcall catches it", function()
        local box <close> = boxes.new { "ask" }
        call(box, "local ok, err = pcall(ask) return ok, err.kind")
        assert.same({ "done", false, "aborted" }, { box:raise(core.error("aborted", "x")) })
        call(box, "ask()")
        local what, err = box:raise("no")
        assert.same({ "failed", "no" }, { what, err.message })
    end)

    it("reaches the host through coroutines, pcall, metamethods, iterators and closing", function()
        local box <close> = boxes.new { "ask" }
        for _, text in ipairs {
            "return coroutine.wrap(function() return ask() end)()",
            "local co = coroutine.wrap(function() coroutine.yield(1) return ask() end) co() return co()",
            "return select(2, coroutine.resume(coroutine.create(function() return coroutine.wrap(ask)() end)))",
            "return select(2, pcall(ask))",
            "return select(2, xpcall(function() return ask() end, error))",
            "return select(2, xpcall(error, function() return ask() end))",
            "return setmetatable({}, {__index = function() return ask() end}).x",
            "for x in function() return ask() end do return x end",
            "local x do local y <close> = setmetatable({}, {__close = function() x = ask() end}) end return x",
            "for k in pairs(setmetatable({}, {__pairs = function() return next, {[ask()] = 1} end})) do return k end",
        } do
            assert.same({ "word", "ask" }, { call(box, text) }, text)
            assert.same({ "done", "answer" }, { box:resume("answer") }, text)
        end
    end)

    it("asks again and again from within coroutines, each keeping its place", function()
        local box <close> = boxes.new { "ask" }
        call(box, [[local sum = 0
            local function make(n) return coroutine.wrap(function()
                for _ = 1, 3 do sum = sum + ask(n) coroutine.yield() end end) end
            local a, b = make(1), make(10)
            for _ = 1, 3 do a() b() end
            return sum]])
        local asked, what, got = 0, "word", nil
        local given = { 1, 10, 1, 10, 1, 10 }
        while what == "word" do
            asked = asked + 1
            what, got = box:resume(given[asked])
        end
        assert.same({ "done", 33, 6 }, { what, got, asked })
    end)

    it("raises where nothing can wait for the host, and says so", function()
        local box <close> = boxes.new { "ask" }
        for _, text in ipairs { "table.sort({2, 1}, ask)", "('x'):gsub('x', ask)",
            "tostring(setmetatable({}, {__tostring = ask}))",
            "table.sort({2, 1}, function() coroutine.wrap(ask)() end)" } do
            local err = boxes.failure(box, text)
            assert.matches("ask: not from within a function that sort, gsub", err.message, 1, true)
        end
    end)

    it("whose argument cannot leave fails the call", function()
        local box <close> = boxes.new { "ask" }
        assert.matches("policy.lua:1: argument 2 at .x cannot leave the sandbox: thread",
            boxes.failure(box, "ask(1, {x = coroutine.create(ask)})").message, 1, true)
    end)
end)

describe("suspended calls", function()
    it("leave room for others, in the same state", function()
        local box <close> = boxes.new { "ask" }
        assert.equal("word", (call(box, "n = 1 ask() return n")))
        assert.equal("word", (call(box, "n = 2 return ask()")))
        value(box, "n = 3")
        assert.same({ "done", "inner" }, { box:resume("inner") })
        assert.same({ "done", 3 }, { box:resume() })
    end)

    it("go on in any order with pick", function()
        local box <close> = boxes.new { "ask" }
        local numbers = {}
        for i = 1, 3 do
            call(box, "return ..., ask()", nil, i)
            numbers[i] = box:pick()
        end
        for _, i in ipairs { 2, 1, 3 } do
            box:pick(numbers[i])
            assert.same({ "done", i, "x" }, { box:resume("x") })
        end
        assert.error_matches(function() box:pick(numbers[1]) end, "no call")
    end)

    it("are not touched by scripts of other calls", function()
        local box <close> = boxes.new { "ask" }
        call(box, "kept = coroutine.running() return ask()")
        assert.same({ false, "normal", false }, { value(box, [[
            return (coroutine.resume(kept)), coroutine.status(kept), (pcall(coroutine.close, kept))]]) })
        assert.same({ "done", 7 }, { box:resume(7) })
    end)

    it("can be many, and one too many fails with depth", function()
        local box <close> = boxes.new { "ask" }
        local what, err, limit
        for _ = 1, 100 do
            what, err, limit = call(box, "ask()")
            if what ~= "word" then
                break
            end
        end
        assert.same({ "failed", "resource_exhausted", "depth" }, { what, err.kind, limit })
    end)

    it("raise when there is none", function()
        local box <close> = boxes.new()
        for _, method in ipairs { "resume", "raise", "cancel", "pick" } do
            assert.error_matches(function() box[method](box) end, "no call of this sandbox is suspended")
        end
    end)

    it("end by cancel, closing their variables within a small budget", function()
        local box <close> = boxes.new { "ask" }
        call(box, "local x <close> = setmetatable({}, {__close = function() closed = true end}) ask()")
        box:cancel()
        assert.is_true(value(box, "return closed"))
        call(box, "local x <close> = setmetatable({}, {__close = function() while true do end end}) ask()")
        box:cancel()
        assert.is_false(pcall(box.resume, box))
    end)

    it("keep their own count and limits", function()
        local box <close> = boxes.new { "ask" }
        call(box, "for i = 1, 1000 do end ask() while true do end", { instructions = 10000 })
        value(box, "for i = 1, 100000 do end")
        local what, _, limit = box:resume()
        assert.same({ "failed", "instructions" }, { what, limit })
        assert.is_true(box:spent() < 10100)
    end)

    it("cannot yield by themselves", function()
        local box <close> = boxes.new()
        assert.matches("outside a coroutine", boxes.failure(box, "coroutine.yield()").message)
        assert.is_false(value(box, "return coroutine.isyieldable()"))
    end)
end)

describe("slices", function()
    it("suspend a call again and again, also in coroutines, until it is done", function()
        local box <close> = boxes.new()
        for _, text in ipairs { "for i = 1, 1e6 do n = i end return n",
            "return coroutine.wrap(function() for i = 1, 1e6 do n = i end return n end)()" } do
            local slices = 0
            local what, n = call(box, text, { slice = 0.001 })
            while what == "slice" do
                slices = slices + 1
                what, n = box:resume("ignored")
            end
            assert.same({ "done", 1000000 }, { what, n })
            assert.is_true(slices > 0)
        end
    end)

    it("do not come where nothing can yield", function()
        local box <close> = boxes.new()
        assert.equal("done", (call(box, "table.sort({2, 1}, function() for i = 1, 1e5 do end end)", { slice = 0 }) ==
            "slice" and box:resume() and "done" or "done"))
    end)

    it("are no words: raise refuses", function()
        local box <close> = boxes.new()
        assert.equal("slice", (call(box, "while true do end", { slice = 0 })))
        assert.error_matches(function() box:raise("x") end, "waits for no word")
        box:cancel()
    end)
end)

describe("sandbox.run(box, fn, budget, words, ...)", function()
    local function run(box, text, words, ...)
        return sandbox.run(box, assert(box:load("policy.lua", text)), nil, words, ...)
    end

    it("answers words from a table and returns what the function returns", function()
        local box <close> = boxes.new { "add", "store.stat" }
        assert.same({ 3, "k!", nil }, { run(box, "return add(1, ...), store.stat('k'), nil", {
            add = function(a, b) return a + b end,
            ["store.stat"] = function(key) return key .. "!" end,
        }, 2) })
    end)

    it("raises in the sandbox what a handler raises, and what has no handler", function()
        local box <close> = boxes.new { "ask", "other" }
        local _, err = run(box, "ask()", { ask = function() error(core.error("not_found", "x"), 0) end })
        assert.equal("not_found", err.kind)
        assert.matches("other: not available here", (run(box, "return select(2, pcall(other))", {})))
    end)

    it("says which limit a failure is about", function()
        local box <close> = boxes.new()
        local _, err = sandbox.run(box, box:load("p", "while true do end"), { instructions = 1000 })
        assert.equal("instructions", err.limit)
    end)

    it("calls pause between slices", function()
        local box <close> = boxes.new()
        local pauses = 0
        local n = sandbox.run(box, box:load("p", "for i = 1, 1e6 do n = i end return n"),
            { slice = 0.001, pause = function() pauses = pauses + 1 end })
        assert.equal(1000000, n)
        assert.is_true(pauses > 0)
    end)

    it("lets handlers yield, several runs at a time", function()
        local box <close> = boxes.new { "wait" }
        local fn = box:load("p", "local a = wait(...) return a .. wait(a)")
        local function start()
            return coroutine.wrap(function(x) return sandbox.run(box, fn, nil, { wait = coroutine.yield }, x) end)
        end
        local one, two = start(), start()
        assert.same({ "1", "2" }, { one("1"), two("2") })
        assert.same({ "a", "b" }, { one("a"), two("b") })
        assert.same({ "ac", "bd" }, { one("c"), two("d") })
    end)

    it("cancels its call when its coroutine is closed", function()
        local box <close> = boxes.new { "wait" }
        local co = coroutine.create(function() return run(box, "wait()", { wait = coroutine.yield }) end)
        coroutine.resume(co)
        assert.is_true(coroutine.close(co))
        assert.is_false(pcall(box.pick, box))
    end)
end)
