--- core.sandbox: one instruction that takes long. Tables whose keys collide take the square of their number, strings of
--- NULs long to compare; before a limit knew of it these took minutes.
local process = require "spec.support.process"
local boxes = require "spec.support.boxes"

--- Runs a script of the host in a process that is ended after a while: its output.
local function ran(text)
    local output, status = process.run({ "timeout", "60", "lua5.4", "-e", text },
        { ASAN_OPTIONS = process.asan_options() })
    assert.equal(0, status, output)
    return output
end

--- Keys that have places of their own in a table of half the size, and all the same when it grows.
local GROWING = "local t = {} for i = 1, (1 << 18) + 2 do t[i * ((1 << 19) - 1)] = true end"

describe("a table in a sandbox", function()
    it("goes over the instructions when its keys would collide as it grows", function()
        local output = ran(([[
            local boxes = require "spec.support.boxes"
            local box <close> = boxes.new({}, 64 << 20)
            local what, err, limit = boxes.call(box, %q, { instructions = 10000000 })
            print(what, limit, boxes.value(box, "return 'usable'"))]]):format(GROWING))
        assert.equal("failed\tinstructions\tusable\n", output)
    end)

    it("goes over the seconds that are left, before it grows", function()
        local output = ran(([[
            local boxes = require "spec.support.boxes"
            local box <close> = boxes.new({}, 64 << 20)
            local what, err, limit = boxes.call(box, %q, { seconds = 10 })
            print(what, limit, boxes.value(box, "return 'usable'"))]]):format(GROWING))
        assert.equal("failed\tseconds\tusable\n", output)
    end)

    it("may have many keys that are numbers", function()
        local box <close> = boxes.new({}, 64 << 20)
        local keys = { "i * 1024", "i * 4095", "i + 0.5", "1 / i", "-i", "1700000000000000000 + i * 1000000007" }
        for _, key in ipairs(keys) do
            local text = "local t, n = {}, 0 for i = 1, 70000 do t[%s] = true end"
                .. " for _ in pairs(t) do n = n + 1 end return n"
            local what, count = boxes.call(box, text:format(key), { instructions = 1000000 })
            assert.same({ "done", 70000 }, { what, count }, key)
        end
    end)

    it("is counted however often tables grow and go", function()
        local box <close> = boxes.new({}, 64 << 20)
        assert.equal("done", (boxes.call(box, [[for _ = 1, 20 do
            local t = {} for i = 1, 20000 do t[i * 3000017] = i end
            local list = {} for i = 1, 50000 do list[i] = i end
        end]])))
    end)
end)

describe("a text whose numbers collide", function()
    it("is not loaded", function()
        local output = ran [[
            local boxes = require "spec.support.boxes"
            local box <close> = boxes.new({}, 128 << 20)
            local words = {}
            for i = 1, (1 << 18) + 2 do words[i] = i * ((1 << 19) - 1) end
            print(box:load("policy.lua", "return {" .. table.concat(words, ",") .. "}"))
            print(boxes.value(box, "return 'usable'"))]]
        assert.equal("nil\tresource_exhausted: policy.lua: numbers that take too long to put into a table\n"
            .. "usable\n", output)
    end)
end)

describe("a table that leaves a sandbox", function()
    it("does not collide in the host", function()
        local output = ran [[
            local boxes = require "spec.support.boxes"
            local box <close> = boxes.new({}, 128 << 20)
            print(boxes.call(box, "local t = {} for i = 1, 600000 do t['k' .. i] = true end"
                .. " for k in pairs(t) do t[k] = nil end"
                .. " for i = 1, 1 << 18 do t[i * ((1 << 18) - 1)] = true end return t"))]]
        assert.matches("^failed\tinternal: policy.lua:1: result 1 cannot leave the sandbox: "
            .. "more than 8192 keys that are fractions or beyond a million", output)
    end)

    it("may have small numbers as keys, and some others", function()
        local box <close> = boxes.new({}, 64 << 20)
        local all = boxes.value(box, "local t = {} for i = -100000, 100000 do t[i] = 1 end"
            .. " for i = 1, 8000 do t[i + 0.5] = 1 end return t")
        assert.equal(1, all[-100000])
        assert.equal(1, all[8000.5])
    end)
end)

describe("strings of NULs in a sandbox", function()
    for name, text in pairs {
        ["made at once"] = "s = ('\\0'):rep(4 << 20)",
        ["grown"] = "s = ('\\0'):rep(1 << 15) for _ = 1, 7 do s = s .. s end",
        ["made in a coroutine"] = "s = coroutine.wrap(function() return ('\\0'):rep(4 << 20) end)()",
        ["compared in an older coroutine"] = [[
            local co = coroutine.wrap(function() coroutine.yield() s = ('\0'):rep(4 << 20) coroutine.yield() end)
            local old = coroutine.wrap(function() coroutine.yield() n = 0
            while true do local a = s < s n = n + 1 a = s <= s n = n + 1 end end) old() co() co() old()]],
    } do
        it("end the call after one comparison: " .. name, function()
            local box <close> = boxes.new({}, 64 << 20)
            local loop = " n = 0 while true do local a = s < s n = n + 1 a = s <= s n = n + 1 end"
            local _, limit = boxes.failure(box, text .. loop, { seconds = 0.015 })
            assert.equal("seconds", limit)
            assert.is_true((boxes.value(box, "return n or 0")) <= 2)
        end)
    end
end)
