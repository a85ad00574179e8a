--- What a command advises can be done.
local command = require "spec.support.command"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

describe("a denial within another verb", function()
    it("leads to what explain takes", needs.mounts(function()
        local home <close> = world.new()
        local cli = command.on(home.root)
        tree.write(home.root .. "/policy.lua", [[labels { label.require { "project", verbs = { "commit" } } }]], 384)
        assert(home.store:prepare("work"))
        assert.matches("try: moonsnap policy explain commit ", cli("commit", "base", "work").err)
        assert.equal(0, cli("commit", "base", "work", "--label", "project=a").code)
        local answer = cli("run", "base", "--at", home:directory(), "--commit", "next", "--", "true")
        assert.matches("label 'project' is missing\ntry: moonsnap policy explain commit ", answer.err)
    end))
end)

describe("a denial by a service", function()
    it("leads there, too", function()
        local served <close> = service.new { mode = "direct" }
        tree.mkdir(served.root)
        tree.write(served.root .. "/policy.lua", [[labels { label.require { "project" } }]], 384)
        served:start()
        local answer = command.on(served.root)("--address", served.address, "prepare", "work")
        assert.matches("label 'project' is missing\ntry: moonsnap policy explain prepare ", answer.err)
    end)
end)

describe("a configuration that cannot be read", function()
    it("leads to its check", function()
        local home <close> = world.new()
        tree.write(home.dir .. "/config.lua", "mod 'direct'", 384)
        local answer = command.on(home.root)("serve", "--config", home.dir .. "/config.lua")
        assert.matches("did you mean 'mode'%?\ntry: moonsnap config check /.*/config.lua\n", answer.err)
    end)
end)

describe("a verb that a proxy's socket does not offer", function()
    it("leads to what does", function()
        local served <close> = service.start { mode = "proxy" }
        local cli = command.on(served.root)
        local pins, reload = cli("--address", served.address, "pins"), cli("--address", served.address, "reload")
        assert.matches("try: %-%-root DIR %-%-namespace containerd instead", pins.err)
        assert.matches("try: systemctl reload, or kill %-HUP", reload.err)
    end)
end)

describe("what a person asks in vain", function()
    it("leads on: a lease that is not there to leases, a snapshot to snapshots", function()
        local home <close> = world.new()
        local cli = command.on(home.root)
        for _, words in ipairs { { "renew", "x" }, { "release", "x" }, { "drop", "x", "a" } } do
            assert.matches("try: moonsnap lease ls, which", cli("lease", table.unpack(words)).err)
        end
        assert.matches("try: moonsnap ls, which", cli("pin", "x").err)
    end)

    it("is refused where it would hold nothing: a pin that is over", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local answer = command.on(home.root)("pin", "a", "--until", "2020-01-01")
        assert.equal(2, answer.code)
        assert.matches("%-%-until '2020%-01%-01': that is over already", answer.err)
        assert.same({}, home.store:pins():list())
    end)
end)

describe("a watch whose service ends", function()
    for _, way in ipairs { "stop", "kill" } do
        it("is told how to go on behind the last event: " .. way, function()
            local served <close> = service.start { mode = "direct" }
            local watching = process.start { "bin/moonsnap", "--address", served.address, "watch", "--since", "0" }
            assert.equal(0, command.on(served.root)("--address", served.address, "prepare", "first").code)
            assert(watching:await "first", watching.text)
            served[way](served)
            local text = watching:finish()
            assert.matches("try: again with %-%-since and the last cursor", text)
        end)
    end
end)
