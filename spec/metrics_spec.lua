--- The service's metrics: what is counted, the text of it, and the small HTTP server that answers it.
local caller = require "spec.support.caller"
local endpoint = require "moonsnap.service.process.endpoint"
local expect = require "spec.support.expect"
local metrics = require "moonsnap.service.process.metrics"
local moonsnap = require "moonsnap"
local prometheus = require "spec.support.prometheus"
local service = require "spec.support.service"
local signal = require "posix.signal"
local socket = require "posix.sys.socket"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"

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

local function connect(address)
    local fd = assert(socket.socket(address.family, socket.SOCK_STREAM, 0))
    assert(socket.connect(fd, address))
    socket.setsockopt(fd, socket.SOL_SOCKET, socket.SO_RCVTIMEO, 10, 0)
    return fd
end

local function receive(fd)
    local parts = {}
    repeat
        local more = socket.recv(fd, 65536)
        parts[#parts + 1] = more
    until not more or more == ""
    unistd.close(fd)
    return table.concat(parts)
end

--- What comes back for these bytes: status, headers, body.
local function ask(address, request)
    local fd = connect(address)
    assert(socket.send(fd, request))
    local status, head, body = receive(fd):match("^HTTP/1%.1 (%d+) [^\r\n]+\r\n(.-)\r\n\r\n(.*)$")
    return tonumber(status), head, body
end

local function scrape(address)
    local status, head, body = ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.equal(200, status)
    assert.is_truthy(head:find("Content-Type: text/plain; version=0.0.4", 1, true))
    assert.is_truthy(head:find(("Content-Length: %d"):format(#body), 1, true))
    return prometheus.parse(body)
end

--- A service whose metrics are on a unix socket, and that socket's address.
local function served_with_metrics(options)
    local served = service.new(options)
    served.options.args = { "--metrics", "unix:" .. served.dir .. "/m" }
    return served:start(), { family = socket.AF_UNIX, path = served.dir .. "/m" }
end

local SNAPSHOTS = "containerd.services.snapshots.v1.Snapshots"

describe("the metrics of a service", function()
    it("count calls by method and code, and how long they took", function()
        local served, address = served_with_metrics()
        local _guard <close> = served
        local to <close> = caller.new(served.address)
        for i = 1, 3 do
            assert(to:snapshots("Prepare", { key = "a" .. i }))
        end
        to:snapshots("Stat", { key = "nothing" })
        to:call("/no.such/Method", "google.protobuf.Empty", {}, "google.protobuf.Empty")
        to:call("/no.such/Other", "google.protobuf.Empty", {}, "google.protobuf.Empty")
        local read = scrape(address)
        local function calls(service_name, method, code)
            return prometheus.value(read, "moonsnap_calls_total",
                { service = service_name, method = method, code = code })
        end
        assert.equal(3, calls(SNAPSHOTS, "Prepare", "OK"))
        assert.equal(1, calls(SNAPSHOTS, "Stat", "NOT_FOUND"))
        assert.equal(2, calls("unknown", "unknown", "UNIMPLEMENTED"))
        assert.equal(3, prometheus.value(read, "moonsnap_call_seconds", { method = "Prepare" }, "_count"))
        assert.is_true(prometheus.value(read, "moonsnap_call_seconds", { method = "Prepare" }, "_sum") > 0)
    end)

    it("know rows, batches, commits, trash and the process", function()
        local served, address = served_with_metrics()
        local _guard <close> = served
        local to <close> = caller.new(served.address)
        assert(to:snapshots("Prepare", { key = "a" }))
        assert(to:snapshots("Commit", { name = "c", key = "a" }))
        assert(to:snapshots("Prepare", { key = "b", parent = "c" }))
        assert(to:snapshots("View", { key = "v", parent = "c" }))
        local read = scrape(address)
        local function value(name, labels, suffix) return prometheus.value(read, name, labels, suffix) end
        for kind, count in pairs { view = 1, active = 1, committed = 1 } do
            assert.equal(count, value("moonsnap_snapshots", { kind = kind }), kind)
        end
        assert.same({ 4, 4, 4, 4 }, { value "moonsnap_commits_total", value "moonsnap_writes_total",
            value("moonsnap_batch_writes", nil, "_sum"), value("moonsnap_batch_writes", { le = "1" }, "_bucket") })
        assert.same({ 0, 0, 1, 0 }, { value "moonsnap_writes_queued", value "moonsnap_writes_in_flight",
            value "moonsnap_connections", value "moonsnap_event_subscribers" })
        assert.is_true(value "process_resident_memory_bytes" > 1000000 and value "process_open_fds" > 5)
        assert.equal(1, value("moonsnap_info", { version = moonsnap.version }))
        assert.is_not_nil(value "moonsnap_trash_entries")
        assert(to:snapshots("Remove", { key = "b" }))
        read = scrape(address)
        assert.equal(0, value("moonsnap_snapshots", { kind = "active" }))
    end)

    it("count what each hook has done", function()
        local served = service.new()
        tree.mkdir(served.root)
        tree.write(served.root .. "/policy.lua",
            'hook { "names", on = "prepare", match = "key==bad", run = function() return deny("aborted", "bad") end }')
        assert(os.execute(("chmod 0700 '%s' && chmod 0600 '%s/policy.lua'"):format(served.root, served.root)))
        served.options.args = { "--metrics", "unix:" .. served.dir .. "/m" }
        local _guard <close> = served:start()
        local to <close> = caller.new(served.address)
        assert(to:snapshots("Prepare", { key = "good" }))
        expect.fails("aborted", to:snapshots("Prepare", { key = "bad" }))
        local read = scrape { family = socket.AF_UNIX, path = served.dir .. "/m" }
        local values = {}
        for i, name in ipairs { "calls_total", "denials_total", "failures_total", "off" } do
            values[i] = prometheus.value(read, "moonsnap_hook_" .. name, { hook = "names" })
        end
        assert.same({ 1, 1, 0, 0 }, values)
    end)

    it("are on a loopback port, too", function()
        local served <close> = service.start { args = { "--metrics", "127.0.0.1:0" } }
        local port = tonumber(served:log():match('"metrics":"127%.0%.0%.1:(%d+)"'))
        scrape { family = socket.AF_INET, addr = "127.0.0.1", port = port }
    end)

    it("count what the service has collected", function()
        local served = service.new { mode = "direct",
            config = 'plugin "io.moonsnap.gc.v1.retention" { every = 0.05, commits = 1 }' }
        tree.mkdir(served.root)
        tree.write(served.root .. "/policy.lua",
            'retention { rule { "old", match = "labels.class==old", expire = { ttl = 0 } } }', 384)
        served.options.args = { "--metrics", "unix:" .. served.dir .. "/m" }
        local _guard <close> = served:start()
        local store <close> = assert(moonsnap.connect { address = served.address })
        for name, class in pairs { a = "new", b = "new", c = "old" } do
            assert(store:prepare("make " .. name))
            assert(store:commit(name, "make " .. name, { labels = { class = class } }))
        end
        local from = moonsnap.sys.steady()
        local read
        repeat
            read = scrape { family = socket.AF_UNIX, path = served.dir .. "/m" }
        until prometheus.value(read, "moonsnap_gc_removed_total") == 1 or moonsnap.sys.steady() - from > 30
        assert.is_true(prometheus.value(read, "moonsnap_gc_runs_total") >= 1)
        assert.is_true(prometheus.value(read, "moonsnap_gc_bytes_total") > 0)
        assert.is_number(prometheus.value(read, "moonsnap_gc_refused_total"))
        assert.is_nil((store:stat("c")))
    end)

    it("move when the configuration says so, and stay when it cannot be", function()
        local served <close> = service.new { config = "" }
        local function at(name) return { family = socket.AF_UNIX, path = served.dir .. "/" .. name } end
        local function reload(text)
            served.notes = ""
            served:configure(text)
            served:signal(signal.SIGHUP)
            served:await_note("READY=1")
        end
        served:start()
        reload(("metrics %q"):format(at("one").path))
        scrape(at "one")
        reload(("metrics %q"):format(at("two").path))
        scrape(at "two")
        assert.is_false(tree.exists(at("one").path))
        reload [[metrics "0.0.0.0:1"]]
        scrape(at "two")
        served:await_log("only a loopback address")
        reload(("metrics %q plugin 'none' {}"):format(at("three").path))
        served:await_log("plugin none: no such plugin")
        scrape(at "two")
        assert.is_false(tree.exists(at("three").path))
        reload ""
        assert.is_false(tree.exists(at("two").path))
    end)

    it("are where the command line says, whatever the configuration does", function()
        local served, address = served_with_metrics { config = "" }
        local _guard <close> = served
        served:configure(("metrics %q"):format(served.dir .. "/other"))
        served.notes = ""
        served:signal(signal.SIGHUP)
        served:await_note("READY=1")
        scrape(address)
        assert.is_false(tree.exists(served.dir .. "/other"))
    end)

    it("and their socket end with the service", function()
        local served, address = served_with_metrics()
        local _guard <close> = served
        assert.equal(384, tree.mode(address.path))
        served:stop()
        assert.is_false(tree.exists(address.path))
    end)
end)

describe("the endpoint of metrics", function()
    it("answers what it must and refuses the rest", function()
        local served, address = served_with_metrics()
        local _guard <close> = served
        local status, head, body = ask(address, "HEAD /metrics HTTP/1.0\r\n\r\n")
        assert.same({ 200, "" }, { status, body })
        assert.is_truthy(tonumber(head:match("Content%-Length: (%d+)")) > 1000)
        assert.equal(200, (ask(address, "GET /metrics?x=1 HTTP/1.1\nHost: x\n\n")))
        assert.equal(404, (ask(address, "GET / HTTP/1.1\r\n\r\n")))
        status, head = ask(address, "POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        assert.equal(405, status)
        assert.is_truthy(head:find("Allow: GET, HEAD", 1, true))
        for _, bad in ipairs { "\r\n\r\n", "GET /metrics\r\n\r\n", "\0\1\2\n\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" } do
            assert.is_truthy(({ [400] = true, [404] = true })[(ask(address, bad))], bad)
        end
        assert.equal(431, (ask(address, "GET /metrics HTTP/1.1\r\nX: " .. ("x"):rep(9000))))
        scrape(address)
    end)

    it("takes a request in pieces", function()
        local served, address = served_with_metrics()
        local _guard <close> = served
        local fd = connect(address)
        for piece in ("GET /metrics HTTP/1.1\r\n\r\n"):gmatch(".") do
            assert(socket.send(fd, piece))
        end
        assert.is_truthy(receive(fd):find("^HTTP/1.1 200 OK"))
    end)

    it("has 32 connections at most; the others wait, and silent ones are cut #slow", function()
        local served, address = served_with_metrics()
        local _guard <close> = served
        local idle = {}
        for i = 1, 40 do
            idle[i] = connect(address)
        end
        scrape(address) -- waits until the first ones are cut
        for _, fd in ipairs(idle) do
            unistd.close(fd)
        end
        scrape(address)
        assert.is_not_nil(served.pid)
    end)
end)
