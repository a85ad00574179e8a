--- Plugins and wrappers with bugs: the caller and the log are told, and the service goes on.
local caller = require "spec.support.caller"
local service = require "spec.support.service"
local signal = require "posix.signal"

local EMPTY = "google.protobuf.Empty"
local VERSION = "containerd.services.version.v1.VersionResponse"

--- A service with a method of its own for each body.
local function odd(bodies)
    local methods = {}
    for name, body in pairs(bodies) do
        methods[#methods + 1] = ([[%s = { request = "%s", reply = "%s", call = function() %s end },]])
            :format(name, EMPTY, VERSION, body)
    end
    return ([[register { type = "io.containerd.grpc.v1", id = "odd", init = function()
        return { name = "spec.Odd", methods = { %s } }
    end }]]):format(table.concat(methods, "\n"))
end

local function ask(address, method)
    local to <close> = caller.new(address)
    return to:call(method, EMPTY, {}, VERSION)
end

local function answers(address)
    return assert(ask(address, "/containerd.services.version.v1.Version/Version"))
end

describe("a handler", function()
    it("that answers what its reply cannot hold fails its call only", function()
        local bodies = {
            Field = "return { nonsense = 1 }", Type = "return { version = 5 }", Truth = "return true",
            Word = [[return nil, "just words"]], Number = "return nil, 7", Table = "return nil, {}",
            Kind = [[error({ kind = "internal" })]], Name = [[return nil, { kind = "not_found", message = 5 }]],
        }
        local served <close> = service.start { config = odd(bodies), bugs = true }
        for name in pairs(bodies) do
            local _, err = ask(served.address, "/spec.Odd/" .. name)
            assert.is_truthy(err and (err.kind == "internal" or err.kind == "not_found"), name)
            answers(served.address)
        end
    end)
end)

describe("a plugin", function()
    local BAD = {
        ["whose wrapper raises"] = [[wrap("io.containerd.grpc.v1.events", function() error "on purpose" end)]],
        ["that answers words for an error"] = [[register { type = "io.containerd.grpc.v1", id = "odd",
            init = function() return nil, "on purpose" end }]],
    }
    for what, config in pairs(BAD) do
        it(what .. " has not started, and everything else has", function()
            local served <close> = service.start { config = config }
            answers(served.address)
            local entry = served:entry("a plugin did not start")
            assert.matches("on purpose", entry.error)
            served.notes = ""
            served:signal(signal.SIGHUP)
            served:await_note("READY=1")
            answers(served.address)
        end)
    end

    it("that cannot be one changes nothing when it is loaded, and says why", function()
        local served <close> = service.start { config = "" }
        for why, config in pairs {
            requires = [[register { type = "a", id = "b", requires = "c", init = function() end }]],
            config = [[register { type = "a", id = "b", config = 7, init = function() end }]],
            ["service"] = [[register { type = "io.containerd.grpc.v1", id = "b", init = function() return 7 end }]],
        } do
            served:configure(config)
            served.notes = ""
            served:signal(signal.SIGHUP)
            served:await_note("READY=1")
            served:await_log(why)
            answers(served.address)
        end
    end)

    it("whose timers raise is told of, and they go on", function()
        local served <close> = service.start { bugs = true, config = [[register { type = "a", id = "b",
            init = function(ic)
                local count = 0
                ic.runtime.timers:every(0.02, function()
                    count = count + 1
                    error("on purpose " .. count)
                end)
                return {}
            end }]] }
        served:await_log "on purpose 2"
        answers(served.address)
    end)

    it("that is a snapshotter whose cleanup raises is told of, and served", function()
        local served <close> = service.start { config = [[wrap("io.containerd.snapshotter.v1.overlayfs",
            function(backend)
                backend.cleanup = function() error "on purpose" end
                return backend
            end)]] }
        served:await_log "on purpose"
        answers(served.address)
    end)

    it("whose end raises is gone all the same", function()
        local served <close> = service.start { config = [[register { type = "a", id = "b", init = function()
            return { close = function() error "on purpose" end }
        end }]] }
        served:configure ""
        served.notes = ""
        served:signal(signal.SIGHUP)
        served:await_note("READY=1")
        served:await_log [["msg":"reloaded"]]
        served:await_log "on purpose"
        answers(served.address)
    end)
end)

describe("a new configuration", function()
    it("whose metrics cannot be served changes nothing", function()
        local served <close> = service.start { config = "" }
        served:configure [[metrics "10.0.0.1:1"
            disable "io.containerd.grpc.v1.version"]]
        served.notes = ""
        served:signal(signal.SIGHUP)
        served:await_note("READY=1")
        served:await_log "reload failed, all stays as it was"
        answers(served.address)
    end)
end)
