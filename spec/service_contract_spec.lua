--- The service on a socket under the engine's contract: both modes, both snapshotters.
---
--- One service for all cases of a mode. In direct mode each case has a namespace of its own; a proxy has one, so
--- each case leaves it empty. What containerd has no call for is asked of the same root in this process, and what
--- both can tell of a snapshot must agree.
local busted = require "busted"
local assert = require "luassert"
local contract = require "spec.contract.snapshotter"
local moonsnap = require "moonsnap"
local service = require "spec.support.service"
local world = require "spec.support.world"

local describe, setup, teardown = busted.describe, busted.setup, busted.teardown

--- The calls that go over the socket; the others need this process, or moonsnap.v1.Control.
local CALLS = { "prepare", "view", "mounts", "commit", "remove", "cleanup" }
local NEAR = { "seal", "import", "transaction", "mount", "unmount", "mounted", "run", "check", "namespace" }
local CONTROL = { "touch", "layers", "diff", "explain", "namespaces" }

--- The infos of both sides, compared: the one that has all fields.
local function agreed(remote, near)
    for name, value in pairs(remote) do
        assert.same(value, near[name], name)
    end
    return near
end

--- A store whose calls go over the socket, beside one on the same root in this process, whose events are those
--- after the number since.
local function beside(remote, near, since)
    local store = { root = near.root, driver = near.driver, xattrs = near.xattrs, durability = near.durability }
    local function take(from, verbs)
        for _, verb in ipairs(verbs) do
            store[verb] = function(_, ...) return from[verb](from, ...) end
        end
    end
    take(remote, CALLS)
    take(remote.without and near or remote, CONTROL)
    take(near, NEAR)
    function store.stat(_, key)
        local info, err = remote:stat(key)
        return info and agreed(info, assert(near:stat(key))), err
    end
    function store.walk(_, ...)
        local next_info, state, _, closing = remote:walk(...)
        return function()
            local info = next_info(state)
            return info and agreed(info, assert(near:stat(info.name)))
        end, nil, nil, closing
    end
    function store.update(_, info, fieldpaths)
        local updated, err = remote:update(info, fieldpaths)
        return updated and agreed(updated, assert(near:stat(info.name))), err
    end
    function store.usage(_, key, options)
        return (options and near or remote):usage(key, options) -- progress is told in this process only
    end
    function store.events(_, options)
        return near:events { since = math.max(options and options.since or 0, since) }
    end
    function store.close()
        remote:close()
        near:close()
    end
    return store
end

--- Removes all that there is, children first.
local function empty(store)
    repeat
        local left, removed = 0, 0
        for info in store:walk() do
            left = left + 1
            removed = removed + (store:remove(info.name) and 1 or 0)
        end
        assert(left == 0 or removed > 0, "nothing can be removed")
    until left == 0
end

--- A case's place: a World whose root is the service's.
local function bench_of(served, mode, driver, name_space, last)
    local home = world.bare()
    home.root, home.driver = served.root, driver
    local near = assert(moonsnap.open { root = served.root, namespace = name_space, durability = "metadata" })
    for event in near:events { since = last.sequence } do
        last.sequence = event.sequence
    end
    home.store = beside(assert(moonsnap.connect { address = served.address, namespace = name_space }), near,
        last.sequence)
    if mode == "proxy" then
        local close = home.store.close
        function home.store.close()
            if near then
                empty(near)
                near = nil
            end
            close()
        end
    end
    return home
end

local function over_socket(mode, driver, tag)
    describe(("service, %s, %s%s:"):format(mode, driver, tag), function()
        local served
        setup(function() served = service.start { mode = mode, driver = driver } end)
        teardown(function() served:close() end)

        local count, last = 0, { sequence = 0 }
        contract(("%s over %s"):format(driver, mode), function()
            count = count + 1
            return bench_of(served, mode, driver, mode == "proxy" and "containerd" or "case-" .. count, last)
        end, { driver = driver, shared = true, front = mode == "direct", label_max = mode == "direct" and 4096 or nil })
    end)
end

over_socket("direct", "overlay", "")
over_socket("proxy", "overlay", " #slow")
over_socket("direct", "native", " #slow")
over_socket("proxy", "native", " #slow")
