--- Leases, and what they hold.

local rfc3339 = require "moonsnap.rfc3339"

local rows = require "moonsnap.testing.memory.rows"
local valid = require "moonsnap.testing.memory.valid"

local M = {}

local TYPE = "snapshots/overlayfs"
local EXPIRE = "containerd.io/gc.expire"
local SECOND = 1000000000

local function lease_of(self, ns, id)
    local leases = self.state.leases[ns]
    local lease = leases and leases[id]
    if not lease then
        return self:fail("not_found", "lease '%s' does not exist", id:sub(1, 100))
    end
    return lease
end

--- How a lease has ended, or nil.
local function ended(self, lease)
    local at = lease.labels[EXPIRE] and rfc3339.parse(lease.labels[EXPIRE])
    if at and at // SECOND < self.clock() // SECOND then
        return "expired"
    end
    return lease.pid and not self.alive(lease.pid) and "dead" or nil
end

local function shown(self, lease)
    return { id = lease.id, created = lease.created, labels = valid.kept(lease.labels), ttl = lease.ttl,
        pid = lease.pid, ended = ended(self, lease) }
end

--- Labels with the end of a lease that lives so many seconds from now; or nil and an error.
local function living(self, labels, ttl)
    if ttl <= 0 then
        return self:fail("invalid_argument", "a lease lives for a positive number of seconds, till the year 9999")
    end
    local with_end = valid.kept(labels)
    with_end[EXPIRE] = rfc3339.format(self.clock() + ttl * SECOND)
    return with_end
end

local function resource_key(kind, id)
    return kind .. "\0" .. id
end

--- A lease holds a key from now on; without a lease nothing happens.
function M:hold_by(ns, lease, key)
    if not lease then
        return true
    end
    local found, err = lease_of(self, ns, lease)
    if not found then
        return nil, err
    end
    self:set(found.held, resource_key(TYPE, key), { type = TYPE, id = key })
    return true
end

--- Each lease of a namespace that holds a key.
local function holders(self, ns, key)
    local found = {}
    for _, lease in pairs(self.state.leases[ns] or {}) do
        found[#found + 1] = lease.held[resource_key(TYPE, key)] and lease or nil
    end
    return found
end

function M:move_held(ns, key, name)
    for _, lease in ipairs(holders(self, ns, key)) do
        self:set(lease.held, resource_key(TYPE, key), nil)
        self:set(lease.held, resource_key(TYPE, name), { type = TYPE, id = name })
    end
end

function M:let_go(ns, key)
    for _, lease in ipairs(holders(self, ns, key)) do
        self:set(lease.held, resource_key(TYPE, key), nil)
    end
end

function M:lease_create(ns, id, labels, ttl, pid)
    self:open()
    ttl, pid = ttl ~= 0 and ttl or nil, pid ~= 0 and pid or nil
    local wrong = valid.key("namespace", ns) or valid.key("lease", id) or valid.labels(labels)
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    if pid and not self.alive(pid) then
        return self:fail("not_found", "process %d does not exist", pid)
    end
    local kept, err = valid.kept(labels), nil
    if ttl then
        kept, err = living(self, kept, ttl)
    end
    if not kept then
        return nil, err
    end
    return self:write(nil, function()
        local leases = self.state.leases
        if not leases[ns] then
            self:set(leases, ns, {})
        end
        if leases[ns][id] then
            return self:fail("already_exists", "lease '%s' already exists", id:sub(1, 100))
        end
        self:set(leases[ns], id,
            { id = id, created = self:now(), labels = kept, held = {}, ttl = ttl, pid = pid })
        self:tell("/moonsnap/lease", { ns = ns, number = 0 }, { key = id, data = { action = "create" } })
        return shown(self, leases[ns][id])
    end)
end

function M:lease_renew(ns, id, ttl)
    self:open()
    ttl = ttl ~= 0 and ttl or nil
    return self:write(("renew lease '%s'"):format(id:sub(1, 60)), function()
        local lease, err = lease_of(self, ns, id)
        local how = lease and ended(self, lease)
        local labels
        if how then
            return self:fail("failed_precondition",
                "it has ended (%s), and what it held may be gone: create another one", how)
        elseif lease and not (ttl or lease.ttl) then
            return self:fail("failed_precondition",
                "it was made without a time to live: say how long it shall live")
        elseif lease then
            labels, err = living(self, lease.labels, ttl or lease.ttl)
        end
        if not labels then
            return nil, err
        end
        self:set(lease, "labels", labels)
        self:set(lease, "ttl", ttl or lease.ttl)
        self:tell("/moonsnap/lease", { ns = ns, number = 0 }, { key = id, data = { action = "renew" } })
        return shown(self, lease)
    end)
end

function M:leases(ns)
    self:open()
    local list = {}
    for _, lease in pairs(self.state.leases[ns] or {}) do
        list[#list + 1] = shown(self, lease)
    end
    table.sort(list, function(a, b) return a.id < b.id end)
    return list
end

--- Does anything but the snapshots above it keep a row? A lease, or a label of containerd's.
local function is_kept(self, row)
    for name in pairs(row.labels) do
        if name:find("^containerd%.io/gc%.root") or name:find("^containerd%.io/gc%.bref%.") then
            return true
        end
    end
    for _, other in pairs(self.state.rows) do
        for name, value in pairs(other.ns == row.ns and other ~= row and other.labels or {}) do
            if name:find("^containerd%.io/gc%.ref%.snapshot%.") and value == row.key then
                return true
            end
        end
    end
    for _, lease in ipairs(holders(self, row.ns, row.key)) do
        if not ended(self, lease) then
            return true
        end
    end
    return false
end

--- A living lease that holds a key, and whether all that do are flat.
---@return string? lease
---@return true? flat
function M:leased_by(ns, key)
    local first, flat = nil, true
    for _, lease in ipairs(holders(self, ns, key)) do
        if not ended(self, lease) then
            first = (not first or lease.id < first) and lease.id or first
            flat = flat and lease.labels["containerd.io/gc.flat"] ~= nil
        end
    end
    return first, first and flat or nil
end

--- What was made under a lease: what a lease holds and their ancestors, children first.
local function made_under(self, ns, lease)
    local seen, list = {}, {}
    for _, resource in pairs(lease.held) do
        local number = resource.type == TYPE and rows.number(self, ns, resource.id)
        for _, row in ipairs(number and rows.chain(self.state.rows[number]) or {}) do
            if not seen[row] and row.leased then
                list[#list + 1] = row
            end
            seen[row] = true
        end
    end
    local depth = {}
    for _, row in ipairs(list) do
        depth[row] = #rows.chain(row)
    end
    table.sort(list, function(a, b)
        if depth[a] ~= depth[b] then
            return depth[a] > depth[b]
        end
        return a.number > b.number
    end)
    return list
end

local PASSES = 8

function M:lease_delete(ns, id)
    self:open()
    return self:write(nil, function()
        local lease, err = lease_of(self, ns, id)
        if not lease then
            return nil, err
        end
        local list, gone = made_under(self, ns, lease), {}
        self:set(self.state.leases[ns], id, nil)
        self:tell("/moonsnap/lease", { ns = ns, number = 0 }, { key = id, data = { action = "delete" } })
        local before
        for _ = 1, PASSES do
            before = #gone
            for _, row in ipairs(list) do
                if self.state.rows[row.number] and not is_kept(self, row) and self:remove(ns, row.key) then
                    gone[#gone + 1] = row.key
                end
            end
            if #gone == before then
                break
            end
        end
        return gone
    end)
end

local function change(self, ns, id, kind, resource, value)
    self:open()
    local wrong = value and valid.key("resource", resource) or nil
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    return self:write(nil, function()
        local lease, err = lease_of(self, ns, id)
        if not lease then
            return nil, err
        end
        self:set(lease.held, resource_key(kind, resource), value)
        return true
    end)
end

function M:lease_add(ns, id, kind, resource)
    return change(self, ns, id, kind, resource, { type = kind, id = resource })
end

function M:lease_drop(ns, id, kind, resource)
    return change(self, ns, id, kind, resource, nil)
end

function M:lease_resources(ns, id)
    self:open()
    local lease, err = lease_of(self, ns, id)
    if not lease then
        return nil, err
    end
    local list = {}
    for _, resource in pairs(lease.held) do
        list[#list + 1] = { type = resource.type, id = resource.id }
    end
    table.sort(list, function(a, b)
        if a.type ~= b.type then
            return a.type < b.type
        end
        return a.id < b.id
    end)
    return list
end

return M
