--- core.sandbox: calls, words, values that cross, frames. Its limits have a file of their own.
local boxes = require "spec.support.boxes"
local core = require "moonsnap.core"

local call, value, failure = boxes.call, boxes.value, boxes.failure

describe("sandbox.new(options)", function()
    it("raises for memory that is no number of bytes, or too little", function()
        for _, memory in ipairs { "x", 0, -1, 1.5, 5000 } do
            assert.error_matches(function() core.sandbox.new { memory = memory } end, "memory")
        end
    end)

    it("gives the globals of Lua that touch nothing outside", function()
        local box <close> = boxes.new()
        local names = {}
        for name in value(box, [[local all = {} for name in pairs(_G) do all[#all + 1] = name end
            table.sort(all) return table.concat(all, " ")]]):gmatch("%S+") do
            names[#names + 1] = name
        end
        assert.same({ "_G", "_VERSION", "assert", "coroutine", "error", "getmetatable", "ipairs", "math", "next",
            "pairs", "pcall", "rawequal", "rawget", "rawlen", "rawset", "select", "setmetatable", "string", "table",
            "tonumber", "tostring", "type", "utf8", "xpcall" }, names)
        assert.is_nil(value(box, "return string.dump"))
    end)

    it("makes states that know nothing of each other", function()
        local one <close> = boxes.new()
        local two <close> = boxes.new()
        value(one, "x = 1")
        assert.is_nil(value(two, "return x"))
    end)
end)

describe("sandbox:load(name, text)", function()
    it("answers what is wrong, and where", function()
        local box <close> = boxes.new()
        local fn, err = box:load("policy.lua", "local x\nx = = 1")
        assert.is_nil(fn)
        assert.equal("invalid_argument", err.kind)
        assert.matches("^policy.lua:2: unexpected symbol", err.message)
    end)

    it("refuses bytecode", function()
        local box <close> = boxes.new()
        local fn, err = box:load("policy.lua", string.dump(function() end))
        assert.is_nil(fn)
        assert.matches("binary", err.message)
    end)

    it("answers resource_exhausted for a text that the state has no memory for", function()
        local box <close> = boxes.new({}, 60000)
        local fn, err = box:load("policy.lua", "return {" .. ("'%d',"):rep(20000) .. "}")
        assert.is_nil(fn)
        assert.equal("resource_exhausted", err.kind)
        assert.equal(1, value(box, "return 1"))
    end)
end)

describe("what crosses", function()
    it("comes back as it was", function()
        local box <close> = boxes.new()
        local all = { 1, 2.5, "a\0b", true, false, { x = { y = "z" }, [1.5] = 2, [true] = false }, math.mininteger,
            1 / 0, ("long"):rep(100) }
        local fn = box:load("policy.lua", "return ...")
        assert.same({ "done", table.unpack(all) }, { box:call(fn, nil, table.unpack(all)) })
        assert.equal(5, select("#", box:call(fn, nil, nil, 1, nil, nil)))
        assert.equal("integer", math.type(select(2, box:call(fn, nil, 3))))
        assert.equal("float", math.type(select(2, box:call(fn, nil, 3.0))))
    end)

    it("is a copy", function()
        local box <close> = boxes.new()
        local given = { 1 }
        assert.same({ 2 }, value(box, "local t = ... t[1] = 2 return t", given))
        assert.same({ 1 }, given)
    end)

    it("may be a function of the sandbox, which is itself when it goes in again", function()
        local box <close> = boxes.new()
        local fn = value(box, "f = function(a) return a + 1 end return f")
        assert.same({ "done", 42 }, { box:call(fn, nil, 41) })
        assert.is_true(value(box, "return ... == f", fn))
        local inside = value(box, "return { run = f }")
        assert.same({ "done", 2 }, { box:call(inside.run, nil, 1) })
    end)

    it("may be an error value: both sides see kind, message, errno", function()
        local box <close> = boxes.new()
        local kind, text, back = value(box, "local e = ... return e.kind, tostring(e), e",
            core.error("not_found", "no such key", 2))
        assert.equal("not_found", kind)
        assert.equal("not_found: no such key", text)
        assert.equal("not_found: no such key", tostring(back))
        assert.equal(2, back.errno)
    end)

    it("is refused coming in with its place: functions, threads, cycles, depth, strange keys", function()
        local box <close> = boxes.new()
        local cycle, deep = {}, {}
        cycle.again = cycle
        for _ = 1, 40 do
            deep = { deep }
        end
        local fn = box:load("policy.lua", "return ...")
        local function refused(text, given)
            local ok, err = pcall(box.call, box, fn, nil, given)
            assert.is_false(ok)
            assert.matches(text, err, 1, true)
        end
        refused("at .a.b: function", { a = { b = print } })
        refused("thread", coroutine.create(print))
        refused("too deep in each other, or one that holds itself", cycle)
        refused("too deep", deep)
        refused("a key that is no string, number or boolean", { [{}] = 1 })
        refused("userdata", io.stdout)
        assert.same({ "done", 1 }, { box:call(fn, nil, 1) })
    end)

    it("fails the call going out with its place", function()
        local box <close> = boxes.new()
        local function refused(text, script)
            local err = failure(box, script)
            assert.equal("internal", err.kind)
            assert.matches(text, err.message, 1, true)
        end
        refused("result 2 at .x[1] cannot leave the sandbox: thread", "return 1, {x = {coroutine.create(pairs)}}")
        refused("policy.lua:1: result 1", "return coroutine.create(type)")
        refused("holds itself", "local t = {} t.t = t return t")
        refused("a key that is no", "return {[{}] = 1}")
        refused("more than 1000000 entries", [[local t = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
            for i = 1, 6 do t = {t, t, t, t, t, t, t, t, t, t} end return t]])
    end)

    it("does not if it is of another sandbox, or closed", function()
        local one <close> = boxes.new()
        local two <close> = boxes.new()
        local fn, other = one:load("a", "return ..."), two:load("b", "return 1")
        assert.error_matches(function() one:call(other) end, "of another sandbox")
        assert.error_matches(function() one:call(fn, nil, other) end, "of another sandbox")
        fn:close()
        assert.error_matches(function() one:call(fn) end, "closed")
    end)

    it("fails the call with its limit when there is no memory for it", function()
        local box <close> = boxes.new({}, 200000)
        local fn = box:load("policy.lua", "return #...")
        local what, err, limit = box:call(fn, nil, ("x"):rep(1 << 20))
        assert.same({ "failed", "resource_exhausted", "memory" }, { what, err.kind, limit })
        assert.same({ "done", 3 }, { box:call(fn, nil, "abc") })
    end)
end)

describe("a failure", function()
    it("has the script's text and place, kind internal, and a trace", function()
        local box <close> = boxes.new()
        local err, limit = failure(box, "local function inner()\n error('no')\nend\ninner()")
        assert.equal("policy.lua:2: no", err.message)
        assert.equal("internal", err.kind)
        assert.matches("policy.lua:2: in .*\npolicy.lua:4: in main chunk", err.trace)
        assert.is_nil(limit)
    end)

    it("keeps the kind of an error value, whatever a script has done to it", function()
        local box <close> = boxes.new()
        assert.equal("not_found", failure(box, "error((...))", nil, core.error("not_found", "x")).kind)
        local mended = failure(box, "local e = ... e.kind = 5 e.message = {} error(e)", nil, core.error("aborted", "x"))
        assert.equal("internal", mended.kind)
        assert.equal("string", type(mended.message))
    end)

    it("says what was raised when that is no message", function()
        local box <close> = boxes.new()
        assert.matches("raised a table", failure(box, "error({})").message)
        assert.matches("raised a nil", failure(box, "error()").message)
        assert.matches("raised a function", failure(box, "error(function() end)").message)
        assert.matches("raised a table", failure(box, "local t = {} t.t = t error(t)").message)
    end)

    it("closes variables", function()
        local box <close> = boxes.new()
        failure(box, "local x <close> = setmetatable({}, {__close = function() closed = true end}) error('x')")
        assert.is_true(value(box, "return closed"))
    end)
end)

describe("sandbox:frame(table)", function()
    local function frame(box)
        return box:frame { key = "k", labels = { a = "1", b = "2" }, list = { 10, 20, 30 } }
    end

    it("is read as any table", function()
        local box <close> = boxes.new()
        assert.same({ "k", "1", 2, 3, 60, 30, "table", "10,20,30", 20, "k", 3 }, { value(box, [[
            local r = ...
            local count, sum = 0, 0
            for _ in pairs(r.labels) do count = count + 1 end
            for _, v in ipairs(r.list) do sum = sum + v end
            local _, last = next(r.list, 2)
            return r.key, r.labels.a, count, #r.list, sum, last, type(r), table.concat(r.list, ","),
                select(2, table.unpack(r.list)), rawget(r, "key"), rawlen(r.list)]], frame(box)) })
    end)

    it("cannot be changed, at any depth, by any function", function()
        local box <close> = boxes.new()
        local fn = frame(box)
        for _, change in ipairs { "r.key = 1", "r.new = 1", "r.labels.a = 2", "rawset(r, 'key', 1)",
            "table.insert(r.list, 1)", "table.remove(r.list)", "table.sort(r.list, function(a, b) return a > b end)",
            "setmetatable(r, {})", "setmetatable({}, r)", "table.move({1}, 1, 1, 1, r.list)",
            "select(2, pairs(r)).key = 1" } do
            local ok = value(box, "local r = ... return pcall(function() " .. change .. " end)", fn)
            assert.is_false(ok, change)
        end
        assert.same({ key = "k", labels = { a = "1", b = "2" }, list = { 10, 20, 30 } }, value(box, "return ...", fn))
    end)

    it("does not show what is behind it", function()
        local box <close> = boxes.new()
        assert.is_nil(value(box, "return getmetatable(...)", frame(box)))
    end)

    it("frees its memory when the host has dropped it", function()
        local box <close> = boxes.new({}, 1 << 20)
        for _ = 1, 2000 do
            assert(box:frame { text = ("x"):rep(10000) })
        end
    end)
end)

describe("sandbox:set(name, value)", function()
    it("sets a global, or a field of one", function()
        local box <close> = boxes.new()
        box:set("limit", 5)
        box:set("gc.rules", { "a" })
        box:set("gc.count", value(box, "return function() return #gc.rules end"))
        assert.same({ 5, 1 }, { value(box, "return limit, gc.count()") })
    end)
end)

describe("sandbox:close()", function()
    it("ends it: every method raises, functions are closed, a second time does nothing", function()
        local open = core.open_count()
        local box = boxes.new()
        local fn = box:load("policy.lua", "return 1")
        box:close()
        box:close()
        for _, method in ipairs { "load", "call", "resume", "raise", "cancel", "pick", "spent", "memory", "frame" } do
            assert.error_matches(function() box[method](box, fn) end, "sandbox is closed")
        end
        assert.equal(open, core.open_count())
    end)

    it("works while a call is suspended", function()
        local box = boxes.new { "ask" }
        assert.equal("word", (call(box, "local x <close> = setmetatable({}, {__close = ask}) ask()")))
        box:close()
    end)
end)

describe("sandbox:spent()", function()
    it("says what the call that ended last has used", function()
        local box <close> = boxes.new()
        value(box, "local t = {} for i = 1, 10000 do t[i] = i end")
        local instructions, seconds, bytes = box:spent()
        assert.is_true(instructions >= 20000 and instructions < 60000)
        assert.is_true(seconds > 0 and seconds < 60)
        assert.is_true(bytes >= 160000 and bytes < 1000000)
    end)
end)
