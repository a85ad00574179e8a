--- A row may have any number of labels, and its marker all of them.
local moonsnap = require "moonsnap"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local function labels(count)
    local made = {}
    for i = 1, count do
        made["label" .. i] = ("x"):rep(4000)
    end
    return made
end

local function committed(home)
    assert(home.store:prepare("k"))
    assert(home.store:commit("c", "k", { labels = labels(1200) }))
    return home
end

describe("the marker of a snapshot with more than 4 MiB of labels", function()
    it("is whole", function()
        local home <close> = committed(world.new())
        assert.same({}, assert(home.store:check()))
    end)

    it("is what a lost database is rebuilt from", function()
        local home <close> = committed(world.new())
        home.store:close()
        tree.unlink(home.root .. "/metadata.db")
        assert.equal(1, assert(moonsnap.rebuild(home.root)))
        home.store = assert(home:open())
        assert.same(labels(1200), assert(home.store:stat("c")).labels)
    end)

    it("goes with the labels", function()
        local home <close> = committed(world.new())
        assert(home.store:update { name = "c", labels = {} })
        assert.equal(2, #tree.list(home.root .. "/layers"))
    end)
end)
