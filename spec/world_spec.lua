--- A store keeps the overlay xattrs of who made it: trusted.overlay.* are root's, user.overlay.* are of a
--- user namespace. From the other side it can be looked at and removed, and nothing else.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails, fails_saying = expect.fails, expect.fails_saying

local UID = 60124

--- Runs a chunk as an ordinary user, who becomes root of a user namespace when inside is set; it finds
--- the store's root in `root` and moonsnap.
local function as_user(home, inside, chunk)
    local text = ([[
        local moonsnap, root = require "moonsnap", %q
        if %s then assert(moonsnap.sys.enter_user_namespace()) end
        %s
        print("done")]]):format(home.root, inside, chunk)
    local output = process.run({
        "setpriv", "--reuid=" .. UID, "--regid=" .. UID, "--clear-groups", "lua5.4", "-e", text,
    }, { ASAN_OPTIONS = process.asan_options() })
    assert.is_truthy(output:find("done\n", 1, true), output)
end

local MAKE = [[
    local store <close> = assert(moonsnap.open { root = root, durability = "metadata" })
    assert(store:prepare("k"))
    assert(store:commit("base", "k", { labels = { a = "b" } }))
    assert(store:prepare("active", "base"))
    assert(store:view("view", "base"))
    assert(store:prepare("lone"))
]]

--- A user's store, opened by root.
local function users()
    local home = world.bare()
    tree.chown(home.dir, UID, UID)
    as_user(home, true, MAKE)
    home.store = assert(home:open())
    return home
end

describe("a new store", function()
    it("made by root uses trusted xattrs", needs.root(function()
        local home <close> = world.new()
        assert.equal("trusted", home.store.xattrs)
    end))

    for _, inside in ipairs { true, false } do
        it(("made by a user %s a user namespace uses user xattrs"):format(inside and "inside" or "outside"),
            needs.root(function()
                local home <close> = world.bare()
                tree.chown(home.dir, UID, UID)
                as_user(home, inside, MAKE .. [[assert(store.xattrs == "user")]])
            end))
    end

    it("keeps its xattrs whoever opens it", needs.root(function()
        local home <close> = users()
        assert.equal("user", home.store.xattrs)
    end))
end)

describe("a user's store that root opens", function()
    local LOOKS = {
        { "stat", function(store) return store:stat("base") end },
        { "usage", function(store) return store:usage("base") end },
        { "layers", function(store) return store:layers("active") end },
        { "diff", function(store) return store:diff("base") end },
        { "check", function(store) return store:check() end },
        { "remove of an active", function(store) return store:remove("active") end },
        { "remove of a view", function(store) return store:remove("view") end },
        { "cleanup", function(store) return store:cleanup() end },
        { "update of labels", function(store) return store:update { name = "base", labels = { c = "d" } } end },
    }
    for _, case in ipairs(LOOKS) do
        it(("lets root do %s"):format(case[1]), needs.root(function()
            local home <close> = users()
            assert(case[2](home.store))
        end))
    end

    it("is walked", needs.root(function()
        local home <close> = users()
        assert.same({ "active", "base", "lone", "view" }, expect.names(home.store:walk()))
    end))

    it("loses directories with their rows", needs.root(function()
        local home <close> = users()
        for _, name in ipairs { "active", "view", "base", "lone" } do
            assert(home.store:remove(name))
        end
        assert.same({ {}, {} }, { tree.list(home.root .. "/layers"), tree.list(home.root .. "/trash") })
    end))

    local REFUSED = {
        { "mounts of an active", function(store) return store:mounts("active") end },
        { "mounts of a view", function(store) return store:mounts("view") end },
        { "mount", function(store, home) return store:mount("active", home:directory()) end },
        { "prepare with a parent", function(store) return store:prepare("x", "base") end },
        { "view of a parent", function(store) return store:view("x", "base") end },
        { "commit", function(store) return store:commit("x", "lone") end },
        { "import", function(store, home)
            tree.mkdir(home.dir .. "/source")
            return store:import("x", home.dir .. "/source")
        end },
        { "run", function(store) return store:run("base", { "/bin/true" }) end },
    }
    for _, case in ipairs(REFUSED) do
        it(("refuses %s"):format(case[1]), needs.root(function()
            local home <close> = users()
            fails("failed_precondition", case[2](home.store, home))
        end))
    end

    it("says how to open it", needs.root(function()
        local home <close> = users()
        fails_saying("failed_precondition", "user namespace", home.store:mounts("active"))
    end))

    it("is its user's still", needs.root(function()
        local home <close> = users()
        assert(home.store:remove("active"))
        home.store:close()
        home.store = nil
        as_user(home, true, [[
            local store <close> = assert(moonsnap.open { root = root })
            assert(store:prepare("again", "base"))
            assert(store:mounts("again"))]])
    end))
end)

describe("root's store in a user namespace", function()
    it("refuses mounts, saying how to open it", needs.root(function()
        local home <close> = world.new()
        home:layer("base")
        home.store:close()
        home.store = nil
        process.must("chown", "-R", ("%d:%d"):format(UID, UID), home.dir)
        as_user(home, true, [[
            local store <close> = assert(moonsnap.open { root = root })
            assert(store.xattrs == "trusted")
            assert(store:stat("base"))
            local made, err = store:prepare("x", "base")
            assert(not made and err.kind == "failed_precondition", tostring(err))
            assert(err.message:find("root", 1, true), err.message)]])
    end))
end)

describe("a native store", function()
    it("is the same from both sides", needs.root(function()
        local home <close> = world.bare()
        tree.chown(home.dir, UID, UID)
        as_user(home, true, [[
            local store <close> = assert(moonsnap.open { root = root, driver = "native" })
            assert(store:prepare("k"))
            assert(store:commit("base", "k"))]])
        home.store = assert(moonsnap.open { root = home.root })
        assert(home.store:prepare("x", "base"))
        assert(home.store:mounts("x"))
    end))
end)
