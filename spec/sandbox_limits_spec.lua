--- core.sandbox: whatever a script does, its call ends. Each script runs in a process that is ended after a while: what
--- does not stop by itself fails.
local process = require "spec.support.process"
local boxes = require "spec.support.boxes"

--- Expects that text goes over a limit, and that the sandbox is of use afterwards.
local function stops(limit, text, ...)
    local output, status = process.run({ "timeout", "60", "lua5.4", "spec/support/runaway.lua", text, ... },
        { ASAN_OPTIONS = process.asan_options() })
    assert.equal(0, status, output)
    assert.matches("^failed\t" .. limit .. "\tresource_exhausted: ", output)
    assert.matches("usable\n$", output)
end

local MANY, TIME, STATE = "instructions=3e6", "seconds=0.2", "state=8e6"

describe("instructions end", function()
    for name, text in pairs {
        ["a loop"] = "while true do end",
        ["a loop in pcall in a loop"] = "while true do pcall(function() while true do end end) end",
        ["a loop in xpcall whose handler loops"] =
            "local function loop() while true do end end while true do xpcall(loop, loop) end",
        ["a handler that loops"] = "xpcall(error, function() while true do end end)",
        ["a loop in a coroutine"] = "coroutine.wrap(function() while true do end end)()",
        ["coroutines without end, of a few instructions each"] =
            "while true do coroutine.wrap(function() end)() end",
        ["a coroutine that is resumed without end"] =
            "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end",
        ["a loop in a coroutine in pcall in a coroutine"] = [[local wrap = coroutine.wrap while true do wrap(function()
            while true do pcall(wrap(function() while true do end end)) end end)() end]],
        ["a loop in a comparison that sort calls"] =
            "pcall(table.sort, {2, 1, 3}, function() while true do end end) while true do end",
        ["a loop in a coroutine in a comparison"] = [[pcall(table.sort, {2, 1}, function()
            while true do pcall(coroutine.wrap(function() while true do end end)) end end) while true do end]],
        ["a loop in a metamethod"] =
            "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
        ["a loop in __tostring"] =
            "return pcall(tostring, setmetatable({}, {__tostring = function() while true do end end}))",
        ["a loop in a variable's closing"] =
            "do local x <close> = setmetatable({}, {__close = function() while true do end end}) end",
        ["a loop in closing after an error"] =
            "local x <close> = setmetatable({}, {__close = function() while true do end end}) while true do end",
        ["a loop when a coroutine is closed"] = [[local co = coroutine.create(function()
            local x <close> = setmetatable({}, {__close = function() while true do end end}) coroutine.yield() end)
            coroutine.resume(co) while true do pcall(coroutine.close, co) end]],
        ["a loop in closing, in a coroutine in a comparison"] = [[table.sort({2, 1}, function()
            coroutine.wrap(function() local x <close> = setmetatable({}, {__close = function()
            while true do end end}) while true do end end)() end)]],
        ["a loop in what gsub calls"] = "(('x'):rep(100)):gsub('x', function() while true do end end)",
        ["a loop of nexts"] = "local function f() while true do end end for _ in f do end",
    } do
        it(name, function() stops("instructions", text, MANY) end)
    end
end)

describe("instructions end work in C:", function()
    for name, text in pairs {
        ["find that goes back"] = "return (('a'):rep(30)):find(('a?'):rep(30) .. ('a'):rep(30))",
        ["match that goes back"] = "return (('a'):rep(5000)):match('.-.-.-.-b')",
        ["gmatch that goes back"] = "for x in (('a'):rep(3000)):gmatch('.-.-.-b') do end",
        ["gsub that goes back"] = "return (('a'):rep(3000)):gsub('.-.-.-b', '')",
        ["%b"] = "return (('('):rep(30000)):find('%b()')",
        ["a long set"] = "local set = '[' .. ('b'):rep(10000) .. ']' return (('a'):rep(10000)):find(set)",
        ["a long set, scanned at every place"] = "return (('a'):rep(9000)):find('x?[' .. ('b'):rep(9000) .. ']c')",
        ["a capture matched again"] = "return (('a'):rep(20000)):find('^(a*)a*%1b')",
        ["find by string methods, on and on"] = "local s = ('a'):rep(100000) while true do s:find('b') end",
        ["plain find, on and on"] = "local s = ('a'):rep(100000) while true do s:find('b', 1, true) end",
        ["plain find of the worst needle"] =
            "local s = ('a'):rep(1e6) while true do s:find(('a'):rep(1e5) .. 'b', 1, true) end",
        ["rep"] = "while true do local s = ('x'):rep(1e6) end",
        ["upper"] = "local s = ('x'):rep(1e5) while true do s:upper() end",
        ["byte"] = "local s = ('x'):rep(1e4) while true do s:byte(1, -1) end",
        ["format"] = "local s = ('x'):rep(1e5) while true do s = ('%.99s'):format(s) .. s end",
        ["pack"] = "while true do string.pack('c100000', '') end",
        ["tonumber"] = "local s = ('0'):rep(1e5) while true do tonumber(s) end",
        ["concat"] = "local t = {} for i = 1, 10000 do t[i] = 'x' end while true do table.concat(t) end",
        ["sort"] = "local t = {} for i = 1, 1000 do t[i] = i end while true do table.sort(t) end",
        ["sort with a nonsensical order"] = [[local t = {} for i = 1, 1000 do t[i] = i end
            while true do table.sort(t, function() return true end) end]],
        ["sort of long strings"] = [[local t, p = {}, ('x'):rep(20000) for i = 1, 100 do t[i] = p .. i % 7 end
            while true do table.sort(t) end]],
        ["a length that lies, in insert"] =
            "table.insert(setmetatable({}, {__len = function() return 1 << 62 end}), 1, 1)",
        ["a length that lies, in remove"] =
            "table.remove(setmetatable({}, {__len = function() return 1 << 62 end}), 1)",
        ["a length that lies, in concat"] = [[table.concat(setmetatable({}, {__len = function() return 1 << 62 end,
            __index = function() return '' end}))]],
        ["a length that lies, in sort"] = "table.sort(setmetatable({}, {__len = function() return 1 << 30 end}))",
        ["move of a huge range"] = "table.move({}, 1, 1 << 62, 2)",
        ["move of a huge range downwards"] = "table.move({}, 2, 1 << 62, 1)",
        ["unpack, on and on"] = "while true do table.unpack({}, 1, 1e5) end",
        ["utf8.len"] = "local s = ('x'):rep(1e5) while true do utf8.len(s) end",
        ["utf8.offset"] = "local s = ('x'):rep(1e5) while true do utf8.offset(s, -1e5) end",
        ["utf8.codes"] = [[local s = 'x' .. ('\x80'):rep(1e5)
            while true do pcall(function() for _ in utf8.codes(s) do end end) end]],
        ["setmetatable of a huge one"] = [[local t, huge = {}, {} for i = 1, 50000 do huge[i] = i end
            setmetatable({}, t) while true do setmetatable(t, huge) end]],
        ["collections at the limit of memory"] = [[local t = {} for i = 1, 60000 do t[i] = {} end
            while true do local s = ('x'):rep(1000000) end]],
    } do
        it(name, function() stops("instructions", text, MANY, STATE) end)
    end
end)

describe("seconds end", function()
    for name, text in pairs {
        ["a loop"] = "while true do end",
        ["a loop in pcall"] = "while true do pcall(function() while true do end end) end",
        ["find that goes back"] = "return (('a'):rep(30)):find(('a?'):rep(30) .. ('a'):rep(30))",
        ["big blocks"] = "while true do local s = ('x'):rep(3e6) end",
        ["big numerals"] = "local s = ('0'):rep(2e6) while true do local x = math.abs(s) end",
        ["big strings compared"] =
            "local a, b = ('x'):rep(2e6), ('x'):rep(2e6 - 1) .. 'x' while true do local x = a == b end",
    } do
        it(name, function() stops("seconds", text, TIME, STATE) end)
    end
end)

describe("memory ends", function()
    for name, text in pairs {
        ["a table that grows"] = "local t = {} for i = 1, 1e9 do t[i] = i end",
        ["tables in tables"] = "local t = {} while true do t = {t} end",
        ["tables in tables, in pcall"] =
            "while true do pcall(function() local t = {} while true do t = {t} end end) end",
        ["a string that doubles"] = "local s = 'x' while true do s = s .. s end",
        ["a string of any size"] = "return ('x'):rep(1 << 40)",
        ["pack of any size"] = "return string.pack('c2147483647', '')",
        ["coroutines"] = "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
        ["calls in calls"] = "local function f() return 1 + f() end f()",
        ["arguments of calls"] = "local function f(...) return f(1, ...) end f()",
        ["gsub's result"] = "return (('x'):rep(1e6)):gsub('x', ('y'):rep(1000))",
        ["a capture for each byte"] =
            "local t = {} for x in (('x'):rep(1e6)):gmatch('()') do t[#t + 1] = x .. '!' end",
    } do
        it(name, function() stops("memory", text, "memory=2e6") end)
        it(name .. ", in the state's own limit", function() stops("memory", text, "state=2e6") end)
    end

    it("what a call may use beyond what the state holds", function()
        local box <close> = boxes.new({}, 20e6 // 1 | 0)
        boxes.value(box, "kept = ('x'):rep(5000000)")
        local _, limit = boxes.failure(box, "local s = ('x'):rep(2000000)", { memory = 1000000 })
        assert.equal("memory", limit)
        assert.equal("done", (boxes.call(box, "local s = ('x'):rep(200000)", { memory = 1000000 })))
    end)
end)

describe("depth ends", function()
    for name, text in pairs {
        ["gsub in what gsub calls"] = "local function f() return (('x'):gsub('x', f)) end f()",
        ["sort in what sort calls"] = "local function f() table.sort({2, 1}, f) end f()",
        ["tostring in __tostring"] = [[local t = setmetatable({}, {}) getmetatable(t).__tostring = function()
            return tostring(t) end tostring(t)]],
        ["the same in pcall"] = "local function f() return (('x'):gsub('x', f)) end while true do pcall(f) end",
        ["coroutines in coroutines"] = "local function f() coroutine.wrap(f)() end f()",
        ["coroutines in coroutines, in pcall"] = "local function f() pcall(coroutine.wrap(f)) f() end f()",
        ["catching errors with many calls open"] = "local function f() pcall(f) error() end f()",
        ["errors in message handlers"] = "local function f() xpcall(error, f) error() end f()",
    } do
        it(name, function()
            local output, status = process.run({ "timeout", "60", "lua5.4", "spec/support/runaway.lua", text,
                "instructions=1e7", "seconds=20", "state=6e7" }, { ASAN_OPTIONS = process.asan_options() })
            assert.equal(0, status, output)
            assert.matches("^failed\t", output)
            assert.matches("usable\n$", output)
        end)
    end

    it("patterns that are too complex, with an error that pcall catches", function()
        local box <close> = boxes.new()
        for _, text in ipairs { "('x'):rep(1000), ('x?'):rep(1000)", "'x', ('('):rep(25) .. ('.-'):rep(300)" } do
            assert.matches("too complex", select(2, boxes.value(box, "return pcall(string.find, " .. text .. ")")))
        end
    end)

    it("closing in closing, with an error", function()
        local box <close> = boxes.new()
        boxes.value(box, [[local deepest
            local function make() local co = coroutine.create(function()
                local x <close> = setmetatable({}, {__close = function()
                    deepest = select(2, pcall(coroutine.close, make())) end}) coroutine.yield() end)
            coroutine.resume(co) return co end
            assert(coroutine.close(make()))]])
    end)

    it("chains of __call, without a crash", function()
        local box <close> = boxes.new()
        local _, limit = boxes.failure(box, "local t = setmetatable({}, {}) getmetatable(t).__call = t t()")
        assert.equal("depth", limit)
        boxes.failure(box, "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x")
    end)
end)

describe("a limit", function()
    it("is met at the same instruction each time", function()
        local script = "n = 0 while true do n = n + 1 if n % 10 == 0 then string.rep('x', n) end " ..
            "if n % 50 == 0 then coroutine.wrap(function() n = n + 0 end)() end end"
        local seen = {}
        for round = 1, 3 do
            local box <close> = boxes.new()
            for limit = 1000, 1100 do
                boxes.failure(box, script, { instructions = limit })
                local n = boxes.value(box, "return n")
                assert.equal(seen[limit] or n, n, ("limit %d, round %d"):format(limit, round))
                seen[limit] = n
            end
        end
        assert.is_true(seen[1100] > seen[1000])
    end)

    it("is exact", function()
        local box <close> = boxes.new()
        boxes.value(box, "function count() n = 0 while true do n = n + 1 end end")
        local count = boxes.value(box, "return count")
        local last = 1
        for limit = 10, 60 do
            box:call(count, { instructions = limit })
            local n = boxes.value(box, "return n")
            assert.is_true(n == last or n == last + 1, ("%d after %d"):format(n, last))
            last = n
        end
        assert.is_true(last >= 9)
    end)

    it("says in its text what and where", function()
        local box <close> = boxes.new()
        local err = boxes.failure(box, "local x\nwhile true do end", { instructions = 5000 })
        assert.equal("policy.lua:2: over its limit of 5000 instructions", err.message)
        err = boxes.failure(box, "while true do end", { seconds = 0.01 })
        assert.matches("over its limit of 0.01 seconds", err.message)
        err = boxes.failure(box, "return ('x'):rep(5000)", { memory = 1000 })
        assert.matches("over its limit of 1000 bytes", err.message)
    end)

    it("that is no number raises", function()
        local box <close> = boxes.new()
        local fn = box:load("policy.lua", "")
        for _, budget in ipairs { { instructions = "x" }, { instructions = -1 }, { seconds = 0 / 0 }, { memory = 1.5 },
            5 } do
            assert.is_false(pcall(box.call, box, fn, budget))
        end
    end)
end)
