--- Processes of another pid namespace: whether they are alive cannot be seen from here, so what is theirs stays.
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local world = require "spec.support.world"

local RULES = { { name = "all", match = "kind==active", expire = { ttl = 0 } } }

--- Runs text, a script with `store` and `pid`, its own, in a pid namespace of its own. Calls act while
--- it waits, and again when it has ended.
local function elsewhere(home, text, act)
    local child = process.start { "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "lua5.4", "-e", ([[
        local moonsnap = require "moonsnap"
        local store = assert(moonsnap.open { root = %q })
        local pid = moonsnap.sys.pid()
        %s
        store:close()
        print "there"
        io.read()
    ]]):format(home.root, text) }
    child:await("there")
    act()
    child:finish()
    act()
end

describe("what belongs to a process of another pid namespace", function()
    it("is not cleaned up, nor collected #root", needs.root(function()
        local home <close> = world.new()
        elsewhere(home, [[assert(store:prepare("a", nil, { owner = pid }))]], function()
            assert.equal(0, assert(home.store:cleanup()).abandoned)
            assert.equal("owned", assert(home.store:gc(RULES):explain("a")).reason)
        end)
        assert(home.store:stat("a"))
    end))

    it("stays leased #root", needs.root(function()
        local home <close> = world.new()
        elsewhere(home, [[
            assert(store:leases():create("job", { pid = pid }))
            assert(store:prepare("a", nil, { lease = "job" }))
        ]], function()
            assert.is_nil(assert(home.store:leases():list())[1].ended)
            assert.same({ leases = {}, removed = {} }, assert(home.store:leases():reap()))
            assert.equal("leased", assert(home.store:gc(RULES):explain("a")).reason)
        end)
        assert.same({ "a" }, expect.names(home.store:walk()))
        assert.same({ "a" }, assert(home.store:leases():delete("job")))
    end))
end)
