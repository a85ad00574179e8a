--- The service's metrics: what is counted, the text of it, and the small HTTP server that answers it.
local endpoint = require "moonsnap.service.endpoint"
local expect = require "spec.support.expect"
local metrics = require "moonsnap.service.metrics"
local moonsnap = require "moonsnap"
local prometheus = require "spec.support.prometheus"

describe("metrics as text", function()
    it("counts, with labels whatever they hold", function()
        local all = metrics.new()
        local calls = all:counter("calls_total", "Calls,\nall \\ of them.", { "method", "code" })
        calls:add(1, 'a"b\\c\nd,e="f"', "OK")
        calls:add(2, 'a"b\\c\nd,e="f"', "OK")
        calls:add(1, "x", "")
        local read = prometheus.parse(all:text())
        assert.equal(3, prometheus.value(read, "calls_total", { method = 'a"b\\c\nd,e="f"', code = "OK" }))
        assert.equal(1, prometheus.value(read, "calls_total", { method = "x", code = "" }))
        assert.equal("Calls,\\nall \\\\ of them.", read.calls_total.help)
        assert.equal("counter", read.calls_total.kind)
    end)

    it("puts values into the first bucket that holds them", function()
        local all = metrics.new()
        local seconds = all:histogram("seconds", "Time.", { 0.1, 1 }, { "method" })
        local series = seconds:series("m")
        for _, value in ipairs { 0, 0.1, 0.11, 1, 1.5, 100 } do
            seconds:observe(series, value)
        end
        local read = prometheus.parse(all:text())
        assert.equal(2, prometheus.value(read, "seconds", { le = "0.1" }, "_bucket"))
        assert.equal(4, prometheus.value(read, "seconds", { le = "1" }, "_bucket"))
        assert.equal(6, prometheus.value(read, "seconds", { le = "+Inf", method = "m" }, "_bucket"))
        assert.equal(6, prometheus.value(read, "seconds", { method = "m" }, "_count"))
        assert.is_true(math.abs(prometheus.value(read, "seconds", nil, "_sum") - 102.71) < 1e-9)
    end)

    it("asks gauges when somebody looks", function()
        local all, value = metrics.new(), 1
        all:asked("gauge", "one", "One.", function() return value end)
        all:asked("gauge", "some", "Some.", function() return { a = 1, b = 2.5 } end, "kind")
        all:asked("gauge", "unknown", "Unknown.", function() return nil end)
        assert.equal(1, prometheus.value(prometheus.parse(all:text()), "one"))
        value = math.huge
        local read = prometheus.parse(all:text())
        assert.equal(math.huge, prometheus.value(read, "one"))
        assert.equal(2.5, prometheus.value(read, "some", { kind = "b" }))
        assert.same({}, read.unknown.samples)
    end)

    it("refuses a name twice", function()
        local all = metrics.new()
        all:counter("a_total", "A.")
        assert.has_error(function() all:counter("a_total", "A.") end)
    end)
end)

describe("the address of metrics", function()
    it("is a unix socket or a loopback port", function()
        local socket = require "posix.sys.socket"
        assert.same({ path = "/run/m" }, endpoint.parse("unix:/run/m", moonsnap.error))
        assert.same({ path = "/run/m" }, endpoint.parse("/run/m", moonsnap.error))
        assert.same({ family = socket.AF_INET, addr = "127.0.0.1", port = 9095 },
            endpoint.parse("127.0.0.1:9095", moonsnap.error))
        assert.same({ family = socket.AF_INET, addr = "127.0.0.1", port = 0 },
            endpoint.parse("localhost:0", moonsnap.error))
        assert.same({ family = socket.AF_INET6, addr = "::1", port = 1 }, endpoint.parse("[::1]:1", moonsnap.error))
    end)

    it("is never one that the network reaches", function()
        for _, address in ipairs { "0.0.0.0:1", "10.0.0.1:9095", "[::]:1", "example.com:80", "127.0.0.1.example:1" } do
            expect.fails_saying("invalid_argument", "only a loopback address", endpoint.parse(address, moonsnap.error))
        end
        for _, address in ipairs { "", "9095", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "a:b:1" } do
            expect.fails_saying("invalid_argument", "it is unix:/PATH", endpoint.parse(address, moonsnap.error))
        end
    end)
end)
