--- Every way in which rows and directories can disagree: made by hand, found, repaired.
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local tools = require "spec.support.tools"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

local fails = expect.fails

--- A store with base, child (on base), active (on child), lone (active) and view (on base).
local function filled(options)
    local home = world.new(options)
    local store = home.store
    for _, made in ipairs { { "base" }, { "child", "base" } } do
        assert(store:prepare("k", made[2]))
        tree.write(assert(store:layers("k"))[1] .. "/f", made[1])
        assert(store:commit(made[1], "k"))
    end
    assert(store:prepare("active", "child"))
    assert(store:prepare("lone"))
    assert(store:view("view", "base"))
    home.number = {}
    for info in store:walk() do
        home.number[info.name] = info.number
    end
    return home
end

local function below(home, format, ...)
    return home.root .. "/" .. format:format(...)
end

--- "what where" of each finding, sorted.
local function findings(home, repair)
    local found = {}
    for i, finding in ipairs(assert(home.store:check { repair = repair })) do
        found[i] = finding.what .. ": " .. finding.where
    end
    table.sort(found)
    return found
end

local CASES = {
    {
        what = "missing layer", where = "default lone", serious = true,
        harm = function(home) tree.remove(below(home, "layers/%d", home.number.lone)) end,
        healed = function(home) fails("not_found", home.store:stat("lone")) end,
    },
    {
        what = "missing layer", where = "default lone", serious = true, title = "a file in a layer's place",
        harm = function(home)
            tree.remove(below(home, "layers/%d", home.number.lone))
            tree.write(below(home, "layers/%d", home.number.lone), "x")
        end,
        healed = function(home) assert.is_false(tree.exists(below(home, "layers/%d", home.number.lone))) end,
    },
    {
        what = "missing work", where = function(home) return "work/" .. home.number.lone end,
        harm = function(home) tree.remove(below(home, "work/%d", home.number.lone)) end,
        healed = function(home) assert.is_true(tree.exists(below(home, "work/%d", home.number.lone))) end,
    },
    {
        what = "missing marker", where = function(home) return ("layers/%d.row"):format(home.number.base) end,
        harm = function(home) tree.unlink(below(home, "layers/%d.row", home.number.base)) end,
        healed = function(home) assert.is_true(tree.exists(below(home, "layers/%d.row", home.number.base))) end,
    },
    {
        what = "missing marker", title = "a marker that is cut",
        where = function(home) return ("layers/%d.row"):format(home.number.base) end,
        harm = function(home)
            tree.unlink(below(home, "layers/%d.row", home.number.base))
            tree.symlink("9:moonsnap1,1:", below(home, "layers/%d.row", home.number.base))
        end,
        healed = function(home) assert.is_true(tree.exists(below(home, "layers/%d.row", home.number.base))) end,
    },
    {
        what = "stale marker", title = "a marker that tells other labels than the row",
        where = function(home) return ("layers/%d.row"):format(home.number.base) end,
        harm = function(home)
            local marker = below(home, "layers/%d.row", home.number.base)
            local before = assert(unistd.readlink(marker))
            assert(home.store:update({ name = "base", labels = { later = "yes" } }, { "labels.later" }))
            tree.unlink(marker)
            tree.symlink(before, marker)
        end,
        healed = function(home)
            local text = assert(unistd.readlink(below(home, "layers/%d.row", home.number.base)))
            assert.truthy(text:find("later", 1, true))
        end,
    },
    {
        what = "stale marker", where = function(home) return ("layers/%d.row"):format(home.number.lone) end,
        harm = function(home) tree.symlink("x", below(home, "layers/%d.row", home.number.lone)) end,
        healed = function(home) assert.is_false(tree.exists(below(home, "layers/%d.row", home.number.lone))) end,
    },
    {
        what = "stale labels", where = "default active", title = "a row that says other labels than their table",
        harm = function(home)
            tools.sql(home.root, "UPDATE snapshots SET labels = x'32060a0161120131' WHERE key = 'active'")
        end,
        healed = function(home) assert.same({}, assert(home.store:stat("active")).labels) end,
    },
    {
        what = "orphan", where = function(home) return "layers/" .. home.number.lone end,
        title = "a directory of a number that was given",
        harm = function(home)
            assert(home.store:remove("lone"))
            tree.mkdir(below(home, "layers/%d/d", home.number.lone))
        end,
        healed = function(home) assert.is_false(tree.exists(below(home, "layers/%d", home.number.lone))) end,
    },
    {
        what = "orphan", where = function(home) return "work/" .. home.number.lone end,
        title = "a work directory of a number that was given",
        harm = function(home)
            assert(home.store:remove("lone"))
            tree.mkdir(below(home, "work/%d", home.number.lone))
        end,
        healed = function(home) assert.is_false(tree.exists(below(home, "work/%d", home.number.lone))) end,
    },
    {
        what = "unknown layer", where = "layers/4711", title = "content with a number that was never given",
        harm = function(home)
            tree.mkdir(below(home, "layers/4711"))
            tree.write(below(home, "layers/4711/precious"), "x")
        end,
        healed = function(home)
            local kept = tree.list(below(home, "quarantine"))
            assert.equal("x", tree.read(below(home, "quarantine/%s/precious", kept[1])))
        end,
    },
    {
        what = "unknown layer", where = "layers/4711", title = "an empty directory of a number that was never given",
        harm = function(home) tree.mkdir(below(home, "layers/4711")) end,
        healed = function(home)
            assert.same({ false, {} },
                { tree.exists(below(home, "layers/4711")), tree.list(below(home, "quarantine")) })
        end,
    },
    {
        what = "abandoned stage", where = "new/0123456789abcdef",
        harm = function(home) tree.mkdir(below(home, "new/0123456789abcdef/layer/d")) end,
        healed = function(home) assert.same({}, tree.list(below(home, "new"))) end,
    },
}

local function where_of(case, home)
    return type(case.where) == "function" and case.where(home) or case.where
end

describe("store:check()", function()
    it("finds nothing in a store that is whole", function()
        local home <close> = filled()
        assert.same({}, findings(home))
    end)

    it("finds nothing in a native store that is whole", function()
        local home <close> = filled { driver = "native" }
        assert.same({}, findings(home))
    end)

    it("finds nothing in a new store", function()
        local home <close> = world.new()
        assert.same({}, findings(home))
    end)

    it("leaves alone a stage whose maker lives", function()
        local home <close> = filled()
        tree.mkdir(home.dir .. "/source/d")
        local seen
        assert(home.store:import("it", home.dir .. "/source", {
            progress = function() seen = seen or findings(home, true) end,
        }))
        assert.same({}, seen)
    end)

    it("finds several things at once", function()
        local home <close> = filled()
        tree.remove(below(home, "work/%d", home.number.lone))
        tree.symlink("x", below(home, "layers/%d.row", home.number.active))
        assert.equal(2, #findings(home))
    end)

    for _, case in ipairs(CASES) do
        local title = case.title or case.what

        it(("finds %s"):format(title), function()
            local home <close> = filled()
            case.harm(home)
            assert.same({ case.what .. ": " .. where_of(case, home) }, findings(home))
            assert(home.store:check { repair = true })
        end)

        it(("without repair leaves %s as it is"):format(title), function()
            local home <close> = filled()
            case.harm(home)
            local first = findings(home)
            assert.same(first, findings(home))
            assert(home.store:check { repair = true })
        end)

        it(("with repair mends %s"):format(title), function()
            local home <close> = filled()
            case.harm(home)
            assert.is_true(assert(home.store:check { repair = true })[1].repaired)
            case.healed(home)
        end)

        it(("after repair of %s finds nothing"):format(title), function()
            local home <close> = filled()
            case.harm(home)
            assert(home.store:check { repair = true })
            assert.same({}, findings(home))
        end)

        it(("says how serious %s is"):format(title), function()
            local home <close> = filled()
            case.harm(home)
            assert.equal(case.serious or false, assert(home.store:check())[1].serious)
            assert(home.store:check { repair = true })
        end)
    end
end)

describe("a layer that is gone and has children", function()
    local function broken()
        local home = filled()
        tree.remove(below(home, "layers/%d", home.number.base))
        return home
    end

    it("is found", function()
        local home <close> = broken()
        assert.same({ "missing layer: default base" }, findings(home))
    end)

    it("is marked damaged by repair, and stays", function()
        local home <close> = broken()
        assert(home.store:check { repair = true })
        assert.is_true(assert(home.store:stat("base")).damaged)
    end)

    it("refuses mounts of its children then", function()
        local home <close> = broken()
        assert(home.store:check { repair = true })
        fails("data_loss", home.store:mounts("active"))
    end)

    it("refuses new children then", function()
        local home <close> = broken()
        assert(home.store:check { repair = true })
        fails("data_loss", home.store:prepare("another", "base"))
    end)

    it("is removed by repair once its children are", function()
        local home <close> = broken()
        for _, name in ipairs { "active", "view", "child" } do
            assert(home.store:remove(name))
        end
        assert(home.store:check { repair = true })
        fails("not_found", home.store:stat("base"))
    end)

    it("loses its mark by repair when the directory is back", function()
        local home <close> = broken()
        assert(home.store:check { repair = true })
        tree.mkdir(below(home, "layers/%d", home.number.base))
        assert.same({ "damaged mark: default base" }, findings(home))
        assert(home.store:check { repair = true })
        assert(home.store:mounts("active"))
    end)
end)

describe("what is not moonsnap's", function()
    it("is told", function()
        local home <close> = filled()
        tree.write(below(home, "layers/README"), "x")
        assert.same({ "stray entry: layers/README" }, findings(home))
    end)

    it("is kept by repair", function()
        local home <close> = filled()
        tree.write(below(home, "layers/README"), "x")
        assert(home.store:check { repair = true })
        assert.equal("x", tree.read(below(home, "layers/README")))
    end)

    it("has names that look like numbers and are none", function()
        local home <close> = filled()
        for _, name in ipairs { "007", "+1", "-1", "1x", "99999999999999999999", "0x1" } do
            tree.mkdir(below(home, "layers/%s", name))
        end
        assert(home.store:check { repair = true })
        assert.equal(6, #findings(home))
    end)
end)

describe("check { repair = true }", function()
    it("never gives a number again that content without a row had", function()
        local home <close> = filled()
        tree.mkdir(below(home, "layers/4711/d"))
        assert(home.store:check { repair = true })
        assert(home.store:prepare("next"))
        assert.is_true(assert(home.store:stat("next")).number > 4711)
    end)

    it("goes on past what a mount keeps", needs.mounts(function()
        local home <close> = filled()
        home:mounted("lone", function()
            tree.remove(below(home, "layers/%d", home.number.lone))
            tree.remove(below(home, "work/%d", home.number.active))
            local repaired = {}
            for _, finding in ipairs(assert(home.store:check { repair = true })) do
                repaired[finding.what] = finding.repaired
            end
            assert.same({ ["missing layer"] = false, ["missing work"] = true }, repaired)
        end)
        assert(home.store:check { repair = true })
        assert.same({}, findings(home))
    end))

    it("writes an event row for what it removes", function()
        local home <close> = filled()
        tree.remove(below(home, "layers/%d", home.number.lone))
        assert(home.store:check { repair = true })
        local last
        for event in home.store:events() do
            last = event
        end
        assert.same({ "/snapshot/remove", "lone" }, { last.topic, last.key })
    end)

    it("undoes nothing of what others write meanwhile", function()
        local home <close> = filled()
        local other <close> = assert(home:open())
        assert(other:prepare("other"))
        assert(home.store:check { repair = true })
        assert(other:mounts("other"))
    end)
end)

describe("a damaged database", function()
    it("is told as such", function()
        local home <close> = filled()
        -- an index that lacks a row: pages are well formed, the content is not
        tools.sql(home.root, "PRAGMA writable_schema = 1; " ..
            "UPDATE sqlite_schema SET sql = 'CREATE INDEX snapshots_by_parent ON snapshots (created)' " ..
            "WHERE name = 'snapshots_by_parent'")
        home.store:close()
        home.store = assert(home:open())
        local first = assert(home.store:check())[1]
        assert.same({ "database", true }, { first.what, first.serious })
    end)
end)
