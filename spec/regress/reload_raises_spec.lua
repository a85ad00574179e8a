--- A configuration that made the reading of it raise: SIGHUP ended the service, and whom `moonsnap reload` asked never
--- answered. Errors that are no text, options that are no table, and bugs are failed reloads as any other.
local command = require "spec.support.command"
local config = require "moonsnap.config"
local moonsnap = require "moonsnap"
local service = require "spec.support.service"
local signal = require "posix.signal"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local MUTE = [[error(setmetatable({}, { __tostring = function() error("no words") end }))]]
local BUG = [[package.loaded["moonsnap.service.policyset"].build = function() error("a bug of ours") end]]

describe("a reload that raises", function()
    it("changes nothing and is told, by SIGHUP and by the command", function()
        local served <close> = service.start { mode = "direct", config = "grace(2)" }
        tree.write(served.dir .. "/auto.lua", "log 'here'", 384)
        local function tell(text, fragment)
            served:configure(text)
            served.notes = ""
            served:signal(signal.SIGHUP)
            served:await_note("READY=1")
            local ran = command.run { "bin/moonsnap", "--address", served.address, "reload" }
            assert.equal(1, ran.code)
            assert.is_truthy(ran.err:find(fragment, 1, true), ran.err)
        end
        tell(MUTE, "config.lua:1: it raised a value of type table")
        tell([[automation("auto.lua", { options = 5 })]],
            "config.lua:1: automation auto.lua: options: a table is expected, this is a number")
        tell([[plugin "io.containerd.snapshotter.v1.overlayfs" { mount_options = 5 }]],
            "config.lua:1: plugin io.containerd.snapshotter.v1.overlayfs: option mount_options is a table")
        tell(BUG, "a bug of ours")
        local words = { "bin/moonsnap", "--json", "--address", served.address, "reload", "--status" }
        local status = command.run(words):json()
        assert.same({ 8, 8 }, { status.reloads, status.failed_reloads })
    end)
end)

describe("what a configuration raises", function()
    it("is told with its line, whatever it is", function()
        local home <close> = world.bare()
        for text, message in pairs {
            [MUTE] = "it raised a value of type table", ["error(nil)"] = "it raised a value of type nil",
            ["error({ message = {} })"] = "it raised a value of type table", ["error('plain', 0)"] = "plain",
            ["error({ kind = 'not_found', message = 'no such host' })"] = "not_found: no such host",
        } do
            tree.write(home.dir .. "/config.lua", text, 384)
            local _, err = config.read(home.dir .. "/config.lua", moonsnap.error)
            assert.equal(("configuration: %s/config.lua:1: %s"):format(home.dir, message), err.message)
            local read = assert(config.survey(home.dir .. "/config.lua", moonsnap.error))
            assert.equal(message, read.problems[1].message)
        end
    end)
end)
