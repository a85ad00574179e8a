--- Layers of a later database (a backup was restored): whatever their order in the directory, none is
--- taken for a removed one.
local tree = require "spec.support.tree"
local world = require "spec.support.world"

--- Layers with content that no row ever had, in numbers that the store has not given yet.
local function put_unknown(home, first, last)
    for number = first, last do
        tree.write(tree.mkdir(("%s/layers/%d"):format(home.root, number)) .. "/f", "content")
    end
end

describe("store:cleanup() beside layers with numbers never given", function()
    it("moves each of them to quarantine", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        put_unknown(home, 11, 30)
        local result = assert(home.store:cleanup())
        assert.equal(20, result.quarantined)
        assert.equal(20, #tree.list(home.root .. "/quarantine"))
    end)

    it("frees what was removed all the same", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local number = assert(home.store:stat("a")).number
        assert(home.store:remove("a"))
        put_unknown(home, number, number)
        put_unknown(home, 30, 30)
        assert(home.store:cleanup())
        assert.same({ "30" }, { tree.list(home.root .. "/quarantine")[1]:match("^%d+") })
    end)

    it("gives their numbers to nobody", function()
        local home <close> = world.new()
        put_unknown(home, 11, 30)
        assert(home.store:cleanup())
        assert(home.store:prepare("a"))
        assert.equal(31, assert(home.store:stat("a")).number)
    end)
end)

describe("a view that gets the number of a layer never given", function()
    it("moves the layer to quarantine, so that removing the view frees nothing of it", function()
        local home <close> = world.new()
        home:layer("base")
        local number = assert(home.store:stat("base")).number + 1
        put_unknown(home, number, number)
        assert(home.store:view("v", "base"))
        assert.equal(number, assert(home.store:stat("v")).number)
        assert(home.store:remove("v"))
        assert.equal(1, #tree.list(home.root .. "/quarantine"))
    end)
end)
