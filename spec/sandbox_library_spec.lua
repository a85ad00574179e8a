--- The libraries of sandboxes that are not Lua's own code answer what Lua's own answer.
local boxes = require "spec.support.boxes"

--- Compares what text returns here and in the sandbox; text is an expression over the arguments a, b, c.
local function comparer(box)
    local compiled = {}
    return function(text, ...)
        local pair = compiled[text]
        if not pair then
            local source = "local a, b, c = ... return pcall(function() return " .. text .. " end)"
            pair = { assert(load(source, "=x")), assert(box:load("x", source)) }
            compiled[text] = pair
        end
        local here = table.pack(pair[1](...))
        local there = table.pack(box:call(pair[2], nil, ...))
        assert.equal("done", there[1])
        local where = ("%s with %q"):format(text, table.concat({ ... }, "|"))
        assert.equal(here[1], there[2], where .. ": " .. tostring(here[2]) .. " / " .. tostring(there[3]))
        for i = 2, here[1] and math.max(here.n, there.n - 1) or 0 do
            assert.same(here[i], there[i + 1], where)
        end
    end
end

--- A text of up to `most` of the pieces.
local function random(pieces, most)
    local all = {}
    for i = 1, math.random(0, most) do
        all[i] = pieces[math.random(#pieces)]
    end
    return table.concat(all)
end

local SUBJECT = { "a", "b", "ab", "x", "0", " ", "(", ")", "\0", "%", "-", "]", "\xff", "B" }
local PATTERN = { "a", "b", ".", "%a", "%d", "%s", "%W", "[ab]", "[^a]", "[a-x]", "[%a-]", "[]]", "[^]x]", "*",
"+", "-",
    "?", "(", ")", "()", "%1", "%b()", "%f[%w]", "^", "$", "%%", "\0", "[", "%", "x", "%z" }

describe("string, with patterns", function()
    local seed = require "spec.support.seed"
    math.randomseed(seed)

    for _, text in ipairs { "a:find(b)", "a:match(b)", "a:find(b, c)", "a:gsub(b, '<%0>')", "a:gsub(b, '%1', 2)",
        "a:gsub(b, {a = 'A', ab = true, b = false})", "a:gsub(b, function(x, y) return y end)", "a:find(b, c, true)",
        "(function() local t = {} for x, y in a:gmatch(b) do t[#t + 1] = {x, y} end return t end)()" } do
        it(text .. (" agrees with Lua (seed %d)"):format(seed), function()
            local box <close> = boxes.new({}, 64 << 20)
            local compare = comparer(box)
            for _ = 1, 3000 do
                compare(text, random(SUBJECT, 8), random(PATTERN, 5), math.random(-10, 10))
            end
        end)
    end

    it("gmatch goes on from an init", function()
        local box <close> = boxes.new()
        comparer(box)("a:gmatch('%a+', 3)()", "abcd ef")
        comparer(box)("a:gmatch('%a+', -2)()", "abcd ef")
        comparer(box)("a:gmatch('%a*', 100)()", "abcd ef")
    end)
end)

describe("string, the rest", function()
    it("agrees with Lua", function()
        local box <close> = boxes.new()
        local compare = comparer(box)
        for _, text in ipairs { "a:rep(3)", "a:rep(0)", "a:rep(-1)", "a:rep(3, ', ')", "('').rep('', 9, '-')",
        "a:upper()",
            "a:lower()", "a:reverse()", "a:byte(1, -1)", "a:sub(2, -2)", "#a", "string.char(97, 98)",
            "('%5.2f|%-5s|%q|%d|%x'):format(1.5, a, a, 3, 255)", "string.pack('>I2s1', 7, a)",
            "string.unpack('B', a)", "string.packsize('i4i8')", "a .. 1", "'10' + 5", "'3' * '4'", "-'2'",
            "10 // '3'",
            "'0x10' + 0", "' 5 ' + 0", "'a' + 1", "'1' < '2'", "a:len()", "tostring(1e15)", "tonumber('z', 36)",
            "tonumber('10', 99)", "tonumber(a)", "a.x", "('x'):bad()", "string.format('%d', 1.5)",
            "math.type('1' + 0)",
            "select('#', nil, nil)", "select(-1, 1, 2)", "2^53 | 0", "'abc' == 'abc'" } do
            compare(text, "Hello W\xc3\xb6rld\0!")
        end
    end)
end)

describe("table", function()
    it("agrees with Lua", function()
        local box <close> = boxes.new()
        local compare = comparer(box)
        for _, text in ipairs {
            "(function() local t = {1, 2} table.insert(t, 3) table.insert(t, 1, 0) return t end)()",
            "table.insert({1}, 5, 1)", "table.insert({1}, 0, 1)", "table.insert({1})", "table.insert({1}, 1, 2, 3)",
            "(function() local t = {1, 2, 3} return table.remove(t), table.remove(t, 1), t end)()",
            "table.remove({})", "table.remove({}, 0)", "table.remove({1}, 2)", "table.remove({1}, 3)",
            "table.remove({1}, -1)",
            "table.move({1, 2, 3}, 1, 3, 2)", "table.move({1, 2, 3}, 2, 3, 1)",
            "table.move({1, 2}, 1, 2, 1, {9, 9, 9})",
            "table.move({1}, 1, 0, 5)", "table.move({1}, 1, math.maxinteger, 2)", "table.concat({1, 'b', 2.5}, '-')",
            "table.concat({}, 'x')", "table.concat({1, 2, 3}, ',', 2, 3)", "table.concat({{}})",
            "table.concat({1}, ',', 1, 2)",
            "table.unpack({1, 2, 3})", "table.unpack({1, 2, 3}, 2)", "table.unpack({}, 1, 3)",
            "table.unpack({}, 1, 1e8)",
            "table.pack(1, nil, 3)", "table.pack()", "table.unpack({1, 2}, math.maxinteger, math.maxinteger)",
            "next({}, 'x')", "next({})", "rawlen('abc')", "rawlen(5)", "rawequal(a, a)",
            "#table.pack(table.unpack({}, 1, 200))",
            "table.sort({1, 'x'})" } do
            compare(text, "")
        end
    end)

    it("sorts as Lua does, and keeps equal ones in order", function()
        local box <close> = boxes.new()
        for size = 0, 130 do
            local list = {}
            for i = 1, size do
                list[i] = math.random(size)
            end
            local sorted = boxes.value(box, "local t = ... table.sort(t) return t", list)
            local down = boxes.value(box, "local t = ... table.sort(t, function(a, b) return a > b end) " ..
                "return t", list)
            table.sort(list)
            assert.same(list, sorted)
            table.sort(list, function(a, b) return a > b end)
            assert.same(list, down)
        end
        assert.equal("a1 b1 c1 a2 b2", boxes.value(box, [[local t = {"a1", "a2", "b1", "b2", "c1"}
            table.sort(t, function(a, b) return a:sub(2) < b:sub(2) end) return table.concat(t, " ")]]))
    end)
end)

describe("coroutine, pcall, metatables", function()
    it("agree with Lua", function()
        local box <close> = boxes.new()
        local compare = comparer(box)
        for _, text in ipairs {
            "coroutine.resume(coroutine.create(function(...) return select('#', ...), coroutine.yield(...) " ..
                "end), 1, 2)",
            "(function() local co = coroutine.create(error) return coroutine.resume(co, 'x'), " ..
                "coroutine.status(co) end)()",
            "(function() local co = coroutine.create(function() end) coroutine.resume(co) return " ..
                "coroutine.resume(co) end)()",
            "coroutine.wrap(function() error('x') end)()", "coroutine.wrap(function() error({}) end)()",
            "coroutine.status(coroutine.create(print or type))", "coroutine.resume(coroutine.running())",
            "coroutine.close(coroutine.create(type))", "coroutine.create(1)", "coroutine.resume(1)",
            "coroutine.status()",
            "(function() local co co = coroutine.create(function() return coroutine.status(co) end) " ..
                "return coroutine.resume(co) end)()",
            "(function() local co co = coroutine.wrap(function() return pcall(co) end) return co() end)()",
            "(function() local co = coroutine.create(function() local x <close> = setmetatable({}, {__close = " ..
                "function() " ..
                "error('c') end}) coroutine.yield() end) coroutine.resume(co) return coroutine.close(co) end)()",
            "pcall(error)", "pcall()", "pcall(1)", "pcall(error, nil)",
            "xpcall(error, function(e) return e .. '!' end, 'x')",
            "xpcall(type, type, 1)", "xpcall(type)", "xpcall(type, 1)",
            "select('#', pcall(type, 1))", "pcall(error, 'x', 2)", "getmetatable({})",
            "getmetatable(setmetatable({}, {__metatable = 'm'}))",
            "setmetatable(setmetatable({}, {__metatable = 1}), {})",
            "setmetatable({}, 1)", "setmetatable(1, {})", "#setmetatable({}, {__len = function() return 7 end})",
            "setmetatable({}, {__index = function(_, k) return k end}).abc",
            "(function() local t = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v + 1) " ..
                "end}) t.x = 1 " ..
                "return t.x end)()",
            "(function() for k, v in pairs(setmetatable({}, {__pairs = function() return next, {z = 1} end})) do " ..
                "return k, v end end)()",
            "tostring(setmetatable({}, {__tostring = function() return 'T' end}))",

            "utf8.len('h\xc3\xb6')", "utf8.len('\xff')", "utf8.offset('h\xc3\xb6x', 3)",
            "utf8.offset('h\xc3\xb6x', -1)",
            "utf8.codepoint('h\xc3\xb6', 1, -1)", "utf8.char(104, 246)", "utf8.offset('a', 5)", "utf8.len('abc', 4)",
            "(function() local t = {} for p, c in utf8.codes('h\xc3\xb6x') do t[#t + 1] = {p, c} end return t end)()",
        } do
            compare(text, "")
        end
    end)
end)

describe("what is refused", function()
    for _, text in ipairs { "table.concat({1, {}, 2})", "table.concat({1, nil, 3}, ',', 1, 3)", "table.sort({1}, 'x')",
        "table.sort({1, 2}, 'x')", "table.insert({}, 5, 1)", "table.insert({}, 1, 2, 3)", "table.move({}, 1, 2)",
        "table.unpack({}, 1, 1e7)", "('xx'):rep(1 << 62)", "('x'):find('[a')", "('x'):gsub('x', '%2')",
        "('x'):gsub('x', '%')", "('x'):gsub('x', error)", "('x'):match('(')", "utf8.codepoint('x', 5)" } do
        it("is said as Lua says it: " .. text, function()
            local box <close> = boxes.new()
            local source = "return pcall(function() return " .. text .. " end)"
            local here = { load(source, "@policy.lua")() }
            assert.same(here, { boxes.value(box, source) })
        end)
    end
end)
