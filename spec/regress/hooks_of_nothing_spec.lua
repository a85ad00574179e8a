--- Of a snapshot that is not there no hook is asked: a request for it is refused by the engine, as without hooks.
local caller = require "spec.support.caller"
local expect = require "spec.support.expect"
local policed = require "spec.support.policed"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local POLICY = [[
    hook { "looks", on = { "commit", "remove", "update", "touch", "pin" }, run = function(request)
        if request.current.labels.kept then
            return deny("aborted", "kept")
        end
    end }
]]

describe("a hook that looks at what is there", function()
    it("does not fail, and is not switched off, where nothing is", function()
        local home <close> = world.bare()
        local store <close> = policed.open(home, POLICY)
        for _ = 1, 6 do
            expect.fails_saying("not_found", "commit 'c': snapshot 'none' does not exist", store:commit("c", "none"))
            expect.fails("not_found", store:remove("none"))
            expect.fails("not_found", store:update { name = "none", labels = { a = "b" } })
            expect.fails("not_found", store:touch("none"))
            expect.fails("not_found", store:pins():add("none"))
        end
        assert(store:prepare("a", nil, { labels = { kept = "yes" } }))
        expect.fails("aborted", store:remove("a"))
        assert.equal(0, store.shared.hooks:status()[1].failures)
    end)

    it("lets containerd repeat a commit", function()
        local served = service.new { mode = "direct" }
        policed.write(served.root, tree.read "examples/policies/scratch.lua")
        local _ending <close> = served:start()
        local to <close> = caller.new(served.address, { ["containerd-namespace"] = "default" })
        assert(to:snapshots("Prepare", { key = "a", snapshotter = "overlayfs" }))
        assert(to:snapshots("Commit", { key = "a", name = "c", snapshotter = "overlayfs" }))
        for _ = 1, 6 do
            expect.fails("already_exists", to:snapshots("Commit", { key = "a", name = "c", snapshotter = "overlayfs" }))
        end
    end)
end)
