--- Which files make up a configuration, and what of two that say the same counts.
local config = require "moonsnap.config"
local files = require "moonsnap.config.files"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local stat = require "posix.sys.stat"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local words = require "moonsnap.config.words"
local world = require "spec.support.world"

--- A configuration in a world: text by name, below its directory.
local function write(home, texts)
    for name, text in pairs(texts) do
        local folder = name:match("^(.*)/")
        if folder and not tree.exists(home.dir .. "/" .. folder) then
            tree.mkdir(home.dir .. "/" .. folder)
        end
        tree.write(home.dir .. "/" .. name, text, 384)
    end
    return home.dir .. "/config.lua"
end

local function refused(path)
    local settings, err = config.read(path, moonsnap.error)
    assert.is_nil(settings)
    return err
end

describe("the folder beside a configuration", function()
    it("is read after it, in byte order, .lua files alone", function()
        local home <close> = world.bare()
        local path = write(home, {
            ["config.lua"] = "grace(1)", ["config.d/b.lua"] = "grace(3)", ["config.d/B.lua"] = "grace(2)",
            ["config.d/c.txt"] = "grace(4)", ["config.d/.d.lua"] = "grace(5)", ["config.d/10.lua"] = "grace(6)",
        })
        local settings = assert(config.read(path, moonsnap.error))
        assert.equal(3, settings.grace)
        local names = {}
        for i, file in ipairs(settings.files) do
            names[i] = file:sub(#home.dir + 2)
        end
        assert.same({ "config.lua", "config.d/10.lua", "config.d/B.lua", "config.d/b.lua" }, names)
    end)

    it("replaces settings and single options, and adds to lists", function()
        local home <close> = world.bare()
        local settings = assert(config.read(write(home, {
            ["config.lua"] = [[
                plugin "p" { a = 1, b = 2, list = { "x" }, deep = { one = 1 } }
                disable "one"
                policy "1.lua"]],
            ["config.d/1.lua"] = [[
                plugin "p" { b = 3, list = { "y" }, deep = { two = 2 } }
                disable "two"
                policy "2.lua"]],
        }), moonsnap.error))
        assert.same({ a = 1, b = 3, list = { "x", "y" }, deep = { one = 1, two = 2 } }, settings.config.p)
        assert.same({ one = true, two = true }, settings.disabled)
        assert.same({ "1.lua", "config.d/2.lua" },
            { settings.policies[1].path:sub(#home.dir + 2), settings.policies[2].path:sub(#home.dir + 2) })
    end)

    it("is named where what it says is wrong", function()
        local home <close> = world.bare()
        local err = refused(write(home, { ["config.lua"] = "", ["config.d/1.lua"] = "\n\ngrace 'x'" }))
        assert.is_truthy(err.message:find("config.d/1.lua:3: grace: ", 1, true), err.message)
    end)

    it("gives each file variables of its own", function()
        local home <close> = world.bare()
        local err = refused(write(home, { ["config.lua"] = "half = 1", ["config.d/1.lua"] = "grace(half)" }))
        assert.is_truthy(err.message:find("unknown word 'half'", 1, true), err.message)
    end)
end)

describe("a configuration that others may change", function()
    --- What changes its modes, and what the error names.
    local CASES = {
        { "config.lua", 438, "config.lua" }, { "config.d/1.lua", 436, "config.d/1.lua" },
        { "config.d", 511, "config.d" }, { "config.d", 1023, "config.d" }, { "", 511, "" },
    }
    for _, case in ipairs(CASES) do
        it(("is refused: %s of mode %o"):format(case[1], case[2]), function()
            local home <close> = world.bare()
            local path = write(home, { ["config.lua"] = "", ["config.d/1.lua"] = "" })
            stat.chmod(home.dir .. "/" .. case[1], case[2])
            local err = refused(path)
            assert.equal("permission_denied", err.kind)
            assert.is_truthy(err.message:find(case[3], 1, true) and err.message:find("chmod go-w", 1, true))
        end)
    end

    it("may lie in a folder like /tmp, where others cannot replace it", function()
        local home <close> = world.bare()
        local path = write(home, { ["config.lua"] = "grace(1)" })
        stat.chmod(home.dir, 1023)
        assert.equal(1, assert(config.read(path, moonsnap.error)).grace)
    end)

    it("is refused where it is a link to a folder in which others may replace it", function()
        for _, name in ipairs { "config.lua", "config.d/1.lua" } do
            local home <close> = world.bare()
            local path = write(home, { ["config.lua"] = "", ["config.d/0.lua"] = "", ["open/real.lua"] = "grace(1)" })
            os.remove(home.dir .. "/" .. name)
            unistd.link(home.dir .. "/open/real.lua", home.dir .. "/" .. name, true)
            assert.equal(1, assert(config.read(path, moonsnap.error)).grace)
            stat.chmod(home.dir .. "/open", 511)
            local err = refused(path)
            assert.equal("permission_denied", err.kind)
            assert.is_truthy(err.message:find("configuration's folder", 1, true), err.message)
        end
    end)

    it("is refused when it belongs to somebody else", needs.owners(function()
        local home <close> = world.bare()
        local path = write(home, { ["config.lua"] = "" })
        unistd.chown(path, 12345, 12345)
        assert.equal("permission_denied", refused(path).kind)
    end))
end)

describe("a configuration that is no file", function()
    it("is refused, not waited for and not overlooked", function()
        for name, says in pairs { ["config.lua"] = "it is no file", ["config.d/1.lua"] = "it is no file",
            ["config.d"] = "it is no folder" } do
            local home <close> = world.bare()
            local path = write(home, name == "config.lua" and {} or name == "config.d" and { ["config.lua"] = "" }
                or { ["config.lua"] = "", ["config.d/0.lua"] = "" })
            if name == "config.d" then
                tree.write(home.dir .. "/config.d", "", 384)
            else
                stat.mkfifo(home.dir .. "/" .. name, 384)
            end
            local err = refused(path)
            assert.equal("invalid_argument", err.kind)
            assert.is_truthy(err.message:find(name .. ": " .. says, 1, true), err.message)
        end
        local home <close> = world.bare()
        local path = write(home, { ["config.lua"] = "" })
        unistd.link("nowhere", home.dir .. "/config.d", true)
        assert.equal("not_found", refused(path).kind)
    end)
end)

describe("config.survey(path)", function()
    it("lists everything that is wrong, each with its line", function()
        local home <close> = world.bare()
        local path = write(home, {
            ["config.lua"] = [[
                mod "direct"
                grace "long"
                plugin "io.containerd.snapshotter.v1.overlayfs" {
                    upperdir_label = "yes",
                    mount_optoins = {},
                }
                disable "io.containerd.grpc.v1.leasse"
                register { type = "a" }
            ]],
            ["config.d/1.lua"] = "error 'mine'",
        })
        local told = {}
        for i, problem in ipairs(assert(config.survey(path, moonsnap.error)).problems) do
            told[i] = config.told(problem):sub(#home.dir + 2)
        end
        assert.same({
            "config.lua:1: unknown word 'mod': did you mean 'mode'?",
            "config.lua:2: grace: a number is expected, this is a string",
            "config.d/1.lua:1: mine",
            "config.lua:8: register: id must be a string that is not empty",
            "config.lua:5: plugin io.containerd.snapshotter.v1.overlayfs has no option 'mount_optoins'"
                .. ": did you mean 'mount_options'?",
            "config.lua:4: plugin io.containerd.snapshotter.v1.overlayfs: option upperdir_label is a boolean"
                .. ", not a string",
            "config.lua:7: disable io.containerd.grpc.v1.leasse: no such plugin or type"
                .. ": did you mean 'io.containerd.grpc.v1.leases'?",
        }, told)
    end)

    it("finds nothing in what is right", function()
        local home <close> = world.bare()
        local path = write(home, { ["config.lua"] = "mode 'direct'\nhalf = 2\ngrace(half)" })
        assert.same({}, assert(config.survey(path, moonsnap.error)).problems)
    end)
end)

describe("words.merged(before, now)", function()
    it("adds lists, merges tables, and replaces the rest", function()
        assert.same({ 1, 2 }, words.merged({ 1 }, { 2 }))
        assert.same({ a = { b = 1, c = 2 } }, words.merged({ a = { b = 1 } }, { a = { c = 2 } }))
        assert.equal(2, words.merged({ 1 }, 2))
        assert.is_false(words.merged(true, false))
    end)

    it("leaves what it was given alone", function()
        local before = { 1 }
        words.merged(before, { 2 })
        assert.same({ 1 }, before)
    end)
end)

describe("files.beside(path, file)", function()
    it("takes a relative path as beside the file that names it", function()
        assert.same({ "/etc/x", "/etc/a/x", "./x" }, {
            files.beside("/etc/x", "/etc/a/config.lua"), files.beside("x", "/etc/a/config.lua"),
            files.beside("x", "config.lua"),
        })
    end)
end)
