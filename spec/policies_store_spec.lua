--- The example policies on real stores, by the command and the service.
local dkjson = require "dkjson"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local rfc3339 = require "moonsnap.rfc3339"
local service = require "spec.support.service"
local signal = require "posix.signal"
local time = require "posix.time"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

--- A copy of an example: root's own are nobody's in an ordinary user's namespace.
local function copy_of(dir, name)
    local path = ("%s/%s.lua"):format(dir, name)
    tree.write(path, tree.read(("examples/policies/%s.lua"):format(name)), 384)
    return path
end

--- A store whose policy.lua includes an example.
local function store_with(home, name, options)
    assert(moonsnap.open { root = home.root }):close()
    tree.write(home.root .. "/policy.lua", ("include(%q, %s)"):format(copy_of(home.dir, name),
        options or "{}"), 384)
    return assert(moonsnap.open { root = home.root })
end

local function refused(kind, fragment, result, err)
    assert.is_nil(result)
    assert.equal(kind, err.kind, err.message)
    assert.is_truthy(err.message:find(fragment, 1, true), err.message)
end

local function command(home, ...)
    return process.run({ "bin/moonsnap", "--root", home.root, ... }, { ASAN_OPTIONS = process.asan_options() })
end

local function make(store, name, labels, size)
    assert(store:prepare("making", nil, { labels = labels }))
    if size then
        local info = assert(store:stat("making"))
        tree.write(("%s/layers/%d/content"):format(store.root, info.number), ("x"):rep(size))
    end
    assert(store:commit(name, "making", { labels = labels }))
end

describe("examples/policies on a store:", function()
    it("a tenant's share holds for the command and for scripts", function()
        local home <close> = world.bare()
        local store <close> = store_with(home, "tenants", "{ snapshots = 2 }")
        assert(store:prepare("blue/a", nil, { labels = { tenant = "blue" } }))
        local said, status = command(home, "prepare", "--label", "tenant=blue", "blue/b")
        assert.equal(0, status, said)
        said, status = command(home, "prepare", "--label", "tenant=blue", "blue/c")
        assert.equal(7, status, said)
        assert.is_truthy(said:find("tenant 'blue' has its 2 snapshots", 1, true), said)
        refused("resource_exhausted", "its 2 snapshots",
            store:prepare("blue/c", nil, { labels = { tenant = "blue" } }))
    end)

    it("scratch goes with a job that is killed", function()
        local home <close> = world.bare()
        local store <close> = store_with(home, "scratch")
        refused("invalid_argument", "--owner", store:prepare("job", nil, { labels = { class = "scratch" } }))
        local job = process.start { "sleep", "1000" }
        local _, status = command(home, "prepare", "--label", "class=scratch", "--owner", tostring(job.pid), "job")
        assert.equal(0, status)
        assert(store:cleanup())
        assert.is_truthy(store:stat("job"))
        job:kill(signal.SIGKILL)
        job:finish()
        assert(store:cleanup())
        refused("not_found", "job", store:stat("job"))
    end)

    it("scratch goes when its time is over, if nobody works in it", function()
        local home <close> = world.bare()
        local store <close> = store_with(home, "scratch", [[{ ttl = "1s" }]])
        local job = process.start { "sleep", "1000" }
        assert(store:prepare("job", nil, { labels = { class = "scratch" }, owner = job.pid }))
        local expires = assert(store:stat("job")).labels["moonsnap/expires"]
        assert.is_truthy(expires:find("^%d%d%d%d%-%d%d%-%d%dT"))
        while moonsnap.sys.now() <= assert(rfc3339.parse(expires)) do
            time.nanosleep { tv_sec = 0, tv_nsec = 50000000 }
        end
        local said = command(home, "gc", "explain", "job")
        assert.is_truthy(said:find("stays", 1, true), said)
        job:kill(signal.SIGKILL)
        job:finish()
        said = command(home, "gc", "explain", "job")
        assert.is_truthy(said:find("goes", 1, true), said)
    end)

    it("a base image is freed before it is removed", function()
        local home <close> = world.bare()
        local store <close> = store_with(home, "base-images")
        make(store, "base/debian", { base = "stable" })
        local said, status = command(home, "rm", "base/debian")
        assert.equal(5, status, said)
        assert.is_truthy(said:find("take the label away first", 1, true), said)
        said, status = command(home, "label", "base/debian", "base=")
        assert.equal(0, status, said)
        said, status = command(home, "rm", "base/debian")
        assert.equal(0, status, said)
    end)

    it("a cache above its ceiling loses its cheapest, and says why", function()
        local home <close> = world.bare()
        local store <close> = store_with(home, "ci-cache", [[{ ceiling = "1MiB", min_age = 0 }]])
        for i = 1, 5 do
            make(store, "web-" .. i, { class = "cache", project = "web", ["moonsnap/cost"] = tostring(i) }, 300000)
        end
        local plan = assert(store:gc():plan())
        local keys = {}
        for _, item in ipairs(plan.items) do
            keys[#keys + 1] = item.verdict == "remove" and item.key or nil
        end
        table.sort(keys)
        assert.same({ "web-1", "web-2" }, keys)
        assert(store:gc():apply(plan.id))
        refused("not_found", "web-1", store:stat("web-1"))
        assert.is_truthy(store:stat("web-3"))
    end)

    it("the audit has every change, also those made while the service was down", function()
        local served <close> = service.new { mode = "direct" }
        local log = served.dir .. "/audit.jsonl"
        served:configure(("automation(%q, { files = { %q }, sockets = { %q }, options = { file = %q, socket = %q } })")
            :format(copy_of(served.dir, "audit"), log, served.dir .. "/nobody", log, served.dir .. "/nobody"))
        served:start()
        local function lines()
            local found = {}
            for line in (tree.exists(log) and tree.read(log) or ""):gmatch("[^\n]+") do
                local event = dkjson.decode(line)
                found[#found + 1] = ("%s %s"):format(event.change, event.key)
            end
            return found
        end
        local function await(count)
            for _ = 1, 2000 do
                if #lines() >= count then
                    return lines()
                end
                time.nanosleep { tv_sec = 0, tv_nsec = 10000000 }
            end
            error(("%d lines in the audit, not %d"):format(#lines(), count))
        end
        local store <close> = assert(moonsnap.connect { address = served.address })
        assert(store:prepare("a"))
        await(1)
        served:stop()
        do
            local own <close> = assert(moonsnap.open { root = served.root })
            assert(own:prepare("b"))
            assert(own:remove("a"))
        end
        served:start()
        assert.same({ "/snapshot/prepare a", "/snapshot/prepare b", "/snapshot/remove a" }, await(3))
    end)
end)
