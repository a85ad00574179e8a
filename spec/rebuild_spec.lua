--- metadata.db is lost or ruined, and made anew from the markers beside the layers.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails, fails_saying = expect.fails, expect.fails_saying

--- Commits name on parent, without mounting.
local function commit(store, name, parent, labels)
    assert(store:prepare("k", parent))
    tree.write(assert(store:layers("k"))[1] .. "/" .. #name, name)
    assert(store:commit(name, "k", { labels = labels }))
end

local function infos(store)
    local found = {}
    for info in store:walk() do
        info.used, info.use_count = nil, nil -- use is not kept beside the layer
        found[#found + 1] = info
    end
    return found
end

local ENDS = { "", "-wal", "-shm" }

local function lose(home)
    home.store:close()
    home.store = nil
    for _, end_ in ipairs(ENDS) do
        os.remove(home.root .. "/metadata.db" .. end_)
    end
end

--- Loses the database and rebuilds it; answers how many were found.
local function rebuilt(home)
    lose(home)
    local count = assert(moonsnap.rebuild(home.root))
    home.store = assert(home:open())
    return count
end

describe("moonsnap.rebuild(root)", function()
    it("brings back committed snapshots as they were", function()
        local home <close> = world.new()
        commit(home.store, "base", nil, { a = "b", ["containerd.io/gc.root"] = "2026" })
        commit(home.store, "child", "base")
        local before = infos(home.store)
        rebuilt(home)
        assert.same(before, infos(home.store))
    end)

    it("answers how many it found", function()
        local home <close> = world.new()
        commit(home.store, "base")
        commit(home.store, "child", "base")
        assert.equal(2, rebuilt(home))
    end)

    it("brings back usage", function()
        local home <close> = world.new()
        commit(home.store, "base")
        local before = assert(home.store:usage("base"))
        rebuilt(home)
        assert.same(before, assert(home.store:usage("base")))
    end)

    it("brings back chains that can be mounted", needs.mounts(function()
        local home <close> = world.new()
        commit(home.store, "1")
        commit(home.store, "22", "1")
        commit(home.store, "333", "22")
        rebuilt(home)
        local names = {}
        for name in pairs(home:see("333")) do
            names[#names + 1] = name
        end
        table.sort(names)
        assert.same({ "1", "2", "3" }, names)
    end))

    it("brings back labels that were changed later", function()
        local home <close> = world.new()
        commit(home.store, "base", nil, { a = "old" })
        assert(home.store:update { name = "base", labels = { a = "new", b = "c" } })
        local before = infos(home.store)
        rebuilt(home)
        assert.same(before, infos(home.store))
    end)

    it("brings back names of 32 KiB", function()
        local home <close> = world.new()
        local name = ("n"):rep(32768)
        commit(home.store, name)
        rebuilt(home)
        assert.equal("committed", assert(home.store:stat(name)).kind)
    end)

    it("brings back labels as long as they may be", function()
        local home <close> = world.new()
        local labels = {}
        for i = 1, 100 do
            labels[("label%03d"):format(i)] = ("v"):rep(4000)
        end
        commit(home.store, "base", nil, labels)
        rebuilt(home)
        assert.same(labels, assert(home.store:stat("base")).labels)
    end)

    it("brings back bytes of every kind", function()
        local home <close> = world.new()
        local name = "5:a,b/../\n\t \u{1F319}"
        commit(home.store, name, nil, { ["x:,\n"] = "3:abc,\u{00FC}" })
        local before = infos(home.store)
        rebuilt(home)
        assert.same(before, infos(home.store))
    end)

    it("brings back all namespaces", function()
        local home <close> = world.new()
        commit(home.store, "same name", nil, { of = "default" })
        commit(assert(home.store:namespace("other")), "same name", nil, { of = "other" })
        rebuilt(home)
        assert.same({ "default", "other" }, assert(home.store:namespaces()))
        assert.equal("other", assert(assert(home.store:namespace("other")):stat("same name")).labels.of)
    end)

    it("brings back a child with a lower number than its parent", function()
        local home <close> = world.new()
        assert(home.store:prepare("early"))
        commit(home.store, "late")
        assert(home.store:commit("child", "early", { parent = "late" }))
        local child, parent = assert(home.store:stat("child")), assert(home.store:stat("late"))
        assert.is_true(child.number < parent.number)
        rebuilt(home)
        assert.equal("late", assert(home.store:stat("child")).parent)
    end)

    it("keeps numbers", function()
        local home <close> = world.new()
        commit(home.store, "base")
        local number = assert(home.store:stat("base")).number
        rebuilt(home)
        assert.equal(number, assert(home.store:stat("base")).number)
    end)

    it("knows the driver and the overlay xattrs", function()
        local home <close> = world.new { driver = "native" }
        commit(home.store, "base")
        local xattrs = home.store.xattrs
        rebuilt(home)
        assert.same({ "native", xattrs }, { home.store.driver, home.store.xattrs })
    end)

    it("puts what an active held into quarantine", function()
        local home <close> = world.new()
        commit(home.store, "base")
        assert(home.store:prepare("active", "base"))
        tree.write(assert(home.store:layers("active"))[1] .. "/precious", "x")
        rebuilt(home)
        local kept = tree.list(home.root .. "/quarantine")
        assert.equal("x", tree.read(("%s/quarantine/%s/precious"):format(home.root, kept[1])))
    end)

    it("gives no number again that an active had", function()
        local home <close> = world.new()
        commit(home.store, "base")
        assert(home.store:prepare("active", "base"))
        local number = assert(home.store:stat("active")).number
        rebuilt(home)
        assert(home.store:prepare("next"))
        assert.is_true(assert(home.store:stat("next")).number > number)
    end)

    it("leaves a store that check finds nothing in, once cleaned up", function()
        local home <close> = world.new()
        commit(home.store, "base")
        assert(home.store:prepare("active", "base"))
        rebuilt(home)
        assert(home.store:cleanup())
        assert.same({}, assert(home.store:check()))
    end)

    it("leaves a store that can be written", function()
        local home <close> = world.new()
        commit(home.store, "base")
        rebuilt(home)
        commit(home.store, "child", "base")
        assert.equal("base", assert(home.store:stat("child")).parent)
    end)

    it("leaves out a child whose parent's marker is gone, and keeps its content", function()
        local home <close> = world.new()
        commit(home.store, "other")
        commit(home.store, "base")
        commit(home.store, "child", "base")
        tree.unlink(("%s/layers/%d.row"):format(home.root, assert(home.store:stat("base")).number))
        assert.equal(1, rebuilt(home))
        assert.equal(2, #tree.list(home.root .. "/quarantine"))
    end)

    it("leaves out a marker that is cut", function()
        local home <close> = world.new()
        commit(home.store, "other")
        commit(home.store, "base")
        local marker = ("%s/layers/%d.row"):format(home.root, assert(home.store:stat("base")).number)
        local text = require("posix.unistd").readlink(marker)
        tree.unlink(marker)
        tree.symlink(text:sub(1, #text // 2), marker)
        assert.equal(1, rebuilt(home))
    end)
end)

describe("several processes that rebuild one root", function()
    it("make one database", function()
        local home <close> = world.new()
        for i = 1, 20 do
            assert(home.store:prepare("k"))
            assert(home.store:commit("c" .. i, "k"))
        end
        local text = ("io.stdin:read('a') print(require('moonsnap').rebuild(%q))"):format(home.root)
        for _ = 1, 5 do
            lose(home)
            local workers = {}
            for i = 1, 4 do
                workers[i] = process.start({ "lua5.4", "-e", text }, { ASAN_OPTIONS = process.asan_options() })
            end
            local output = ""
            for _, worker in ipairs(workers) do
                worker:release()
            end
            for _, worker in ipairs(workers) do
                output = output .. worker:finish()
            end
            home.store = assert(home:open(), output)
            assert.equal(20, #expect.names(home.store:walk()), output)
        end
    end)
end)

describe("a ruined database", function()
    local function ruin(home)
        home.store:close()
        home.store = nil
        for _, end_ in ipairs { "-wal", "-shm" } do
            os.remove(home.root .. "/metadata.db" .. end_)
        end
        tree.write(home.root .. "/metadata.db", ("ruin "):rep(2000))
    end

    it("is kept beside the new one", function()
        local home <close> = world.new()
        commit(home.store, "base")
        ruin(home)
        assert(moonsnap.rebuild(home.root))
        local kept
        for _, name in ipairs(tree.list(home.root)) do
            kept = name:match("^metadata%.db%.lost%.%d+$") or kept
        end
        assert.equal("ruin ", tree.read(home.root .. "/" .. kept):sub(1, 5))
    end)

    it("is refused by open, which says how to rebuild", function()
        local home <close> = world.new()
        commit(home.store, "base")
        ruin(home)
        fails_saying("data_loss", "rebuil", home:open())
    end)

    it("that is gone beside layers is refused by open, which says how to rebuild", function()
        local home <close> = world.new()
        commit(home.store, "base")
        lose(home)
        fails_saying("data_loss", "rebuil", home:open())
    end)

    it("that is gone beside layers is not taken for no store", function()
        local home <close> = world.new()
        commit(home.store, "base")
        lose(home)
        fails_saying("data_loss", "rebuil", moonsnap.open { root = home.root, create = false })
    end)
end)

describe("moonsnap.rebuild(root) refuses", function()
    it("a database that can be read", function()
        local home <close> = world.new()
        commit(home.store, "base")
        home.store:close()
        home.store = nil
        fails("failed_precondition", moonsnap.rebuild(home.root))
    end)

    it("a root that is not there", function()
        local home <close> = world.bare()
        fails("not_found", moonsnap.rebuild(home.root))
    end)

    it("a root without any marker", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        lose(home)
        fails("not_found", moonsnap.rebuild(home.root))
    end)

    it("and then has moved no layer", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local own = assert(home.store:layers("a"))[1]
        lose(home)
        moonsnap.rebuild(home.root)
        assert.is_true(tree.exists(own))
    end)

    it("and then has made no new store", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        lose(home)
        moonsnap.rebuild(home.root)
        fails("data_loss", home:open())
    end)

    it("and then has kept the ruins in their place", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        lose(home)
        tree.write(home.root .. "/metadata.db", ("ruin "):rep(2000))
        moonsnap.rebuild(home.root)
        assert.equal("ruin ", tree.read(home.root .. "/metadata.db"):sub(1, 5))
    end)
end)
