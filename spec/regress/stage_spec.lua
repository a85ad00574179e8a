--- Staged layers that come to nothing, and the promise of a seal.
local expect = require "spec.support.expect"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails = expect.fails

describe("a native prepare that fails", function()
    it("frees what it staged and leaves the trash of others to cleanup", function()
        local home <close> = world.new { driver = "native" }
        home:layer("base")
        assert(home.store:prepare("a", "base"))
        local others = tree.mkdir(home.root .. "/trash/1.1")
        fails("already_exists", home.store:prepare("a", "base"))
        assert.same({}, tree.list(home.root .. "/new"))
        assert.is_true(tree.exists(others))
    end)
end)

describe("a stage", function()
    it("is adopted once", function()
        local home <close> = world.new()
        local engine = home.store.engine
        local stage = assert(engine:stage("default"))
        assert(engine:adopt("default", stage, "one"))
        fails("failed_precondition", engine:adopt("default", stage, "two"))
        stage:close()
    end)
end)

describe("store:commit(name, key, { seal =, durability = })", function()
    it("refuses a seal that promises less", function()
        local home <close> = world.new()
        assert(home.store:prepare("k"))
        local seal <close> = assert(home.store:seal("k", { durability = "metadata" }))
        fails("invalid_argument", home.store:commit("c", "k", { seal = seal, durability = "layer" }))
        assert.equal("active", assert(home.store:stat("k")).kind)
    end)

    it("takes one that promises more", function()
        local home <close> = world.new()
        assert(home.store:prepare("k"))
        local seal <close> = assert(home.store:seal("k", { durability = "full" }))
        assert(home.store:commit("c", "k", { seal = seal, durability = "layer" }))
    end)
end)
