--- The verbs of moonsnap.v1.Control about pins and leases: what holds snapshots.
---
---     pin {key, reason, until}, unpin {key}, pins
---     lease_create {id, labels, ttl, pid}, lease_renew {id, ttl}, lease_delete {id}, lease_reap
---     leases {filters}, lease_add {id, type, key}, lease_drop {id, type, key}, lease_resources {id}
---
--- until is in nanoseconds since 1970, ttl in seconds. A pid is a process as the service sees it. containerd's own
--- Leases service does what it has words for in every store of the service; these are about one store.

local M = {}

local OBJECT = { __jsontype = "object" }
local ARRAY = { __jsontype = "array" }

--- What each argument is.
M.KNOWN = { reason = "string", ["until"] = "integer", id = "string", ttl = "integer", pid = "integer", type = "string" }

local function lease_line(lease)
    setmetatable(lease.labels, OBJECT)
    return lease
end

local function pin_line(pin)
    pin["until"], pin.until_ = pin.until_, nil
    return pin
end

local function same(value)
    return value
end

--- The verbs: the arguments that each needs, and what it does. one, each and listed make verbs of functions, as
--- control_verbs.lua has them.
---@return table<string, table>
function M.verbs(one, each, listed)
    local function lease(verb)
        return one(function(store, a)
            local leases = store:leases()
            if verb == "create" then
                return leases:create(a.id, { labels = a.labels, ttl = a.ttl, pid = a.pid })
            end
            return leases:renew(a.id, a.ttl)
        end, lease_line)
    end
    local function resource(verb)
        return one(function(store, a)
            local leases = store:leases()
            return leases[verb](leases, a.id, { type = a.type, id = a.key })
        end)
    end
    return {
        pin = { { "key" }, one(function(store, a)
            return store:pins():add(a.key, { reason = a.reason, until_ = a["until"] })
        end) },
        unpin = { { "key" }, one(function(store, a) return store:pins():remove(a.key) end) },
        pins = { {}, each(listed(function(store) return store:pins():list() end), pin_line) },
        lease_create = { {}, lease "create" },
        lease_renew = { { "id" }, lease "renew" },
        lease_delete = { { "id" }, one(function(store, a) return store:leases():delete(a.id) end,
            function(keys) return setmetatable(keys, ARRAY) end) },
        lease_reap = { {}, one(function(store) return store:leases():reap() end, function(reaped)
            setmetatable(reaped.leases, ARRAY)
            setmetatable(reaped.removed, ARRAY)
            return reaped
        end) },
        leases = { {}, each(listed(function(store, a)
            return store:leases():list(table.unpack(a.filters or {}))
        end), lease_line) },
        lease_add = { { "id", "type", "key" }, resource "add" },
        lease_drop = { { "id", "type", "key" }, resource "drop" },
        lease_resources = { { "id" }, each(listed(function(store, a)
            return store:leases():resources(a.id)
        end), same) },
    }
end

return M
