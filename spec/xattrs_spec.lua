--- The two worlds of overlay xattrs: a store made in one is looked at and emptied from the other, and
--- nothing is mounted or built there, or deleted files would come back.
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local world = require "spec.support.world"

local fails_saying = expect.fails_saying

--- Runs a chunk on the store in a user namespace; answers what it printed.
local function in_user_namespace(root, chunk)
    local output = process.run({ "unshare", "-Ur", "lua5.4", process.WORKER, "script", root, chunk },
        { ASAN_OPTIONS = process.asan_options() })
    return output
end

--- A store made in a user namespace with base and an active "a", opened here as root.
local function foreign()
    local home = world.bare()
    assert.equal("done\n", in_user_namespace(home.root, [[
        assert(store:prepare("k")); assert(store:commit("base", "k")); assert(store:prepare("a", "base"))]]))
    home.store = assert(home:open())
    return home
end

--- What is refused in the other world.
local REFUSED = {
    prepare = function(home) return home.store:prepare("new", "base") end,
    ["a prepare without parent"] = function(home) return home.store:prepare("new") end,
    view = function(home) return home.store:view("new", "base") end,
    mounts = function(home) return home.store:mounts("a") end,
    mount = function(home) return home.store:mount("a", home:directory()) end,
    commit = function(home) return home.store:commit("new", "a") end,
    import = function(home) return home.store:import("new", home:directory()) end,
}

--- What is not.
local ALLOWED = {
    stat = function(store) return store:stat("base") end,
    walk = function(store) return #expect.names(store:walk()) == 2 end,
    usage = function(store) return store:usage("a") end,
    layers = function(store) return store:layers("a") end,
    remove = function(store) return store:remove("a") end,
    update = function(store) return store:update { name = "a", labels = { x = "1" } } end,
    cleanup = function(store) return store:cleanup() end,
    check = function(store) return #assert(store:check()) == 0 end,
}

describe("a store made in a user namespace, opened by root", function()
    it("says so", needs.root(function()
        local home <close> = foreign()
        assert.equal("user", home.store.xattrs)
    end))

    for name, call in pairs(REFUSED) do
        it(("refuses %s, saying how to open it"):format(name), needs.root(function()
            local home <close> = foreign()
            fails_saying("failed_precondition", "unshare -Urm", call(home))
        end))
    end

    for name, call in pairs(ALLOWED) do
        it("allows " .. name, needs.root(function()
            local home <close> = foreign()
            assert.is_truthy(call(home.store))
        end))
    end
end)

describe("a store made by root, opened in a user namespace", function()
    local CHUNK = [[local _, err = %s; print(err and err.kind)]]

    for _, call in ipairs { [[store:prepare("new", "base")]], [[store:mounts("a")]], [[store:commit("c", "a")]] } do
        it("refuses " .. call, needs.root(function()
            local home <close> = world.new()
            home:layer("base")
            assert(home.store:prepare("a", "base"))
            assert.equal("failed_precondition\ndone\n", in_user_namespace(home.root, CHUNK:format(call)))
        end))
    end

    it("can be looked at", needs.root(function()
        local home <close> = world.new()
        home:layer("base")
        assert.equal("base\ndone\n", in_user_namespace(home.root, [[print(assert(store:stat("base")).name)]]))
    end))

    it("is no other world for native", needs.root(function()
        local home <close> = world.new { driver = "native" }
        assert.equal("done\n", in_user_namespace(home.root, [[assert(store:prepare("a"))]]))
    end))
end)
