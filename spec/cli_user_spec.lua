--- The command in the hands of an ordinary user: a user namespace of its own, a store below the home.
local command = require "spec.support.command"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local USER = "60124"

--- A home of that user, and the command as that user.
local function setting()
    local place = world.bare()
    tree.chmod(place.dir, 493)
    local home = place:directory()
    tree.chown(home, tonumber(USER), tonumber(USER))
    return place, function(...)
        return command.run({ "setpriv", "--reuid=" .. USER, "--regid=" .. USER, "--clear-groups", "bin/moonsnap", ... },
            { env = { HOME = home, XDG_DATA_HOME = false, MOONSNAP_ROOT = false } })
    end, home
end

--- A directory that the user can read.
local function source_in(place)
    local dir = place:directory()
    tree.write(dir .. "/file", "from below", 420)
    return dir
end

describe("an ordinary user", function()
    it("has a store in the data folder", needs.root(function()
        local _place <close>, moonsnap, home = setting()
        assert.equal("", moonsnap("prepare", "a").err)
        assert.is_true(tree.exists(home .. "/.local/share/moonsnap/metadata.db"))
    end))

    it("imports and runs in what was imported", needs.root(function()
        local place <close>, moonsnap = setting()
        moonsnap("import", "base", source_in(place))
        local answer = moonsnap("run", "base", "--at", place:directory(), "--", "cat", "file")
        assert.equal("from below", answer.out, answer.err)
    end))

    it("is told once what one uid cannot keep", needs.root(function()
        local place <close>, moonsnap = setting()
        assert.matches("^moonsnap: import: not kept: 2 owners; first: [^\n]+\n$",
            moonsnap("import", "base", source_in(place)).err)
    end))

    it("can refuse that with --strict", needs.root(function()
        local place <close>, moonsnap = setting()
        assert.not_equal(0, moonsnap("import", "--strict", "base", source_in(place)).code)
    end))

    it("removes and cleans up", needs.root(function()
        local place <close>, moonsnap = setting()
        moonsnap("import", "base", source_in(place))
        assert.same({ 0, 0 }, { moonsnap("rm", "base").code, moonsnap("check").code })
    end))

    it("is told why mount is of no use", needs.root(function()
        local place <close>, moonsnap = setting()
        moonsnap("prepare", "a")
        local answer = moonsnap("mount", "a", place:directory())
        assert.equal(6, answer.code)
        assert.matches("unshare %-Urm", answer.err)
    end))

    it("is told what to do about a root of somebody else", needs.root(function()
        local _place <close>, moonsnap = setting()
        local other <close> = world.new()
        local answer = moonsnap("--root", other.root, "ls")
        assert.equal(6, answer.code)
        assert.matches("\ntry: a root that is yours", answer.err)
    end))
end)
