--- The service over its socket, by messages: modes, preconditions, events, introspection, health.
local caller = require "spec.support.caller"
local expect = require "spec.support.expect"
local service = require "spec.support.service"

local EVENTS, INTROSPECTION = "containerd.services.events.v1.", "containerd.services.introspection.v1."
local DIRECT = { ["containerd-namespace"] = "one" }
local OVERLAY = "overlayfs"

local function plugins(to, filters)
    local reply = assert(to:call("/" .. INTROSPECTION .. "Introspection/Plugins", INTROSPECTION .. "PluginsRequest",
        { filters = filters }, INTROSPECTION .. "PluginsResponse"))
    local by_name = {}
    for _, plugin in ipairs(reply.plugins) do
        by_name[plugin.type .. "." .. plugin.id] = plugin
    end
    return by_name
end

local function version(to)
    return to:call("/containerd.services.version.v1.Version/Version", "google.protobuf.Empty", {},
        "containerd.services.version.v1.VersionResponse")
end

local function infos_by_name(infos)
    local by_name = {}
    for _, info in ipairs(infos) do
        by_name[info.name] = info
    end
    return by_name
end

describe("a proxy", function()
    it("serves one namespace, whatever the header and the snapshotter say", function()
        local served <close> = service.start { mode = "proxy" }
        local to <close> = caller.new(served.address)
        local made = assert(to:snapshots("Prepare", { key = "k8s.io/1/a", labels = { x = "1" } }))
        assert.same({ "bind", { "rw", "rbind" } }, { made.mounts[1].type, made.mounts[1].options })
        assert(to:snapshots("Commit", { name = "k8s.io/2/b", key = "k8s.io/1/a", snapshotter = "anything" }, DIRECT))
        local info = assert(to:snapshots("Stat", { key = "k8s.io/2/b" })).info
        assert.same({ "k8s.io/2/b", "", 3, {} }, { info.name, info.parent, info.kind, info.labels })
        assert.same({ "k8s.io/2/b" }, { to:list({})[1].name })
        assert(to:snapshots("Remove", { key = "k8s.io/2/b" }))
        assert.same({}, to:list({}))
    end)

    it("shows nothing of other namespaces of the root, and takes labels of any size", function()
        local served <close> = service.start { mode = "proxy" }
        local to <close> = caller.new(served.address)
        local other <close> = assert(require("moonsnap").open { root = served.root, namespace = "scripts" })
        assert(other:prepare("mine"))
        assert.same({}, to:list({}))
        expect.fails("not_found", to:snapshots("Stat", { key = "mine" }))
        assert(to:snapshots("Prepare", { key = "a", labels = { big = ("x"):rep(100000) } }))
    end)

    it("does not offer what only a front has", function()
        local served <close> = service.start { mode = "proxy" }
        local to <close> = caller.new(served.address)
        local leases = plugins(to, { "id==leases" })["io.containerd.grpc.v1.leases"]
        assert.is_truthy(leases.init_err.message:find("skip plugin", 1, true))
        local package = "containerd.services.leases.v1."
        expect.fails("unimplemented",
            to:call("/" .. package .. "Leases/List", package .. "ListRequest", {}, package .. "ListResponse"))
    end)
end)

describe("a front (direct mode)", function()
    it("needs a namespace that can be one, and a snapshotter that there is", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address)
        local request = { key = "a", snapshotter = OVERLAY }
        expect.fails("failed_precondition", to:snapshots("Prepare", request))
        expect.fails("invalid_argument", to:snapshots("Prepare", request, { ["containerd-namespace"] = "a..b" }))
        expect.fails("invalid_argument", to:snapshots("Prepare", { key = "a" }, DIRECT))
        expect.fails("invalid_argument", to:snapshots("Prepare", { key = "a", snapshotter = "native" }, DIRECT))
        assert(to:snapshots("Prepare", request, DIRECT))
    end)

    it("keeps namespaces apart", function()
        local served <close> = service.start { mode = "direct" }
        local one <close> = caller.new(served.address, DIRECT)
        local two <close> = caller.new(served.address, { ["containerd-namespace"] = "two" })
        assert(one:snapshots("Prepare", { key = "a", snapshotter = OVERLAY }))
        assert(two:snapshots("Prepare", { key = "a", snapshotter = OVERLAY }))
        assert.same({ 1, 1 }, { #one:list { snapshotter = OVERLAY }, #two:list { snapshotter = OVERLAY } })
    end)

    it("has nothing that is called by an empty key", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, DIRECT)
        for _, method in ipairs { "Stat", "Usage" } do
            expect.fails("not_found", to:snapshots(method, { key = "", snapshotter = OVERLAY }))
        end
        expect.fails("invalid_argument", to:snapshots("Prepare", { key = "", snapshotter = OVERLAY }))
    end)

    it("holds containerd's limit of a label: 4,096 bytes of name and value", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, DIRECT)
        local function prepare(key, size)
            return to:snapshots("Prepare", { key = key, snapshotter = OVERLAY, labels = { x = ("v"):rep(size - 1) } })
        end
        assert(prepare("a", 4096))
        expect.fails("invalid_argument", prepare("b", 4097))
        local info = { name = "a", labels = { x = ("v"):rep(4096) } }
        expect.fails("invalid_argument", to:snapshots("Update", { snapshotter = OVERLAY, info = info }))
        expect.fails("invalid_argument", to:snapshots("Update", { snapshotter = OVERLAY }))
    end)

    it("updates what the mask says and shows what is stored", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, DIRECT)
        assert(to:snapshots("Prepare", { key = "a", snapshotter = OVERLAY, labels = { keep = "1", drop = "2" } }))
        local info = assert(to:snapshots("Update", {
            snapshotter = OVERLAY, update_mask = { "labels.drop", "labels.new" },
            info = { name = "a", labels = { new = "3", keep = "not asked for" }, kind = 3 },
        })).info
        assert.same({ { keep = "1", new = "3" }, 2 }, { info.labels, info.kind })
        assert.is_true(info.updated_at > info.created_at)
    end)

    it("measures and cleans up", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, DIRECT)
        assert(to:snapshots("Prepare", { key = "a", snapshotter = OVERLAY }))
        assert.same({ size = 4096, inodes = 1 }, to:snapshots("Usage", { key = "a", snapshotter = OVERLAY }))
        assert(to:snapshots("Remove", { key = "a", snapshotter = OVERLAY }))
        assert(to:snapshots("Cleanup", { snapshotter = OVERLAY }))
        expect.fails("not_found", to:snapshots("Usage", { key = "a", snapshotter = OVERLAY }))
    end)

    it("lists hundreds, filtered or not, each once", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, DIRECT)
        for i = 1, 250 do
            local labels = { odd = tostring(i % 2) }
            assert(to:snapshots("Prepare", { key = "k" .. i, snapshotter = OVERLAY, labels = labels }))
        end
        local by_name = infos_by_name(to:list { snapshotter = OVERLAY })
        for i = 1, 250 do
            local info = by_name["k" .. i]
            assert.same({ { odd = tostring(i % 2) }, 2, "" }, { info.labels, info.kind, info.parent })
        end
        assert.equal(125, #to:list { snapshotter = OVERLAY, filters = { "labels.odd==1" } })
        local ok, err = pcall(to.list, to, { snapshotter = OVERLAY, filters = { "name=" } })
        assert.same({ false, "invalid_argument" }, { ok, err.kind })
    end)
end)

describe("the snapshotters of a service", function()
    it("are two where both have a store, and a proxy serves the one at the root", function()
        local served = service.new { mode = "direct" }
        served:configure(([[
            plugin "io.containerd.snapshotter.v1.native" { root_path = "%s/native" }
        ]]):format(served.dir))
        served:start()
        local guard <close> = served
        local to <close> = caller.new(guard.address, DIRECT)
        assert(to:snapshots("Prepare", { key = "a", snapshotter = "native" }))
        assert(to:snapshots("Prepare", { key = "b", snapshotter = OVERLAY }))
        assert.same({ "a" }, { to:list({ snapshotter = "native" })[1].name })
        assert.same({ "b" }, { to:list({ snapshotter = OVERLAY })[1].name })
        served:stop()
        served.options.mode = "proxy"
        served:start()
        local proxy <close> = caller.new(served.address)
        local mounts = assert(proxy:snapshots("Prepare", { key = "c" })).mounts
        assert.is_truthy(mounts[1].source:find(served.root .. "/layers/", 1, true))
    end)

    it("mount with the options that the configuration gives them", function()
        local served <close> = service.start { mode = "direct", config = [[
            plugin "io.containerd.snapshotter.v1.overlayfs" { mount_options = { "redirect_dir=off" } }
        ]] }
        local to <close> = caller.new(served.address, DIRECT)
        assert(to:snapshots("Prepare", { key = "a", snapshotter = OVERLAY }))
        assert(to:snapshots("Commit", { name = "b", key = "a", snapshotter = OVERLAY }))
        local made = assert(to:snapshots("Prepare", { key = "c", parent = "b", snapshotter = OVERLAY }))
        local shown = assert(to:snapshots("Mounts", { key = "c", snapshotter = OVERLAY }))
        assert.is_truthy(table.concat(made.mounts[1].options, " "):find("redirect_dir=off", 1, true))
        assert.same(made, shown)
    end)
end)

describe("what nobody serves", function()
    it("is unimplemented, naming service or method", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, DIRECT)
        local empty = "google.protobuf.Empty"
        local _, err = to:call("/no.such.Service/Method", empty, {}, empty)
        assert.same({ "unimplemented", true }, { err.kind, err.message:find("unknown service no.such.Service") ~= nil })
        _, err = to:call("/containerd.services.version.v1.Version/No", empty, {}, empty)
        assert.same({ "unimplemented", true }, { err.kind, err.message:find("unknown method No for service") ~= nil })
    end)

    it("and what the configuration disables", function()
        local served <close> = service.start { config = 'disable "io.containerd.grpc.v1.version"' }
        local to <close> = caller.new(served.address)
        expect.fails("unimplemented", version(to))
        assert.is_nil(plugins(to)["io.containerd.grpc.v1.version"])
    end)
end)

describe("the configuration file of a service", function()
    it("puts functions around the snapshots-service", function()
        local served <close> = service.start { config = [[
            wrap("io.containerd.service.v1.snapshots-service", function(snapshots)
                return snapshots:around { prepare = function(inner, key, parent, options)
                    options.labels.team = "blue"
                    return inner:prepare(key, parent, options)
                end, remove = function() return nil, require("moonsnap").error("failed_precondition", "kept") end }
            end)
        ]] }
        local to <close> = caller.new(served.address)
        assert(to:snapshots("Prepare", { key = "a", labels = { own = "1" } }))
        assert.same({ own = "1", team = "blue" }, to:snapshots("Stat", { key = "a" }).info.labels)
        local _, err = to:snapshots("Remove", { key = "a" })
        assert.same({ "failed_precondition", true }, { err.kind, err.message:find("kept", 1, true) ~= nil })
    end)

    it("lets rows be shown otherwise, in lists too", function()
        local served <close> = service.start { config = [[
            wrap("io.containerd.service.v1.snapshots-service", function(snapshots)
                local function shown(info)
                    info.labels.shown = "yes"
                    return info
                end
                return snapshots:around {
                    stat = function(inner, key) return shown(assert(inner:stat(key))) end,
                    walk = function(inner, ...)
                        local next_info, rows = inner:walk(...)
                        return function()
                            local info = next_info(rows)
                            return info and shown(info)
                        end
                    end,
                }
            end)
        ]] }
        local to <close> = caller.new(served.address)
        for i = 1, 3 do
            assert(to:snapshots("Prepare", { key = "a" .. i }))
        end
        for _, info in ipairs(to:list {}) do
            assert.same({ shown = "yes" }, info.labels)
        end
        assert.same({ shown = "yes" }, to:snapshots("Stat", { key = "a1" }).info.labels)
    end)

    it("adds a service", function()
        local served <close> = service.start { config = [[
            register { type = "io.containerd.grpc.v1", id = "hello", init = function()
                return { name = "example.Hello", methods = { Say = { request = "google.protobuf.Empty",
                    reply = "containerd.services.version.v1.VersionResponse",
                    call = function(_, context) return { version = "hello " .. context.peer.uid } end } } }
            end }
        ]] }
        local to <close> = caller.new(served.address)
        local reply = assert(to:call("/example.Hello/Say", "google.protobuf.Empty", {},
            "containerd.services.version.v1.VersionResponse"))
        assert.equal("hello " .. require("posix.unistd").geteuid(), reply.version)
    end)

    it("survives a handler with a bug, and says so to the caller and the log", function()
        local served <close> = service.start { bugs = true, config = [[
            wrap("io.containerd.service.v1.snapshots-service", function(snapshots)
                return snapshots:around { stat = function() local nothing; return nothing.field end }
            end)
        ]] }
        local to <close> = caller.new(served.address)
        local _, err = to:snapshots("Stat", { key = "a" })
        assert.equal("internal", err.kind)
        served:await_log("attempt to index a nil value")
        assert(to:snapshots("Prepare", { key = "a" }))
    end)
end)

describe("Events", function()
    local function subscribe(to, filters)
        return to:stream("/" .. EVENTS .. "Events/Subscribe", EVENTS .. "SubscribeRequest", { filters = filters },
            EVENTS .. "Envelope")
    end

    local function content(envelope)
        return assert(require("moonsnap").message.type(envelope.event.type_url):decode(envelope.event.value))
    end

    it("tell prepare, commit and remove, not view, in order, with containerd's messages", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, DIRECT)
        local listener <close> = caller.new(served.address)
        local next_event, _, _, stream = subscribe(listener, {})
        local _guard <close> = stream
        served:await_log("Subscribe")
        assert(to:snapshots("Prepare", { key = "a", snapshotter = OVERLAY }))
        assert(to:snapshots("Commit", { name = "b", key = "a", snapshotter = OVERLAY }))
        assert(to:snapshots("View", { key = "v", parent = "b", snapshotter = OVERLAY }))
        assert(to:snapshots("Prepare", { key = "c", parent = "b", snapshotter = OVERLAY }))
        assert(to:snapshots("Remove", { key = "c", snapshotter = OVERLAY }))
        local told = {}
        for i = 1, 4 do
            local envelope = next_event()
            told[i] = { envelope.topic, envelope.namespace, envelope.event.type_url, content(envelope) }
        end
        assert.same({
            { "/snapshot/prepare", "one", "containerd.events.SnapshotPrepare",
                { key = "a", parent = "", snapshotter = OVERLAY } },
            { "/snapshot/commit", "one", "containerd.events.SnapshotCommit",
                { key = "a", name = "b", snapshotter = OVERLAY } },
            { "/snapshot/prepare", "one", "containerd.events.SnapshotPrepare",
                { key = "c", parent = "b", snapshotter = OVERLAY } },
            { "/snapshot/remove", "one", "containerd.events.SnapshotRemove", { key = "c", snapshotter = OVERLAY } },
        }, told)
    end)

    it("tell what another process does to the same root", function()
        local served <close> = service.start { mode = "direct" }
        local listener <close> = caller.new(served.address)
        local next_event, _, _, stream = subscribe(listener, { 'topic=="/snapshot/prepare",event.key==mine' })
        local _guard <close> = stream
        served:await_log("Subscribe")
        local script <close> = assert(require("moonsnap").open { root = served.root, namespace = "scripts" })
        assert(script:prepare("other"))
        assert(script:prepare("mine"))
        local envelope = next_event()
        assert.same({ "scripts", "mine" }, { envelope.namespace, content(envelope).key })
    end)

    it("come once each, also after the configuration was read again", function()
        local served <close> = service.start { mode = "direct", config = "grace(5)" }
        local to <close> = caller.new(served.address, DIRECT)
        local listener <close> = caller.new(served.address)
        local next_event, _, _, stream = subscribe(listener, {})
        local _guard <close> = stream
        served:await_log("Subscribe")
        for i = 1, 3 do
            served.notes = ""
            served:signal(require("posix.signal").SIGHUP)
            served:await_note("READY=1")
            assert(to:snapshots("Prepare", { key = "a" .. i, snapshotter = OVERLAY }))
        end
        for i = 1, 3 do
            assert.equal("a" .. i, content(next_event()).key)
        end
    end)

    it("pass on what is published and forwarded, and refuse what is no event", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, DIRECT)
        local listener <close> = caller.new(served.address)
        local next_event, _, _, stream = subscribe(listener, { 'topic~="^/my/"' })
        local _guard <close> = stream
        served:await_log("Subscribe")
        local function publish(topic, headers)
            return to:call("/" .. EVENTS .. "Events/Publish", EVENTS .. "PublishRequest",
                { topic = topic, event = { type_url = "my.Type", value = "\1\2" } }, "google.protobuf.Empty", headers)
        end
        local function forward(envelope)
            return to:call("/" .. EVENTS .. "Events/Forward", EVENTS .. "ForwardRequest", { envelope = envelope },
                "google.protobuf.Empty")
        end
        expect.fails("invalid_argument", publish("my/topic"))
        expect.fails("failed_precondition", publish("/my/topic", { ["containerd-namespace"] = "" }))
        local event = { type_url = "my.Type", value = "x" }
        expect.fails("invalid_argument", forward { topic = "/my/b", namespace = "two", event = event })
        expect.fails("invalid_argument", forward { topic = "/my/b", namespace = "-", timestamp = 1, event = event })
        assert(publish("/not/mine"))
        assert(publish("/my/topic"))
        assert(forward { topic = "/my/b", namespace = "two", timestamp = 5000000007, event = event })
        local first, second = next_event(), next_event()
        assert.same({ "/my/topic", "one", "my.Type", "\1\2" },
            { first.topic, first.namespace, first.event.type_url, first.event.value })
        assert.same({ "/my/b", "two", 5000000007 }, { second.topic, second.namespace, second.timestamp })
    end)
end)

describe("Introspection and Health", function()
    it("show the plugins, filtered as containerd filters them", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address)
        local all = plugins(to)
        local overlay = all["io.containerd.snapshotter.v1.overlayfs"]
        assert.is_nil(overlay.init_err)
        assert.equal(served.root, overlay.exports.root)
        assert.equal("linux", overlay.platforms[1].os)
        assert.same({ "io.containerd.metadata.v1" }, overlay.requires)
        assert.is_truthy(all["io.containerd.snapshotter.v1.native"].init_err.message:find("skip plugin", 1, true))
        local one = plugins(to, { "type==io.containerd.snapshotter.v1, id==overlayfs" })
        assert.same({ "io.containerd.snapshotter.v1.overlayfs" }, { (next(one)) })
        assert.is_nil(next(one, (next(one))))
    end)

    it("say who the server is, the same after a restart", function()
        local served <close> = service.start { mode = "direct" }
        local function server()
            local to <close> = caller.new(served.address)
            return assert(to:call("/" .. INTROSPECTION .. "Introspection/Server", "google.protobuf.Empty", {},
                INTROSPECTION .. "ServerResponse"))
        end
        local first = server()
        assert.is_truthy(first.uuid:find("^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$"))
        assert.equal(served.pid, first.pid)
        served:stop()
        served:start()
        assert.equal(first.uuid, server().uuid)
    end)

    it("check and watch", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address)
        local request, reply = "grpc.health.v1.HealthCheckRequest", "grpc.health.v1.HealthCheckResponse"
        local function check(name)
            return to:call("/grpc.health.v1.Health/Check", request, { service = name }, reply)
        end
        assert.equal(1, check("").status)
        assert.equal(1, check("containerd.services.snapshots.v1.Snapshots").status)
        expect.fails("not_found", check("no.such"))
        local next_status, _, _, stream =
            to:stream("/grpc.health.v1.Health/Watch", request, { service = "no.such" }, reply)
        local _guard <close> = stream
        assert.equal(3, next_status().status)
        assert(version(to))
    end)
end)
