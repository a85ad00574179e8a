--- Reload: new files take the place of old ones between two requests, or nothing changes and it says why.
local caller = require "spec.support.caller"
local command = require "spec.support.command"
local moonsnap = require "moonsnap"
local service = require "spec.support.service"
local signal = require "posix.signal"
local tree = require "spec.support.tree"

local function version_of(address)
    local to <close> = caller.new(address)
    return to:call("/containerd.services.version.v1.Version/Version", "google.protobuf.Empty", {},
        "containerd.services.version.v1.VersionResponse")
end

local function reload(served, ...)
    return command.on(served.root)("--address", served.address, "reload", ...)
end

describe("moonsnap reload", function()
    it("goes over to a new configuration", function()
        local served <close> = service.start { mode = "direct", config = "" }
        assert.is_not_nil(version_of(served.address))
        served:configure [[disable "io.containerd.grpc.v1.version"]]
        local ran = reload(served)
        assert.same({ 0, "reloaded\n" }, { ran.code, ran.out })
        local _, err = version_of(served.address)
        assert.equal("unimplemented", err.kind)
    end)

    it("changes nothing when something is wrong, says what, and exits with 1", function()
        local served <close> = service.start { mode = "direct", config = "" }
        served:configure "\nmod 'direct'"
        local ran = reload(served)
        assert.equal(1, ran.code)
        assert.is_truthy(ran.err:find("config.lua:2: unknown word 'mod': did you mean 'mode'?", 1, true), ran.err)
        assert.is_not_nil(version_of(served.address))
        assert.is_not_nil(served:entry("reload failed, all stays as it was"))
    end)

    it("shows what came of the last one, and the service manager hears it", function()
        local served <close> = service.start { mode = "direct", config = "" }
        served:configure "grace 'x'"
        reload(served)
        served:await_note("the last reload failed: configuration: ")
        local status = command.on(served.root)("--address", served.address, "--json", "reload", "--status"):json()
        assert.same({ 1, 1, { served.config } }, { status.reloads, status.failed_reloads, status.files })
        assert.is_truthy(status.last_failure:find("grace: a number is expected", 1, true))
        assert.matches("^20%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d+Z$", status.last_reload)
        served:configure ""
        assert.equal(0, reload(served).code)
        local shown = reload(served, "--status").out
        assert.is_truthy(shown:find("reloads +2, 1 failed\n") and not shown:find("last failure", 1, true), shown)
    end)

    it("reads the folder beside the configuration", function()
        local served <close> = service.start { mode = "direct", config = "" }
        tree.mkdir(served.dir .. "/config.d")
        tree.write(served.dir .. "/config.d/1.lua", [[disable "io.containerd.grpc.v1.version"]], 384)
        assert.equal(0, reload(served).code)
        local _, err = version_of(served.address)
        assert.equal("unimplemented", err.kind)
    end)

    it("refuses what only a restart changes, and says so", function()
        local served <close> = service.start { mode = "direct", config = "" }
        for text, word in pairs {
            ["mode 'proxy'"] = "mode", ["namespace 'other'"] = "namespace", ["durability 'full'"] = "durability",
            ["plugin 'io.containerd.snapshotter.v1.overlayfs' { mount_options = { 'volatile' } }"] = "mount_options",
        } do
            served:configure(text)
            local ran = reload(served)
            assert.equal(1, ran.code, text)
            assert.is_truthy(ran.err:find(word .. ": only a restart changes", 1, true), ran.err)
        end
    end)

    it("runs between two requests, within none", function()
        local served <close> = service.start { mode = "direct", config = "" }
        served:configure "assert(not coroutine.isyieldable())"
        assert.same({ 0, "" }, { reload(served).code, reload(served).err })
    end)

    it("needs a service", function()
        local served <close> = service.start { mode = "direct" }
        local ran = command.on(served.root)("reload")
        assert.is_truthy(ran.code ~= 0 and ran.err:find("--address", 1, true), ran.err)
    end)
end)

describe("what the command line says", function()
    it("wins over the configuration, at the start and after a reload", function()
        local served <close> = service.start { mode = "direct", config = "mode 'proxy' grace(30) durability 'full'",
            args = { "--grace", "0.2", "--durability", "layer" } }
        local store <close> = assert(moonsnap.connect { address = served.address })
        assert.equal("layer", store:ask("facts", {}).durability)
        assert.equal("direct", served:entry("ready").mode)
        assert.equal(0, reload(served).code)
        local status = command.on(served.root)("--address", served.address, "--json", "reload", "--status"):json()
        assert.equal("direct", status.mode)
        served:stop()
        assert.equal(0.2, served:entry("stopping").grace)
    end)
end)

describe("a policy behind the service", function()
    local DENY = [[hook { "no", on = "prepare", match = "labels.class==%s", run = function()
        return deny("permission_denied", "not %s")
    end }]]

    local function prepare(served, key, class)
        local to <close> = caller.new(served.address, { ["containerd-namespace"] = "default" })
        return to:snapshots("Prepare", { snapshotter = "overlayfs", key = key, labels = { class = class } })
    end

    local function write(served, name, text)
        tree.write(served.dir .. "/" .. name, text, 384)
    end

    it("comes from files that the configuration names, and is swapped by reload", function()
        local served <close> = service.new { mode = "direct" }
        write(served, "p.lua", DENY:format("red", "red"))
        served:configure [[policy "p.lua"]]
        served:start()
        local _, err = prepare(served, "a", "red")
        assert.equal("permission_denied", err.kind)
        write(served, "p.lua", DENY:format("blue", "blue"))
        assert.equal(0, reload(served).code)
        assert.is_not_nil(prepare(served, "a", "red"))
        _, err = prepare(served, "b", "blue")
        assert.is_truthy(err.message:find("not blue", 1, true))
    end)

    it("stands before the store of the service, not before those that plugins have elsewhere", function()
        local served <close> = service.new { mode = "direct" }
        write(served, "p.lua", DENY:format("red", "red"))
        served:configure(([[policy "p.lua" plugin "io.containerd.snapshotter.v1.native" { root_path = %q }]])
            :format(served.dir .. "/native"))
        served:start()
        local _, err = prepare(served, "a", "red")
        assert.equal("permission_denied", err.kind)
        local to <close> = caller.new(served.address, { ["containerd-namespace"] = "default" })
        assert(to:snapshots("Prepare", { snapshotter = "native", key = "a", labels = { class = "red" } }))
    end)

    it("stays as it was when a new one cannot be loaded", function()
        local served <close> = service.new { mode = "direct" }
        tree.mkdir(served.root, 448)
        tree.write(served.root .. "/policy.lua", DENY:format("red", "red"), 384)
        served:start()
        tree.write(served.root .. "/policy.lua", "hok {}", 384)
        local ran = reload(served)
        assert.is_truthy(ran.code == 1 and ran.err:find("did you mean 'hook'", 1, true), ran.err)
        local _, err = prepare(served, "a", "red")
        assert.equal("permission_denied", err.kind)
    end)

    it("is given options by the configuration, and ends the start when it is given others", function()
        local served <close> = service.new { mode = "direct" }
        write(served, "p.lua", [[local class = option("class", { type = "string", default = "red" })
            hook { "no", on = "prepare", match = "labels.class==" .. class, run = function()
                return deny("permission_denied", "not " .. class)
            end }]])
        served:configure [[policy("p.lua", { class = "green" })]]
        served:start()
        local _, err = prepare(served, "a", "green")
        assert.is_truthy(err.message:find("not green", 1, true))
        served:configure [[policy("p.lua", { clas = "green" })]]
        assert.is_truthy(reload(served).err:find("did you mean 'class'", 1, true))
    end)

    it("ends the start when it is broken, unless it is left out", function()
        local served <close> = service.new { mode = "direct", args = {} }
        tree.mkdir(served.root, 448)
        tree.write(served.root .. "/policy.lua", "hok {}", 384)
        served:launch()
        assert.is_true(served:finish() ~= 0)
        assert.is_truthy(served:log():find("did you mean 'hook'", 1, true), served:log())
        served.options.args = { "--no-policy" }
        served:start()
        assert.is_not_nil(prepare(served, "a", "red"))
        assert.equal(0, reload(served).code)
        assert.is_not_nil(prepare(served, "b", "red"))
    end)

    it("keeps what it asks to be kept", function()
        local served <close> = service.new { mode = "direct" }
        local COUNT = [[hook { "count", on = "prepare", run = function(request)
            keep("n", (kept("n") or 0) + 1)
            if kept("n") > 2 then
                return deny("resource_exhausted", "the third")
            end
        end }]]
        write(served, "p.lua", COUNT)
        served:configure [[policy "p.lua"]]
        served:start()
        assert.is_not_nil(prepare(served, "a"))
        assert.equal(0, reload(served).code)
        assert.is_not_nil(prepare(served, "b"))
        assert.equal(0, reload(served).code)
        local _, err = prepare(served, "c")
        assert.equal("resource_exhausted", err and err.kind)
    end)

    it("has let go for good of what it lets go of", function()
        local served <close> = service.new { mode = "direct" }
        write(served, "p.lua", [[hook { "once", on = "prepare", run = function(request)
            local before = kept("last")
            keep("last", request.key == "a" and "a" or nil)
            return before and request.key == "c" and deny("aborted", "kept " .. before) or nil
        end }]])
        served:configure [[policy "p.lua"]]
        served:start()
        assert.is_not_nil(prepare(served, "a"))
        assert.equal(0, reload(served).code)
        assert.is_not_nil(prepare(served, "b"))
        assert.is_not_nil(prepare(served, "c"))
    end)
end)

describe("SIGHUP", function()
    it("reads policies again, in proxy mode too", function()
        local served <close> = service.new { mode = "proxy" }
        tree.mkdir(served.root, 448)
        tree.write(served.root .. "/policy.lua", "", 384)
        served:start()
        tree.write(served.root .. "/policy.lua",
            [[hook { "no", on = "prepare", run = function() return deny("permission_denied", "no") end }]], 384)
        served.notes = ""
        served:signal(signal.SIGHUP)
        served:await_note("READY=1")
        local to <close> = caller.new(served.address)
        local _, err = to:snapshots("Prepare", { key = "a" })
        assert.equal("permission_denied", err and err.kind)
    end)
end)
