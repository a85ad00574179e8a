--- What a dead owner leaves is asked about before cleanup removes it: an owner is no way around a policy.
local caller = require "spec.support.caller"
local dkjson = require "dkjson"
local expect = require "spec.support.expect"
local memory = require "moonsnap.testing.memory"
local moonsnap = require "moonsnap"
local policed = require "spec.support.policed"
local process = require "spec.support.process"
local service = require "spec.support.service"
local snapshotter = require "moonsnap.snapshotter"
local world = require "spec.support.world"

local POLICY = [[
    labels { label.protect { "base", snapshot = true } }
    hook { "saved", on = "evict", match = "current.labels.save", run = function(request)
        return deny("aborted", "saved in " .. request.namespace)
    end }
]]

--- Three snapshots of an owner that is gone, in two namespaces.
local function abandoned(home)
    local owner = process.start { "cat" }
    policed.without(home, function(store)
        assert(store:prepare("protected", nil, { labels = { base = "yes" }, owner = owner.pid }))
        assert(store:prepare("none", nil, { owner = owner.pid }))
        local other = assert(store:namespace("other"))
        assert(other:prepare("saved", nil, { labels = { save = "yes" }, owner = owner.pid }))
    end)
    owner:finish()
end

local function spared_by_key(cleaned)
    local texts = {}
    for _, one in ipairs(cleaned.spared) do
        texts[one.namespace .. "/" .. one.key] = one.text
    end
    return texts
end

local function check_spared(cleaned)
    local texts = spared_by_key(cleaned)
    assert.is_truthy(texts["default/protected"]:find("label.protect base", 1, true))
    assert.equal("evict 'saved': policy saved: saved in other", texts["other/saved"])
    assert.equal(2, #cleaned.spared)
end

describe("cleanup of what dead owners left", function()
    it("leaves what hooks of evict refuse, and says so", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, POLICY)
        abandoned(home)
        local cleaned = assert(store:cleanup())
        assert.equal(1, cleaned.abandoned)
        check_spared(cleaned)
        assert.same({ "protected" }, expect.names(store:walk()))
        assert.same({ "saved" }, expect.names(store:namespace("other"):walk()))
    end)

    it("removes them when nobody refuses any more, as it does without hooks", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, POLICY)
        abandoned(home)
        assert(store:cleanup())
        policed.without(home, function(raw)
            local cleaned = assert(raw:cleanup())
            assert.same({ 2 }, { cleaned.abandoned, cleaned.spared })
        end)
    end)

    it("asks nobody about what is pinned or has children, which stay", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, POLICY)
        local owner = process.start { "cat" }
        assert(store:prepare("pinned", nil, { owner = owner.pid }))
        assert(store:pins():add("pinned"))
        owner:finish()
        local cleaned = assert(store:cleanup())
        assert.same({ 0 }, { cleaned.abandoned, cleaned.spared })
        assert(store:stat("pinned"))
    end)

    it("is refused in a transaction, and removes nothing", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, POLICY)
        abandoned(home)
        local err
        store:transaction(function()
            err = expect.fails("failed_precondition", store:cleanup())
            return true
        end)
        assert.is_truthy(err)
        assert(store:stat("none"))
    end)

    it("asks in a service too", function()
        local served = service.new { mode = "direct" }
        local home = { root = served.root }
        policed.write(served.root, POLICY)
        abandoned(home)
        local _guard <close> = served:start() -- which begins to clean up, too
        local to <close> = caller.new(served.address, { ["containerd-namespace"] = "default" })
        for reply in to:stream("/moonsnap.v1.Control/Call", "moonsnap.v1.CallRequest", { verb = "cleanup" },
            "moonsnap.v1.CallResponse") do
            check_spared(dkjson.decode(reply.line))
        end
        assert(to:snapshots("Stat", { key = "protected", snapshotter = "overlayfs" }))
        expect.fails("not_found", to:snapshots("Stat", { key = "none", snapshotter = "overlayfs" }))
    end)

    it("asks before a store in memory", function()
        local alive = true
        local engine = memory.new { core = moonsnap, alive = function() return alive end }
        local store = snapshotter.new(moonsnap, engine, "default", {})
        assert(store:hook { "saved", on = "evict", match = "key==b", run = function()
            return moonsnap.verdict.deny("aborted", "saved")
        end })
        for _, key in ipairs { "a", "b" } do
            assert(store:prepare(key, nil, { owner = 7 }))
        end
        alive = false
        local cleaned = assert(store:cleanup())
        assert.same({ 1, 1 }, { cleaned.abandoned, #cleaned.spared })
        assert.same({ "b" }, expect.names(store:walk()))
    end)
end)
