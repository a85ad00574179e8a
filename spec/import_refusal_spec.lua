local expect = require "spec.support.expect"
local tar = require "spec.support.tar"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails = expect.fails

--- Imports a tar of these entries as "it".
local function import(home, entries, options)
    return home.store:import("it", tar.write(home.dir .. "/it.tar", entries), options)
end

--- Tars that mean harm, and the kind that each is refused with.
local HOSTILE = {
    { "a name with ..", "invalid_argument", { { "../evil", "x" } } },
    { "a name with .. in its middle", "invalid_argument", { { "a/../../evil", "x" } } },
    { "an absolute name", "invalid_argument", { { "/evil", "x" } } },
    { "a hard link to the outside", "invalid_argument", { { "evil", kind = "1", link = "../../metadata.db" } } },
    { "a hard link to an absolute name", "invalid_argument", { { "evil", kind = "1", link = "/etc/passwd" } } },
    { "a hard link to nothing", "invalid_argument", { { "evil", kind = "1", link = "nothing" } } },
    { "an entry through a symbolic link", "invalid_argument",
        { { "out", kind = "2", link = "../.." }, { "out/evil", "x" } } },
    { "a hard link through a symbolic link", "invalid_argument",
        { { "out", kind = "2", link = "../.." }, { "evil", kind = "1", link = "out/gate" } } },
    { "a whiteout that leads out", "invalid_argument", { { "d/" }, { "d/.wh..." } } },
}

describe("a hostile tar", function()
    for _, case in ipairs(HOSTILE) do
        it(("with %s is refused"):format(case[1]), function()
            local home <close> = world.new()
            fails(case[2], import(home, case[3]))
        end)

        it(("with %s leaves nothing behind"):format(case[1]), function()
            local home <close> = world.new()
            import(home, case[3])
            local left = {}
            for _, part in ipairs { "layers", "new", "trash", "quarantine" } do
                for _, name in ipairs(tree.list(home.root .. "/" .. part)) do
                    left[#left + 1] = part .. "/" .. name
                end
            end
            assert.same({ {}, false, false }, { left, tree.exists("/evil"), tree.exists(home.root .. "/evil") })
        end)
    end

    it("leaves the name free", function()
        local home <close> = world.new()
        import(home, { { "../evil", "x" } })
        assert(import(home, { { "f", "x" } }))
    end)
end)

describe("a broken source", function()
    local function cut(home, at)
        local path = home.dir .. "/cut.tar"
        tree.write(path, tar.pack({ { "f", ("x"):rep(5000) } }):sub(1, at))
        return home.store:import("it", path)
    end

    it("that ends within a file is refused", function()
        local home <close> = world.new()
        fails("data_loss", cut(home, 2000))
    end)

    it("that ends within a header is refused", function()
        local home <close> = world.new()
        fails("invalid_argument", cut(home, 300))
    end)

    it("that is no archive is refused", function()
        local home <close> = world.new()
        tree.write(home.dir .. "/noise", ("noise "):rep(1000))
        fails("invalid_argument", home.store:import("it", home.dir .. "/noise"))
    end)

    it("that is cut leaves no staged layer", function()
        local home <close> = world.new()
        cut(home, 2000)
        assert.same({ {}, {} }, { tree.list(home.root .. "/new"), tree.list(home.root .. "/trash") })
    end)

    it("that is not there is not found", function()
        local home <close> = world.new()
        fails("not_found", home.store:import("it", home.dir .. "/nothing.tar"))
    end)
end)

describe("store:import(name, source) that cannot be published", function()
    it("refuses a name that is taken", function()
        local home <close> = world.new()
        assert(import(home, { { "f", "x" } }))
        fails("already_exists", import(home, { { "f", "x" } }))
    end)

    it("refuses a name that an active has", function()
        local home <close> = world.new()
        assert(home.store:prepare("it"))
        fails("already_exists", import(home, { { "f", "x" } }))
    end)

    it("refuses a parent that is not there", function()
        local home <close> = world.new()
        fails("not_found", import(home, { { "f", "x" } }, { parent = "nothing" }))
    end)

    it("refuses a parent that is active", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        fails("invalid_argument", import(home, { { "f", "x" } }, { parent = "a" }))
    end)

    it("refuses a name that was taken while it read", function()
        local home <close> = world.new()
        local taken = false
        fails("already_exists", import(home, { { "f", "x" } }, {
            progress = function()
                taken = taken or assert(home.store:prepare("it"))
            end,
        }))
    end)

    it("refuses a label that is too long", function()
        local home <close> = world.new()
        fails("invalid_argument", import(home, { { "f", "x" } }, { labels = { a = ("x"):rep(262144) } }))
    end)
end)

for _, driver in ipairs { "overlay", "native" } do
    describe(("an import in a transaction (%s)"):format(driver), function()
        it("is rolled back with it", function()
            local home <close> = world.new { driver = driver }
            pcall(home.store.transaction, home.store, function()
                assert(import(home, { { "f", "x" } }))
                error("no")
            end)
            assert.same({ {}, {}, {} }, { expect.names(home.store:walk()), tree.list(home.root .. "/layers"),
                tree.list(home.root .. "/new") })
        end)

        it("can be the parent of the next", function()
            local home <close> = world.new { driver = driver }
            assert(home.store:transaction(function(store)
                assert(import(home, { { "f", "x" } }))
                return store:import("child", tar.write(home.dir .. "/2.tar", { { "g", "y" } }), { parent = "it" })
            end))
            assert.same({}, assert(home.store:check()))
        end)
    end)
end
