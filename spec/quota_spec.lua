--- A quota that is a hook is exact: it counts in the transaction of what it lets through, whoever writes beside it.
local caller = require "spec.support.caller"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local PREPARE = "/containerd.services.snapshots.v1.Snapshots/Prepare"
local REQUEST = "containerd.services.snapshots.v1.PrepareSnapshotRequest"

local QUOTA = [[
    hook { "quota", on = { "prepare", "view" }, match = "labels.tenant", run = function(request)
        if store.count(('labels.tenant=="%s"'):format(request.labels.tenant)) >= 10 then
            return deny("resource_exhausted", "ten are enough")
        end
    end }
]]

local function write_policy(root, text)
    tree.mkdir(root)
    assert(os.execute(("chmod 0700 '%s'"):format(root)))
    tree.write(root .. "/policy.lua", text)
    assert(os.execute(("chmod 0600 '%s/policy.lua'"):format(root)))
end

--- A running service with that policy.
local function served_with(text, options)
    local served = service.new(options)
    write_policy(served.root, text)
    return served:start()
end

--- Sends Prepares without waiting for their answers: functions that answer whether one was granted.
local function begin_prepares(client, prefix, count, tenant)
    local answers = {}
    for i = 1, count do
        local bytes = moonsnap.message.type(REQUEST):encode({
            key = prefix .. i, labels = { tenant = tenant },
        })
        local next_message, state = client:stream(PREPARE, bytes, { timeout_ms = 20000 })
        answers[i] = function()
            local ok, reply = pcall(next_message, state)
            return ok and reply ~= nil, not ok and reply or nil
        end
    end
    return answers
end

local function outcome(answers)
    local granted, kinds = 0, {}
    for _, answer in ipairs(answers) do
        local ok, err = answer()
        granted = granted + (ok and 1 or 0)
        if not ok then
            kinds[type(err) == "table" and err.kind or tostring(err)] = true
        end
    end
    local names = {}
    for kind in pairs(kinds) do
        names[#names + 1] = kind
    end
    return granted, table.concat(names, ", ")
end

describe("a quota of ten, in a service", function()
    it("lets exactly ten of 64 pass that come at once on one connection", function()
        local served <close> = served_with(QUOTA)
        local to <close> = caller.new(served.address)
        local granted, kinds = outcome(begin_prepares(to.client, "k", 64, "blue"))
        assert.same({ 10, "resource_exhausted" }, { granted, kinds })
        assert.equal(10, #to:list({}))
        assert.equal(10, #tree.list(served.root .. "/layers"))
    end)

    it("lets exactly ten pass of 64 on eight connections, for each of two tenants", function()
        local served <close> = served_with(QUOTA)
        local clients, answers = {}, { blue = {}, red = {} }
        for i = 1, 8 do
            clients[i] = caller.new(served.address)
            for tenant, list in pairs(answers) do
                table.move(begin_prepares(clients[i].client, tenant .. i .. "-", 8, tenant), 1, 8, #list + 1, list)
            end
        end
        for _, list in pairs(answers) do
            assert.same({ 10, "resource_exhausted" }, { outcome(list) })
        end
        assert.equal(20, #clients[1]:list({}))
        for _, client in ipairs(clients) do
            client.client:close()
        end
    end)

    it("gives a place back with each that is removed", function()
        local served <close> = served_with(QUOTA)
        local to <close> = caller.new(served.address)
        assert.equal(10, (outcome(begin_prepares(to.client, "k", 12, "blue"))))
        local name = to:list({})[1].name
        assert(to:snapshots("Remove", { key = name }))
        assert.equal(1, (outcome(begin_prepares(to.client, "again", 3, "blue"))))
    end)
end)

describe("a quota of ten, in a module", function()
    it("is exact over several processes that write at once", function()
        local home <close> = world.bare()
        write_policy(home.root, QUOTA)
        do
            local store <close> = assert(moonsnap.open { root = home.root, durability = "metadata" })
            assert(store:stat("none") == nil)
        end
        local workers = {}
        for i = 1, 4 do
            workers[i] = process.worker("script", home.root, ([[
                local granted = 0
                for i = 1, 16 do
                    local ok, err = store:prepare("%d-" .. i, nil, { labels = { tenant = "blue" } })
                    assert(ok or err.kind == "resource_exhausted", err)
                    granted = granted + (ok and 1 or 0)
                end
                print("granted " .. granted)
            ]]):format(i))
        end
        local granted = 0
        for _, worker in ipairs(workers) do
            granted = granted + tonumber((worker:finish()):match("granted (%d+)"))
        end
        assert.equal(10, granted)
        local store <close> = assert(moonsnap.open { root = home.root, durability = "metadata" })
        assert.equal(10, #expect.names(store:walk()))
        assert.equal(10, #tree.list(home.root .. "/layers"))
    end)

    it("sees what its own transaction has done", function()
        local home <close> = world.bare()
        write_policy(home.root, QUOTA)
        local store <close> = assert(moonsnap.open { root = home.root, durability = "metadata" })
        local granted = 0
        store:transaction(function()
            for i = 1, 12 do
                granted = granted + (store:prepare("k" .. i, nil, { labels = { tenant = "blue" } }) and 1 or 0)
            end
            return nil, "and takes it back"
        end)
        assert.equal(10, granted)
        assert(store:prepare("k", nil, { labels = { tenant = "blue" } }))
    end)
end)

describe("who calls, as hooks in a service see it", function()
    it("is the peer of the connection, at its endpoint", function()
        local text = [[
            hook { "who", on = "prepare", run = function(request)
                local c = request.caller
                return deny("aborted", ("%s %s uid %d pid %d request %s"):format(c.door, c.endpoint, c.uid, c.pid,
                    type(c.request)))
            end }
        ]]
        for _, mode in ipairs { "proxy", "direct" } do
            local served <close> = served_with(text, { mode = mode })
            local to <close> = caller.new(served.address)
            local unistd = require "posix.unistd"
            expect.fails_saying("aborted", ("service %s uid %d pid %d request string"):format(mode, unistd.geteuid(),
                unistd.getpid()), to:snapshots("Prepare", { key = "a", snapshotter = "overlayfs" },
                { ["containerd-namespace"] = "default" }))
        end
    end)

    it("gets a failed precondition for a Remove that is denied at a proxy endpoint", function()
        local served <close> = served_with([[
            hook { "keep", on = "remove", match = "current.labels.keep",
                run = function() return deny("permission_denied", "kept") end }
        ]])
        local to <close> = caller.new(served.address)
        assert(to:snapshots("Prepare", { key = "a", labels = { keep = "yes" } }))
        assert(to:snapshots("Prepare", { key = "b" }))
        expect.fails_saying("failed_precondition", "policy keep: kept", to:snapshots("Remove", { key = "a" }))
        assert(to:snapshots("Remove", { key = "b" }))
    end)
end)
