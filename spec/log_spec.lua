--- The service's log: one line an entry, for people or for programs, and never an order to a terminal.
local dkjson = require "dkjson"
local fcntl = require "posix.fcntl"
local log = require "moonsnap.service.process.log"
local sink = require "moonsnap.service.process.sink"
local unistd = require "posix.unistd"

local NOW = 1777863721042999999 -- 2026-05-04T03:02:01.042999999Z

--- A log into a list of lines.
local function new(format, level, coloured)
    local lines = {}
    local made = log.new {
        stream = { write = function(_, line) lines[#lines + 1] = line end }, format = format, level = level or "info",
        now = function() return NOW end, coloured = coloured,
    }
    return made, lines
end

describe("the log as text", function()
    it("is time, level, message and fields, aligned", function()
        local out, lines = new "text"
        out:info("ready", { address = "/run/s", pid = 7 })
        out:error("call failed", { method = "/a/B", code = "INTERNAL", error = "two words", request = "1f" })
        assert.same({
            "2026-05-04T03:02:01.042Z info   ready  pid=7 address=/run/s\n",
            '2026-05-04T03:02:01.042Z error  call failed  request=1f method=/a/B code=INTERNAL error="two words"\n',
        }, lines)
    end)

    it("has colours only when asked", function()
        local out, lines = new("text", "info", true)
        out:warn("slow")
        assert.equal("\27[2m2026-05-04T03:02:01.042Z\27[0m \27[33mwarn \27[0m  slow\n", lines[1])
    end)

    it("shows control characters, quotes and bytes that are no UTF-8 as what they are", function()
        local out, lines = new "text"
        out:info("a\nb\27[31m", { name = 'x"y\0', bad = "\xff\xc3", c1 = "\xc2\x9b", empty = "" })
        assert.equal("2026-05-04T03:02:01.042Z info   a\\nb\\u001b[31m  bad=\"\u{FFFD}\u{FFFD}\" c1=\"\\u009b\" "
            .. "empty=\"\" name=\"x\\\"y\\u0000\"\n", lines[1])
    end)
end)

describe("the log as JSON", function()
    it("is an object a line that a reader of JSON takes", function()
        local out, lines = new "json"
        local fields = { address = 'a"b\\c\n\27\127\xc2\x85é', bad = "\xff", number = 3, part = 0.5, yes = true,
            ["odd\nname"] = "x", infinite = math.huge }
        out:info("m\1", fields)
        assert.equal(1, select(2, lines[1]:gsub("\n", "")))
        local read, _, wrong = dkjson.decode(lines[1])
        assert.is_nil(wrong)
        assert.same({ time = "2026-05-04T03:02:01.042Z", level = "info", msg = "m\1", address = fields.address,
            bad = "\u{FFFD}", number = 3, part = 0.5, yes = true, ["odd\nname"] = "x", infinite = nil }, read)
        assert.is_nil(lines[1]:find("[%z\1-\9\11-\31\127]"))
    end)

    it("has the known fields first", function()
        local out, lines = new "json"
        out:info("x", { zeta = 1, alpha = 2, uid = 0, request = "1", code = "OK" })
        assert.is_truthy(lines[1]:find('"msg":"x","request":"1","code":"OK","uid":0,"alpha":2,"zeta":1}', 1, true))
    end)

    it("keeps large integers whole", function()
        local out, lines = new "json"
        out:info("x", { n = math.maxinteger, duration_us = 123456789012345678 })
        assert.is_truthy(lines[1]:find('"duration_us":123456789012345678,"n":9223372036854775807}', 1, true))
    end)
end)

describe("a long value", function()
    it("is cut, between two characters", function()
        local out, lines = new "json"
        out:info("x", { text = ("é"):rep(3000), bytes = ("\x80"):rep(3000) })
        local read = assert(dkjson.decode(lines[1]))
        assert.equal(("é"):rep(1000) .. "...", read.text)
        assert.is_true(#read.bytes < 7000)
        out, lines = new "text"
        out:info("x", { text = ("y"):rep(3000) })
        assert.is_truthy(lines[1]:find(("text=\"%s...\""):format(("y"):rep(2000)), 1, true))
    end)
end)

describe("a reader of the log that does not read", function()
    it("loses lines, is told how many, and nobody waits for it", function()
        local from, to = unistd.pipe()
        local out = log.new { stream = sink.new(to), format = "json", level = "info", now = function() return NOW end }
        for i = 1, 2000 do
            out:info("line", { number = i, text = ("x"):rep(100) })
        end
        local text = unistd.read(from, 1048576)
        local kept = select(2, text:gsub("\n", ""))
        assert.is_true(kept > 100 and kept < 2000)
        out:info("next")
        local first, second = unistd.read(from, 65536):match("^([^\n]*)\n([^\n]*)\n$")
        assert.same({ "warn", 2000 - kept }, { dkjson.decode(first).level, dkjson.decode(first).count })
        assert.equal("next", dkjson.decode(second).msg)
        unistd.close(from)
        unistd.close(to)
    end)

    it("makes no line wait that is longer than what there is room for", function()
        local from, to = unistd.pipe()
        fcntl.fcntl(to, fcntl.F_SETFL, fcntl.O_NONBLOCK) -- a write that would wait tears the line instead
        local out = log.new { stream = sink.new(to), format = "json", level = "info", now = function() return NOW end }
        unistd.write(to, ("."):rep(61440))
        local fields = { error = ("\1"):rep(5000) }
        for i = 1, 8 do
            fields["field" .. i] = ("\xff"):rep(3000)
        end
        out:info("long", fields)
        local line = unistd.read(from, 1048576):sub(61441)
        local entry = assert(dkjson.decode(line), line)
        assert.equal("long", entry.msg)
        assert.equal(("\1"):rep(20), entry.error:sub(1, 20))
        assert.equal(("\u{FFFD}"):rep(20), entry.field8:sub(1, 60))
        unistd.close(from)
        unistd.close(to)
    end)

    it("is any that is a pipe or a socket; a file is always written", function()
        local fd = assert(fcntl.open("/dev/null", fcntl.O_WRONLY))
        assert.is_false(sink.new(fd).bounded)
        unistd.close(fd)
    end)
end)

describe("a level", function()
    it("writes itself and what is graver", function()
        for at, level in ipairs(log.LEVELS) do
            local out, lines = new("text", level)
            for _, other in ipairs(log.LEVELS) do
                out[other](out, "x")
                assert.equal(#lines > 0 and lines[#lines]:find(other, 1, true) ~= nil, out.on[other])
            end
            assert.equal(at, #lines)
        end
    end)

    it("can be set while it runs", function()
        local out, lines = new("text", "error")
        out:debug("one")
        out:set_level("debug")
        out:debug("two")
        out:set_level("info")
        out:debug("three")
        assert.equal(1, #lines)
        assert.is_true(out.on.info and not out.on.debug)
    end)
end)
