--- Sandbox:question and Sandbox:ask.
local core = require "moonsnap.core"
local sandboxes = require "moonsnap.sandbox"

--- A sandbox, and questions of the functions that the text returns in a list; budgets by place.
local function asking(text, budgets)
    local box = assert(core.sandbox.new { memory = 4 * 1024 * 1024, words = { "word" } })
    local list = {}
    local _, functions = box:call(assert(box:load("t.lua", text)))
    for i, fn in ipairs(functions) do
        list[i] = box:question(fn, budgets and budgets[i])
    end
    return box, list
end

local NOTHING = "function() end"

local function texts(...)
    return "seen = {} return {" .. table.concat({ ... }, ",") .. "}"
end

describe("sandbox:ask(questions, first, last, frame)", function()
    it("answers nothing when none has anything to say, and each is asked once, in order", function()
        local one = "function(request) seen[#seen + 1] = request.n end"
        local box <close>, list = asking(texts(one, NOTHING, "function() return nil, nil end", one))
        assert.equal(0, select("#", box:ask(list, 1, 4, box:frame { n = 7 })))
        local _, seen = box:call(assert(box:load("t.lua", "return seen")))
        assert.same({ 7, 7 }, seen)
    end)

    it("asks from first to last", function()
        local say = "function() return 'said' end"
        local box <close>, list = asking(texts(say, NOTHING, NOTHING, say))
        assert.is_nil(box:ask(list, 2, 3, box:frame {}))
        assert.is_nil(box:ask(list, 3, 2, box:frame {}))
    end)

    it("stops at the first that says something: its place, and what call answers", function()
        local box <close>, list = asking(texts(NOTHING, "function(r) return { verdict = r.key } end", "error"))
        assert.same({ 2, "done", { verdict = "k" } }, { box:ask(list, 1, 3, box:frame { key = "k" }) })
    end)

    it("stops at the first that fails", function()
        local box <close>, list = asking(texts(NOTHING, "function() error('a bug') end"))
        local at, what, err = box:ask(list, 1, 2, box:frame {})
        assert.same({ 2, "failed", "t.lua:1: a bug" }, { at, what, err.message })
    end)

    it("gives each its own budget", function()
        local busy = "function() for i = 1, 3000 do end end"
        local box <close>, list = asking(texts(busy, busy, busy), { nil, { instructions = 100000 },
            { instructions = 1000 } })
        local at, what, _, limit = box:ask(list, 1, 3, box:frame {})
        assert.same({ 3, "failed", "instructions" }, { at, what, limit })
    end)

    it("stops where one asks for a word, and goes on as a call does", function()
        local box <close>, list = asking(texts(NOTHING, "function(r) return word(r.key) .. '!' end", NOTHING))
        local answered = table.pack(box:ask(list, 1, 3, box:frame { key = "k" }))
        assert.same({ 2, "word", "word", "k" }, { table.unpack(answered, 1, answered.n) })
        local words = { word = function(key) return "of " .. key end }
        assert.equal("of k!", sandboxes.go_on(box, nil, words, table.unpack(answered, 2, answered.n)))
        assert.is_nil(box:ask(list, 3, 3, box:frame {}))
    end)

    it("fills the frame with a value first, and clears it again when nobody says anything", function()
        local box <close>, list = asking(texts("function(r) seen[1] = r.caller.uid return r.say end"))
        local caller = { uid = 7 }
        local frame, kept = box:frame {}, { [caller] = box:frame { uid = "kept" } }
        assert.equal(0, select("#", box:ask(list, 1, 1, frame, { caller = caller }, kept)))
        assert.equal("kept", select(2, box:call(assert(box:load("t.lua", "return seen[1]")))))
        assert.has_error(function() box:ask(list, 1, 1, frame) end)
        assert.same({ 1, "done", "said" }, { box:ask(list, 1, 1, frame, { caller = caller, say = "said" }, kept) })
        assert.same({ 1, "done", "said" }, { box:ask(list, 1, 1, frame) })
    end)

    it("asks nobody when there is no memory for the value, or it cannot be in a sandbox", function()
        local box <close>, list = asking(texts("function() seen[1] = true end"))
        local frame = box:frame {}
        assert.is_false(box:ask(list, 1, 1, frame, { ("x"):rep(8 * 1024 * 1024) }))
        assert.has_error(function() box:ask(list, 1, 1, frame, { print }) end)
        assert.is_nil(select(2, box:call(assert(box:load("t.lua", "return seen[1]")))))
        assert.equal(0, select("#", box:ask(list, 1, 1, frame, {})))
    end)

    it("leaves nothing in the sandbox", function()
        local box <close>, list = asking(texts(NOTHING, NOTHING))
        local frame = box:frame { labels = { a = "b" } }
        local function held()
            for _ = 1, 1000 do
                box:ask(list, 1, 2, frame)
            end
            return box:memory()
        end
        assert.equal(held(), held())
    end)

    it("refuses lists without questions, questions and frames of another sandbox, and what is closed", function()
        local box <close>, list = asking(texts(NOTHING))
        local other <close>, others = asking(texts(NOTHING))
        local frame = box:frame {}
        assert.has_error(function() box:ask({ {} }, 1, 1, frame) end)
        assert.has_error(function() box:ask(list, 1, 2, frame) end)
        assert.has_error(function() box:ask(others, 1, 1, frame) end)
        assert.has_error(function() box:ask(list, 1, 1, other:frame {}) end)
        assert.has_error(function() box:question(function() end) end)
        frame:close()
        assert.has_error(function() box:ask(list, 1, 1, frame) end)
        list[1]:close()
        assert.has_error(function() box:ask(list, 1, 1, box:frame {}) end)
    end)
end)

describe("question:take()", function()
    it("tells what calls that said nothing have used, once", function()
        local box <close>, list = asking(texts("function(r) for i = 1, 1000 do end return r.say end"))
        box:ask(list, 1, 1, box:frame {})
        box:ask(list, 1, 1, box:frame {})
        box:ask(list, 1, 1, box:frame { say = true })
        local calls, instructions, seconds = list[1]:take()
        assert.equal(2, calls)
        assert.is_true(instructions >= 2000 and instructions < 10000 and seconds > 0)
        assert.same({ 0, 0, 0.0 }, { list[1]:take() })
    end)

    it("is of a function that the host has let go of", function()
        local box <close> = assert(core.sandbox.new { memory = 4 * 1024 * 1024 })
        local _, fn = box:call(assert(box:load("t.lua", "return function() return 'still there' end")))
        local list = { box:question(fn) }
        fn:close()
        box:call(assert(box:load("t.lua", "local t = {} for i = 1, 10000 do t[i] = {} end")))
        assert.same({ 1, "done", "still there" }, { box:ask(list, 1, 1, box:frame {}) })
    end)
end)

describe("a frame", function()
    local function echoing()
        local box = assert(core.sandbox.new { memory = 4 * 1024 * 1024 })
        local _, fn = box:call(assert(box:load("t.lua", "return function(r) seen = r return r end")))
        return box, function(frame) return select(2, box:call(fn, nil, frame)) end
    end

    it("that is filled anew holds the other table; what a script has kept of the first stays as it was", function()
        local box <close>, echo = echoing()
        local frame = box:frame { key = "a", list = { 1, 2 } }
        assert.same({ key = "a", list = { 1, 2 } }, echo(frame))
        frame:clear()
        assert.has_error(function() echo(frame) end)
        local _, before = box:call(assert(box:load("t.lua", "return seen.key, #seen.list")))
        assert.equal("a", before)
        assert.equal(frame, frame:fill { key = "b" })
        assert.same({ key = "b" }, echo(frame))
    end)

    it("has frames in it for the tables that they are kept of", function()
        local box <close>, echo = echoing()
        local caller = { uid = 7 }
        local kept = { [caller] = box:frame { uid = "kept" } }
        assert.same({ caller = { uid = "kept" }, other = { uid = 7 } },
            echo(box:frame({ caller = caller, other = { uid = 7 } }, kept)))
        local _, can = box:call(assert(box:load("t.lua", "return pcall(function() seen.caller.uid = 1 end)")))
        assert.is_false(can)
    end)

    it("that there is no memory for is told", function()
        local box <close> = assert(core.sandbox.new { memory = 512 * 1024 })
        local frame, much = box:frame {}, { ("x"):rep(1024 * 1024) }
        for _, filled in ipairs { table.pack(box:frame(much)), table.pack(frame:fill(much)) } do
            assert.is_nil(filled[1])
            assert.equal("resource_exhausted", filled[2].kind)
        end
    end)
end)
