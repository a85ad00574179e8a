--- What a program answers can be printed, or the program has not happened; and a limit is told as what it is.
local command = require "spec.support.command"
local expect = require "spec.support.expect"
local limits = require "moonsnap.program.limits"
local moonsnap = require "moonsnap"
local script = require "moonsnap.program.script"
local service = require "spec.support.service"
local world = require "spec.support.world"

local fails_saying = expect.fails_saying

describe("a program that returns what is no data", function()
    for returns, why in pairs {
        ["store"] = "result 1: a function is no data", ["1, { f = type }"] = "result 2: a function is no data",
        ["{ { [true] = 1 } }"] = "result 1: a boolean is no name",
    } do
        it(("is rolled back: %s"):format(returns), function()
            local home <close> = world.new()
            fails_saying("invalid_argument", why, home.store:program("store:prepare('a') return " .. returns))
            assert.same({}, expect.names(home.store:walk()))
        end)
    end

    it("is told without a trace by the command", function()
        local home <close> = world.new()
        local answer = command.run({ "bin/moonsnap", "program", "-" },
            { env = { MOONSNAP_ROOT = home.root }, stdin = "return store" })
        assert.equal(2, answer.code)
        assert.matches("^moonsnap: program: stdin: result 1: a function is no data\n", answer.err)
    end)
end)

describe("emit(value)", function()
    it("raises for what is no data, and the program may go on", function()
        local home <close> = world.new()
        local told = {}
        local outcome = assert(home.store:program("local ok, why = pcall(emit, store) emit(ok) return why",
            {}, { emit = function(value) told[#told + 1] = value end }))
        assert.same({ false }, told)
        assert.matches("emit: a function is no data", outcome.values[1])
    end)
end)

describe("a program whose time is over in slow work of the store", function()
    it("is over its limit, not canceled", function()
        local time = 0
        local values, err = script.run {
            sandbox = require("moonsnap.core").sandbox, name = "p.lua", args = {},
            text = "assert(store:commit('b', 'a'))",
            limits = limits.of { seconds = 1 }, failure = moonsnap.error, clock = function() return time end,
            handlers = { ["store.commit"] = function()
                time = 2
                return true, nil, moonsnap.error("canceled", "seal 'a': canceled")
            end },
        }
        fails_saying("resource_exhausted", "p.lua: over its limit of 1 seconds", values, err)
    end)
end)

describe("a program in a service that answers bytes which are no UTF-8", function()
    it("has them replaced: it was durable, and its caller was told that it had failed", function()
        local served <close> = service.start { mode = "direct" }
        local store <close> = moonsnap.connect { address = served.address }
        local told = {}
        local outcome = assert(store:program([[store:prepare("a") emit("b\xff") log("c\xff")
            return { ["d\xff"] = "e\xff" }, nil, "f"]], {}, {
            emit = function(value) told[#told + 1] = value end, log = function(text) told[#told + 1] = text end,
        }))
        assert.same({ "b\u{FFFD}", "c\u{FFFD}" }, told)
        assert.same({ { ["d\u{FFFD}"] = "e\u{FFFD}" }, nil, "f", n = 3 }, outcome.values)
        assert(store:stat("a"))
    end)
end)
