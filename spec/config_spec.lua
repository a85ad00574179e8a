--- The configuration file of a service: its words, and what is refused.
local config = require "moonsnap.config"
local moonsnap = require "moonsnap"
local plugin = require "moonsnap.plugin"
local stat = require "posix.sys.stat"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local function read(text, mode)
    local home <close> = world.bare()
    local path = home:directory() .. "/config.lua"
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    stat.chmod(path, mode or 420) -- 0644
    return config.read(path, moonsnap.error)
end

describe("config.read(path)", function()
    it("reads every word", function()
        local settings = assert(read [[
            mode "direct"
            namespace "one"
            durability "layer"
            metrics "127.0.0.1:0"
            grace(3)
            disable "io.containerd.grpc.v1.version"
            plugin "io.containerd.snapshotter.v1.overlayfs" { upperdir_label = true }
            register { type = "a", id = "b", init = function() return {} end }
            wrap("io.containerd.service.v1.snapshots-service", function(service) return service end)
        ]])
        assert.same({ "direct", "one", "layer", "127.0.0.1:0", 3 }, { settings.mode, settings.namespace,
            settings.durability, settings.metrics, settings.grace })
        assert.same({ ["io.containerd.grpc.v1.version"] = true }, settings.disabled)
        assert.same({ ["io.containerd.snapshotter.v1.overlayfs"] = { upperdir_label = true } }, settings.config)
        assert.equal("b", settings.plugins[1].id)
        assert.equal(1, #settings.wrappers["io.containerd.service.v1.snapshots-service"])
    end)

    it("has the rest of Lua in reach, and leaves no global behind", function()
        local settings = assert(read [[
            half = 5 -- a variable of the file
            grace(math.max(half, tonumber(os.getenv("NO_SUCH_VARIABLE") or "2")))
        ]])
        assert.equal(5, settings.grace)
        assert.is_nil(rawget(_G, "half"))
    end)

    it("reads policies and automation, with what they may use", function()
        local settings = assert(read [[
            policy "one.lua"
            policy("/etc/two.lua", { limit = 3 })
            automation("three.lua", { spawn = { "/bin/true" }, files = { "/var/log/x" } })
        ]])
        assert.same({ "/etc/two.lua", { limit = 3 } }, { settings.policies[2].path, settings.policies[2].options })
        assert.is_truthy(settings.policies[1].path:find("^/.*/one%.lua$"), "beside the file that names it")
        local grant = settings.automations[1]
        assert.same({ { "/bin/true" }, { "/var/log/x" }, {} }, { grant.spawn, grant.files, grant.sockets })
        assert.is_truthy(grant.path:find("^/.*/three%.lua$"))
    end)

    for text, says in pairs {
        ["mod 'direct'"] = "config.lua:1: unknown word 'mod': did you mean 'mode'?",
        ["mode = 'direct'"] = "config.lua:1: mode is a word, not a variable",
        ["mode 'dirct'"] = "config.lua:1: mode: unknown value 'dirct': did you mean 'direct'?",
        ["policy(1)"] = "config.lua:1: policy: a string is expected, this is a number",
        ["automation('a', { spwan = {} })"] = "automation a: unknown grant 'spwan': did you mean 'spawn'?",
        ["automation('a', { spawn = { 'logger' } })"] = "automation a: spawn: 'logger' is no absolute path",
        ["\nmode 'both'"] = "config.lua:2: mode: unknown value 'both'",
        ["grace 'long'"] = "config.lua:1: grace: a number is expected, this is a string",
        ["grace(-1)"] = "config.lua:1: grace: -1 is no number of seconds",
        ["grace(0/0)"] = "config.lua:1: grace: ",
        ["mode ("] = "config.lua:1: unexpected symbol",
        ["plugin 'a' (1)"] = "config.lua:1: plugin a: a table is expected, this is a number",
        ["wrap('a', 1)"] = "config.lua:1: wrap a: a function is expected, this is a number",
        ["error('mine')"] = "config.lua:1: mine",
        ["namespace ''"] = "config.lua:1: namespace: it is empty",
        ["grace(1/0)"] = "config.lua:1: grace: inf is no number of seconds",
        ["automation('a', { options = 5 })"] = "automation a: options: a table is expected, this is a number",
        ["automation('a', { files = { log = '/x' } })"] = "automation a: files: it is a list of absolute paths",
        ["plugin('p', { a = 1 })"] = "config.lua:1: plugin p: it is written plugin \"p\" { ... }",
        ["mode 'direct'\nplugin 'p'\n"] = "config.lua:2: plugin p: nothing is said of it: plugin \"p\" { ... }",
    } do
        it(("refuses %q"):format(text), function()
            local settings, err = read(text)
            assert.is_nil(settings)
            assert.equal("invalid_argument", err.kind)
            assert.is_truthy(err.message:find(says, 1, true), err.message)
        end)
    end

    it("refuses a file that others may write", function()
        local settings, err = read("mode 'direct'", 438) -- 0666
        assert.is_nil(settings)
        assert.equal("permission_denied", err.kind)
        assert.is_truthy(err.message:find("chmod go-w", 1, true))
    end)

    it("refuses a file that is not there, and byte code", function()
        local _, err = config.read("/nonexistent/config.lua", moonsnap.error)
        assert.equal("not_found", err.kind)
        _, err = read(string.dump(function() end))
        assert.equal("invalid_argument", err.kind)
    end)
end)

describe("config.wrong(settings, registry)", function()
    local function wrong(change)
        local registry = plugin.registry()
        registry:register { type = "a", id = "b", config = { on = false, mount_options = {} },
            init = function() return {} end }
        local settings = config.none()
        change(settings)
        return config.wrong(settings, registry)
    end

    it("finds nothing in what fits", function()
        assert.is_nil(wrong(function(settings)
            settings.config["a.b"] = { on = true }
            settings.disabled.a = true
            settings.wrappers["a.b"] = { print }
        end))
    end)

    it("finds names that are none, options that are none, and values of another type", function()
        assert.equal("plugin a.c: no such plugin: did you mean 'a.b'?", wrong(function(s) s.config["a.c"] = {} end))
        assert.equal("plugin a.b has no option 'off'; there are mount_options, on",
            wrong(function(s) s.config["a.b"] = { off = true } end))
        assert.equal("plugin a.b: option on is a boolean, not a string",
            wrong(function(s) s.config["a.b"] = { on = "yes" } end))
        for _, options in ipairs { { 5 }, { { "a" } }, { name = "a" } } do
            assert.equal("plugin a.b: option mount_options is a list of texts",
                wrong(function(s) s.config["a.b"] = { mount_options = options } end))
        end
        assert.equal("wrap x: no such plugin", wrong(function(s) s.wrappers.x = { print } end))
        assert.equal("disable x: no such plugin or type", wrong(function(s) s.disabled.x = true end))
    end)

    it("says where the file has them", function()
        local home <close> = world.bare()
        for text, why in pairs {
            ["\nplugin 'a.c' {}"] = ":2: plugin a.c: no such plugin: did you mean 'a.b'?",
            ["wrap('a.c', print)"] = ":1: wrap a.c: no such plugin: did you mean 'a.b'?",
            ["\n\ndisable 'c'"] = ":3: disable c: no such plugin or type",
        } do
            tree.write(home.dir .. "/config.lua", text, 384)
            local settings = assert(config.read(home.dir .. "/config.lua", moonsnap.error))
            assert.equal("configuration: " .. home.dir .. "/config.lua" .. why,
                wrong(function(s) for name, value in pairs(settings) do s[name] = value end end))
        end
    end)
end)
