--- Automation in a service: hooks that are fed from the outbox, may wait, and hold nobody up; timers.
local command = require "spec.support.command"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local service = require "spec.support.service"
local time = require "posix.time"
local tree = require "spec.support.tree"

--- A service with one automation file.
local function start(text, grants)
    local served = service.new { mode = "direct", level = "debug" }
    tree.write(served.dir .. "/a.lua", (text:gsub("@", served.dir)), 384)
    served:configure(([[automation("a.lua", %s)]]):format((grants:gsub("@", served.dir))))
    served:start()
    return served
end

local function connect(served)
    return assert(moonsnap.connect { address = served.address })
end

local function await_text(path, text)
    for _ = 1, 2000 do
        local got = tree.exists(path) and tree.read(path) or ""
        if got:find(text, 1, true) then
            return got
        end
        time.nanosleep { tv_sec = 0, tv_nsec = 10000000 }
    end
    error(("%q is not in %s: %s"):format(text, path, tree.exists(path) and tree.read(path) or "(not there)"))
end

--- A web server at a unix socket that takes its time before each answer; what it was posted is in its folder.
local SERVER = [[
import os, socketserver, sys, time, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(float(sys.argv[3]))
        count = len(os.listdir(sys.argv[2]))
        open(os.path.join(sys.argv[2], "%03d" % count), "wb").write(self.path.encode() + b" " + body)
        self.send_response(503 if count == 0 else 204)
        self.end_headers()
    def address_string(self):
        return "socket"
    def log_message(self, *_):
        pass
server = socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler)
print("up", flush=True)
server.serve_forever()
]]

describe("automation in a service", function()
    it("is told of each event, its file granted by the configuration", function()
        local served <close> = start([[
            hook { "file", on = { "prepare", "commit" }, phase = "after", run = function(event)
                return append("@/told", json { verb = event.verb, key = event.key, team = event.labels.team })
            end }]], [[{ files = { "@/told" } }]])
        local store <close> = connect(served)
        for i = 1, 200 do -- a hook that is new begins behind the newest event
            assert(store:prepare("k" .. i, nil, { labels = { team = "blue" } }))
            if tree.exists(served.dir .. "/told") then
                break
            end
            time.nanosleep { tv_sec = 0, tv_nsec = 5000000 }
        end
        assert(store:prepare("last"))
        assert(store:commit("base", "last"))
        local told = await_text(served.dir .. "/told", [["verb":"commit"]])
        assert.is_truthy(told:find([[{"key":"k%d+","team":"blue","verb":"prepare"}]]), told)
    end)

    it("posts again until it is answered well, and nobody waits for it", function()
        local served <close> = start([[
            hook { "web", on = "prepare", phase = "after", run = function(event)
                return post("@/web", "/changes", json { key = event.key })
            end }]], [[{ sockets = { "@/web" } }]])
        tree.mkdir(served.dir .. "/got")
        local web <close> =
            process.start({ "python3", "-c", SERVER, served.dir .. "/web", served.dir .. "/got", "0.3" })
        assert(web:await("up"))
        local store <close> = connect(served)
        local count = 0
        repeat
            count = count + 1
            assert(store:prepare("k" .. count))
            time.nanosleep { tv_sec = 0, tv_nsec = 5000000 }
        until #tree.list(served.dir .. "/got") > 0 or count > 1000
        assert.is_true(count > 3, "calls waited for the web server")
        tree.await(served.dir .. "/got/001")
        assert.equal(tree.read(served.dir .. "/got/000"), tree.read(served.dir .. "/got/001"))
        assert.is_truthy(tree.read(served.dir .. "/got/000"):find('^/changes {"key":"k%d+"}$'))
    end)

    it("is told once of what it waits for while reloads go on", function()
        local text = [[
            hook { "web", on = "prepare", phase = "after", run = function(event)
                return post("@/web", "/", event.key)
            end }]]
        local served <close> = start(text, [[{ sockets = { "@/web" } }]])
        tree.mkdir(served.dir .. "/got")
        local web <close> =
            process.start({ "python3", "-c", SERVER, served.dir .. "/web", served.dir .. "/got", "0.1" })
        assert(web:await("up"))
        local store <close> = connect(served)
        for i = 1, 12 do
            assert(store:prepare("k" .. i))
            for _ = 1, 5 do
                assert(store:ask("reload", {}))
            end
        end
        local got
        for _ = 1, 2000 do
            got = {}
            for _, name in ipairs(tree.list(served.dir .. "/got")) do
                got[#got + 1] = tree.read(served.dir .. "/got/" .. name)
            end
            if got[#got] == "/ k12" then
                break
            end
            time.nanosleep { tv_sec = 0, tv_nsec = 10000000 }
        end
        table.remove(got, 1) -- the server refuses what comes first
        local first = tonumber(got[1]:match("%d+"))
        for i, body in ipairs(got) do
            assert.equal("/ k" .. first + i - 1, body)
        end
        assert.is_true(#got > 5)
    end)

    it("runs timers, which may use the store and programs", function()
        local served <close> = start([[
            every("1s", function()
                local ran = assert(spawn { "/bin/sh", "-c", "printf five" })
                assert(store:prepare("made by a timer", nil, { labels = { x = ran.output } }))
                append("@/told", "done")
            end)]], [[{ files = { "@/told" }, spawn = { "/bin/sh" } }]])
        local store <close> = connect(served)
        await_text(served.dir .. "/told", "done")
        assert.same({ x = "five" }, assert(store:stat("made by a timer")).labels)
    end)

    it("has what is not granted in the log, and the service goes on", function()
        local served <close> = start([[every("1s", function() append("/etc/passwd", "x") end)]], "{}")
        served:await_log("/etc/passwd is not among the files")
        local store <close> = connect(served)
        assert(store:prepare("a"))
    end)

    it("ends its timers at a reload that takes it away", function()
        local served <close> = start([[every("1s", function() append("@/old", "x") end)]],
            [[{ files = { "@/old" } }]])
        await_text(served.dir .. "/old", "x")
        tree.write(served.dir .. "/b.lua",
            ([[every("1s", function() append("@/new", "y") end)]]):gsub("@", served.dir), 384)
        served:configure(([[automation("b.lua", { files = { "@/new" } })]]):gsub("@", served.dir))
        assert.equal(0, command.on(served.root)("--address", served.address, "reload").code)
        local size = #tree.read(served.dir .. "/old")
        await_text(served.dir .. "/new", "y\ny\n") -- the old timer would have run meanwhile
        assert.equal(size, #tree.read(served.dir .. "/old"))
    end)

    it("runs no timer of a reload that came to nothing", function()
        local served <close> = start([[every("1s", function() append("@/old", "x") end)]],
            [[{ files = { "@/old" } }]])
        tree.write(served.dir .. "/b.lua",
            ([[every("1s", function() append("@/new", "y") end)]]):gsub("@", served.dir), 384)
        served:configure(([[automation("b.lua", { files = { "@/new" } }) plugin "none" {}]]):gsub("@", served.dir))
        assert.equal(1, command.on(served.root)("--address", served.address, "reload").code)
        await_text(served.dir .. "/old", "x\nx\n") -- the new timer would have run meanwhile
        assert.is_false(tree.exists(served.dir .. "/new"))
    end)

    it("ends the programs that it has started when the service ends", function()
        local served <close> = start([[every("1s", function()
            spawn { "/bin/sh", "-c", "echo $$ >@/pid; exec sleep 300", seconds = "5m" }
        end)]], [[{ spawn = { "/bin/sh" } }]])
        local pid = tonumber(await_text(served.dir .. "/pid", "\n"):match("%d+"))
        assert.is_true(tree.exists("/proc/" .. pid))
        served:stop()
        assert.is_false(tree.exists("/proc/" .. pid))
    end)

    for text, what in pairs { ["while true do end"] = "an endless loop",
        ["while true do pcall(function() while true do end end) end"] = "an endless loop that catches what ends it" } do
        it("does not hang the start: " .. what, function()
            local served <close> = service.new { mode = "direct" }
            tree.write(served.dir .. "/a.lua", "\n" .. text, 384)
            served:configure [[automation("a.lua", {})]]
            served:launch()
            assert.is_true(served:finish(120) ~= 0)
            assert.is_truthy(served:log():find("a.lua:2: it is not loaded after", 1, true), served:log())
        end)
    end

    it("is refused when others may write its file", function()
        local served <close> = service.new { mode = "direct" }
        tree.write(served.dir .. "/a.lua", "", 438)
        served:configure [[automation("a.lua", {})]]
        served:launch()
        assert.is_true(served:finish() ~= 0)
        assert.is_truthy(served:log():find("others may write it", 1, true), served:log())
    end)

    it("ends the start when it cannot be loaded, with its line", function()
        local served <close> = service.new { mode = "direct" }
        tree.write(served.dir .. "/a.lua", "\napend('x')", 384)
        served:configure [[automation("a.lua", {})]]
        served:launch()
        assert.is_true(served:finish() ~= 0)
        local log = served:log()
        assert.is_truthy(log:find("a.lua:2: unknown word 'apend': did you mean 'append'?", 1, true), log)
    end)
end)
