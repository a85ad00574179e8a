--- Random calls on the engine and on a store in memory: the same answers, rows and events.
local memory = require "moonsnap.testing.memory"
local moonsnap = require "moonsnap"
local SEED = require "spec.support.seed"
local snapshotter = require "moonsnap.snapshotter"
local world = require "spec.support.world"

local ROUNDS, CALLS = 12, 60

local KEYS = { "a", "b", "c", "d", "e", "f" }
local LABELS = { "x", "y", "containerd.io/gc.root", "containerd.io/gc.ref.snapshot.overlayfs", "bad\0name" }
local LEASES = { "one", "two" }

--- A number generator of our own, so that a seed means the same everywhere.
local function dice(seed)
    local state = seed % 2147483647 + 1
    return function(n)
        state = state * 48271 % 2147483647
        return state % n + 1
    end
end

local function one_of(roll, list)
    return list[roll(#list)]
end

local function labels_of(roll)
    local labels = {}
    for _ = 1, roll(3) - 1 do
        labels[roll(20) == 1 and LABELS[5] or LABELS[roll(4)]] = roll(4) == 1 and "" or one_of(roll, KEYS)
    end
    return labels
end

local function maybe(roll, value)
    return roll(3) == 1 and value or nil
end

local RESOURCE = "snapshots/overlayfs"

--- Each answers a call: a name to print, and a function of a store.
local CALL = {
    function(roll)
        local verb = one_of(roll, { "prepare", "prepare", "view" })
        local key, parent = one_of(roll, KEYS), one_of(roll, KEYS)
        local options = { labels = labels_of(roll), lease = maybe(roll, one_of(roll, LEASES)) }
        parent = roll(2) == 1 and parent or nil
        return ("%s %s %s"):format(verb, key, parent), function(store)
            local mounts, err = store[verb](store, key, parent, options)
            return mounts and #mounts, err
        end
    end,
    function(roll)
        local name, key, parent = one_of(roll, KEYS), one_of(roll, KEYS), maybe(roll, one_of(roll, KEYS))
        local options = { labels = labels_of(roll), parent = parent, lease = maybe(roll, one_of(roll, LEASES)) }
        return ("commit %s %s %s"):format(name, key, parent), function(store)
            return store:commit(name, key, options)
        end
    end,
    function(roll)
        local key = one_of(roll, KEYS)
        return "remove " .. key, function(store) return store:remove(key) end
    end,
    function(roll)
        local key, off = one_of(roll, KEYS), roll(4) == 1 and one_of(roll, { "number", "updated", "used", "use_count" })
        local look = roll(2) == 1
        return ("evict %s %s %s"):format(key, off, look), function(store)
            local info = store:stat(key) or { number = 1, updated = 1, used = 1, use_count = 1 }
            local seen = { number = info.number, updated = info.updated, used = info.used, use_count = info.use_count }
            if off then
                seen[off] = seen[off] + 1
            end
            return store.engine:evict("default", key, seen, look)
        end
    end,
    function(roll)
        local key, labels = one_of(roll, KEYS), labels_of(roll)
        local paths = one_of(roll, { {}, { "labels" }, { "labels.x" }, { "labels.x", "labels.y" }, { "parent" } })
        return "update " .. key, function(store)
            local info, err = store:update({ name = key, labels = labels }, paths)
            return info and info.labels, err
        end
    end,
    function(roll)
        local key = one_of(roll, KEYS)
        return "touch " .. key, function(store) return store:touch(key) end
    end,
    function(roll)
        local key = one_of(roll, KEYS)
        return "layers " .. key, function(store)
            local layers, err = store:layers(key)
            return layers and { own = layers.own, count = #layers }, err
        end
    end,
    function(roll)
        local id, verb = one_of(roll, LEASES), one_of(roll, { "create", "create", "delete" })
        return ("lease %s %s"):format(verb, id), function(store)
            local leases = store:leases()
            local answer, err = leases[verb](leases, id)
            return answer and (verb == "create" and answer.id or answer), err
        end
    end,
    function(roll)
        local id, key = one_of(roll, LEASES), one_of(roll, KEYS)
        local verb = one_of(roll, { "add", "drop" })
        return ("lease %s %s %s"):format(verb, id, key), function(store)
            local leases = store:leases()
            return leases[verb](leases, id, { type = RESOURCE, id = key })
        end
    end,
    function(roll)
        local id, ttl = one_of(roll, LEASES), one_of(roll, { 3600, 0, -1 })
        return ("lease renew %s %d"):format(id, ttl), function(store)
            local lease, err = store:leases():renew(id, ttl)
            return lease and { lease.ttl, lease.ended, lease.labels["containerd.io/gc.expire"] ~= nil }, err
        end
    end,
    function(roll)
        local filter = one_of(roll, { "kind==active", "labels.x", "name!=a", "labels.x==a,kind==committed" })
        return "sum " .. filter, function(store) return (store.engine:sum("default", moonsnap.filter { filter })) end
    end,
    function(roll)
        local key, verb = one_of(roll, KEYS), one_of(roll, { "pin", "unpin" })
        local reason, till = one_of(roll, { "", "why" }), maybe(roll, roll(2) == 1 and 1000 or 4000000000000000000)
        return ("%s %s"):format(verb, key), function(store)
            if verb == "pin" then
                return store.engine:pin("default", key, reason, till)
            end
            return store.engine:unpin("default", key)
        end
    end,
}

--- What both must agree on: everything but times.
local function rows_of(store)
    local rows = {}
    for info in store:walk() do
        rows[#rows + 1] = {
            info.name, info.parent, info.kind, info.number, info.use_count, info.labels, info.created == info.updated,
        }
    end
    return rows
end

local function events_of(store)
    local events = {}
    for event in store:events() do
        events[#events + 1] = {
            event.sequence, event.topic, event.key, event.name, event.parent, event.number, event.labels, event.data,
        }
    end
    return events
end

local function holds_of(store)
    local held = {}
    for _, lease in ipairs(assert(store:leases():list())) do
        lease.labels["containerd.io/gc.expire"] = lease.labels["containerd.io/gc.expire"] and "some time"
        held[lease.id] = { lease.labels, lease.ttl, store:leases():resources(lease.id) }
    end
    local pins = {}
    for i, pin in ipairs(store.engine:pins("default")) do
        pins[i] = pin.key
    end
    return { held, pins }
end

--- What a planner would read, but for times and what a file system says.
local function facts_of(store)
    local facts = assert(store.engine:survey("default")):take(1000) or {}
    for _, fact in ipairs(facts) do
        fact.created, fact.updated, fact.used, fact.size, fact.inodes = nil, nil, nil, nil, nil
    end
    return facts
end

--- A call's answer: its value, or its error's kind and text.
local function answer(call, store)
    local value, err = call(store)
    return { value, err and err.kind, err and err.message }
end

--- Some calls alone, some several in a transaction that ends well or not.
local function step(roll, stores, told)
    local calls, count = {}, roll(4) == 1 and roll(4) or 1
    for i = 1, count do
        local name
        name, calls[i] = one_of(roll, CALL)(roll)
        told[#told + 1] = name
    end
    local fate, answers = count > 1 and one_of(roll, { "commits", "rolls back" }) or "alone", {}
    told[#told + 1] = fate
    for at, store in ipairs(stores) do
        local got = {}
        local function all()
            for i, call in ipairs(calls) do
                got[i] = answer(call, store)
            end
            return fate ~= "rolls back" or nil, fate == "rolls back" and moonsnap.error("aborted", "on purpose") or nil
        end
        if fate == "alone" then
            all()
        else
            store:transaction(all)
        end
        answers[at] = got
    end
    return answers
end

describe("random calls", function()
    for round = 1, ROUNDS do
        it(("are answered alike by the engine and a store in memory (round %d)"):format(round), function()
            local home <close> = world.new()
            local stores = { home.store, snapshotter.new(moonsnap, memory.new { core = moonsnap }, "default") }
            local roll, told = dice(SEED + round * 7919), { ("MOONSNAP_SEED=%d"):format(SEED) }
            for _ = 1, CALLS do
                local answers = step(roll, stores, told)
                local story = table.concat(told, "\n")
                assert.same(answers[1], answers[2], story)
                assert.same(rows_of(stores[1]), rows_of(stores[2]), story)
            end
            assert.same(events_of(stores[1]), events_of(stores[2]), table.concat(told, "\n"))
            assert.same(facts_of(stores[1]), facts_of(stores[2]), table.concat(told, "\n"))
            assert.same(holds_of(stores[1]), holds_of(stores[2]), table.concat(told, "\n"))
        end)
    end
end)
