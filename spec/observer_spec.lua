--- What is said of calls, by how they ended and how long they took; and that saying nothing costs little.
local dkjson = require "dkjson"
local log = require "moonsnap.service.process.log"
local observer = require "moonsnap.service.process.observer"
local prometheus = require "spec.support.prometheus"

local UNARY = { path = "/pkg.Service/Call", name = "Call", service = { name = "pkg.Service" } }
local STREAM = { path = "/pkg.Service/Watch", name = "Watch", stream = true, service = { name = "pkg.Service" } }
local CONTEXT = { id = "1f", peer = { uid = 7, gid = 8, pid = 9 }, namespace = "one",
    call = { path = function() return "/odd/Path" end } }

--- An observer and the entries that it has written.
local function new(level)
    local entries = {}
    local out = log.new {
        stream = { write = function(_, line) entries[#entries + 1] = dkjson.decode(line) end },
        format = "json", level = level or "info", now = function() return 0 end,
    }
    return observer.new(out), entries
end

--- Level and message of what a call that ended so is worth, at a level.
local function said(level, route, code, seconds)
    local watching, entries = new(level)
    watching:ended(route, CONTEXT, code, code == 0 and "" or "why", seconds)
    return entries[1] and entries[1].level .. ": " .. entries[1].msg or "nothing"
end

describe("of a call that ended", function()
    it("nothing is said at level info when it is the client's business", function()
        for _, code in ipairs { 0, 3, 4, 5, 6, 7, 8, 9, 10, 12 } do
            assert.equal("nothing", said("info", UNARY, code, 0.001), code)
            assert.equal("debug: call", said("debug", UNARY, code, 0.001), code)
        end
    end)

    it("what is ours is an error, what may pass a warning", function()
        for code, level in pairs { [2] = "error", [13] = "error", [15] = "error", [14] = "warn" } do
            assert.equal(level .. ": call failed", said("info", UNARY, code, 0.001), code)
        end
        assert.equal("nothing", said("error", UNARY, 14, 0.001))
    end)

    it("more than a second is a warning, but for streams", function()
        assert.equal("warn: slow call", said("info", UNARY, 0, 1.5))
        assert.equal("nothing", said("info", STREAM, 0, 100))
    end)

    it("a client that went away is told, but for streams, which end so", function()
        assert.equal("info: the client went away", said("info", UNARY, 1, 0.1))
        assert.equal("nothing", said("info", STREAM, 1, 0.1))
    end)

    it("UNAVAILABLE is nothing special while the service ends", function()
        local watching, entries = new()
        watching.ending = true
        watching:ended(STREAM, CONTEXT, 14, "the service ends", 5)
        assert.same({}, entries)
    end)

    it("the entry has who, what, how and how long", function()
        local watching, entries = new "debug"
        watching:ended(UNARY, CONTEXT, 5, "snapshot 'x'", 0.0421)
        assert.same({ time = "1970-01-01T00:00:00.000Z", level = "debug", msg = "call", request = "1f",
            method = "/pkg.Service/Call", code = "NOT_FOUND", error = "snapshot 'x'", duration_us = 42100, uid = 7,
            pid = 9, namespace = "one" }, entries[1])
    end)

    it("what nobody offers is counted under one name, whatever it was called", function()
        local watching, entries = new "debug"
        watching:ended(nil, CONTEXT, 12, "unknown service odd", 0)
        watching:ended(nil, CONTEXT, 12, "unknown service odd", 0)
        assert.equal("/odd/Path", entries[1].method)
        local read = prometheus.parse(watching.metrics:text())
        assert.equal(2, prometheus.value(read, "moonsnap_calls_total", { service = "unknown", code = "UNIMPLEMENTED" }))
        assert.equal(1, #read.moonsnap_calls_total.samples)
    end)

    it("a number that is no code of gRPC's is still one", function()
        local watching = new()
        watching:ended(UNARY, CONTEXT, 99, "", 0)
        local read = prometheus.parse(watching.metrics:text())
        assert.equal(1, prometheus.value(read, "moonsnap_calls_total", { code = "99" }))
    end)
end)
