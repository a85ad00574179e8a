--- A power cut, played: the boot id of the process changes, and directories that had never reached
--- the disk are gone.
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local stdlib = require "posix.stdlib"
local tools = require "spec.support.tools"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails = expect.fails

--- A store written in another boot: base and child (committed), covered (active, then a commit
--- covered its directories), young (active, younger than any cover), view. It is closed.
local function before(options)
    local home = world.new(options)
    local store = home.store
    assert(store:prepare("covered"))
    assert(store:prepare("k"))
    tree.write(assert(store:layers("k"))[1] .. "/f", "x")
    assert(store:commit("base", "k"))
    assert(store:prepare("k", "base"))
    assert(store:commit("child", "k"))
    assert(store:prepare("young", "child"))
    assert(store:view("view", "child"))
    home.number = {}
    for info in store:walk() do
        home.number[info.name] = info.number
    end
    store:close()
    home.store = nil
    return home
end

local function layer(home, name)
    return ("%s/layers/%d"):format(home.root, home.number[name])
end

local function work(home, name)
    return ("%s/work/%d"):format(home.root, home.number[name])
end

--- Opens the store as the next boot does.
local function boot(home)
    stdlib.setenv("MOONSNAP_BOOT_ID", "the next boot")
    local store, err = home:open()
    stdlib.setenv("MOONSNAP_BOOT_ID")
    home.store = store
    return assert(store, err)
end

local function damaged(store)
    local names = {}
    for info in store:walk() do
        if info.damaged then
            names[#names + 1] = info.name
        end
    end
    return names
end

describe("open after a power cut", function()
    it("writes the markers again that were not on disk yet, or only in part", function()
        local home <close> = before()
        tree.unlink(layer(home, "child") .. ".row")
        tree.unlink(layer(home, "base") .. ".row")
        tree.symlink("9:moonsnap1,1:", layer(home, "base") .. ".row")
        local store = boot(home)
        assert.same({}, assert(store:check()))
        assert.same({}, damaged(store))
    end)

    it("with nothing lost changes nothing", function()
        local home <close> = before()
        local store = boot(home)
        assert.same({ {}, {} }, { damaged(store), assert(store:check()) })
    end)

    it("makes anew the directories of an active that no fsync covered", function()
        local home <close> = before()
        tree.remove(layer(home, "young"))
        tree.remove(work(home, "young"))
        local store = boot(home)
        assert.same({ {}, {} }, { damaged(store), assert(store:check()) })
    end)

    it("lets an active made anew be mounted", needs.mounts(function()
        local home <close> = before()
        tree.remove(layer(home, "young"))
        tree.remove(work(home, "young"))
        boot(home)
        home:mounted("young", function(at) tree.write(at .. "/f", "y") end)
        assert.equal("y", tree.read(layer(home, "young") .. "/f"))
    end))

    it("keeps the content of an active whose directory is there", function()
        local home <close> = before()
        tree.write(layer(home, "young") .. "/f", "y")
        boot(home)
        assert.equal("y", tree.read(layer(home, "young") .. "/f"))
    end)

    it("makes anew a work directory alone", function()
        local home <close> = before()
        tree.write(layer(home, "covered") .. "/f", "y")
        tree.remove(work(home, "covered"))
        boot(home)
        assert.same({ "y", true }, { tree.read(layer(home, "covered") .. "/f"), tree.exists(work(home, "covered")) })
    end)

    it("marks damaged an active that an fsync had covered", function()
        local home <close> = before()
        tree.remove(layer(home, "covered"))
        assert.same({ "covered" }, damaged(boot(home)))
    end)

    it("marks damaged a committed snapshot without its directory", function()
        local home <close> = before()
        tree.remove(layer(home, "child"))
        assert.same({ "child" }, damaged(boot(home)))
    end)

    it("looks once: in the same boot nothing is made anew", function()
        local home <close> = before()
        boot(home):close()
        tree.remove(work(home, "young"))
        boot(home)
        assert.is_false(tree.exists(work(home, "young")))
        assert(home.store:check { repair = true })
    end)

    it("looks at nothing when the boot is the same", function()
        local home <close> = before()
        tree.remove(work(home, "young"))
        home.store = assert(home:open())
        assert.is_false(tree.exists(work(home, "young")))
        assert(home.store:check { repair = true })
    end)

    it("covers what it made anew: lost once more, it is damaged", function()
        local home <close> = before()
        tree.remove(layer(home, "young"))
        boot(home):close()
        tree.remove(layer(home, "young"))
        home.store = assert(home:open()) -- the real boot id: one more boot
        assert.same({ "young" }, damaged(home.store))
    end)
end)

describe("a snapshot that a power cut damaged", function()
    local function harmed(name)
        local home = before()
        tree.remove(layer(home, name))
        return home, boot(home)
    end

    it("is listed", function()
        local home <close>, store = harmed("child")
        assert.same({ "base", "child", "covered", "view", "young" }, expect.names(store:walk()))
        assert.is_true(home.store:stat("child").damaged)
    end)

    it("refuses mounts", function()
        local _home <close>, store = harmed("covered")
        fails("data_loss", store:mounts("covered"))
    end)

    it("refuses mounts of its descendants", function()
        local _home <close>, store = harmed("base")
        fails("data_loss", store:mounts("young"))
    end)

    it("refuses children", function()
        local _home <close>, store = harmed("child")
        fails("data_loss", store:prepare("another", "child"))
    end)

    it("refuses to be committed", function()
        local _home <close>, store = harmed("covered")
        fails("data_loss", store:commit("c", "covered"))
    end)

    it("can be removed", function()
        local home <close>, store = harmed("covered")
        assert(store:remove("covered"))
        assert.same({}, assert(home.store:check()))
    end)

    it("is ended by check { repair = true }", function()
        local home <close>, store = harmed("covered")
        assert(store:check { repair = true })
        fails("not_found", home.store:stat("covered"))
    end)

    it("does not harm others", function()
        local home <close>, store = harmed("covered")
        assert(store:mounts("young"))
        assert(home.store:prepare("another", "child"))
    end)
end)

describe("open of a native store after a power cut", function()
    it("marks damaged an active with a parent: its content was a copy", function()
        local home <close> = before { driver = "native" }
        tree.remove(layer(home, "young"))
        assert.same({ "young" }, damaged(boot(home)))
    end)

    it("makes anew an active without parent that no fsync covered", function()
        local home <close> = world.new { driver = "native" }
        assert(home.store:prepare("young"))
        local own = assert(home.store:layers("young"))[1]
        home.store:close()
        tree.remove(own)
        assert.same({}, damaged(boot(home)))
        assert.is_true(tree.exists(own))
    end)
end)

describe("settings of a store", function()
    it("remember the boot of the last writer", function()
        local home <close> = before()
        boot(home):close()
        home.store = nil
        assert.equal("the next boot\n", tools.sql(home.root, "SELECT value FROM settings WHERE name = 'boot_id'"))
    end)

    it("remember how far an fsync has covered directories", function()
        local home <close> = before()
        local covered = tools.sql(home.root, "SELECT value FROM settings WHERE name = 'covered'")
        assert.is_true(tonumber(covered) >= home.number.child and tonumber(covered) < home.number.young)
    end)
end)
