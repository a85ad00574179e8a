--- What holds snapshots: leases and pins; and the records of namespaces.

local rfc3339 = require "moonsnap.rfc3339"

local rows = require "moonsnap.testing.memory.rows"
local valid = require "moonsnap.testing.memory.valid"

local M = {}

local TYPE = "snapshots/overlayfs"
local EXPIRE = "containerd.io/gc.expire"

--- Leases --------------------------------------------------------------------------------------

local function lease_of(self, ns, id)
    local leases = self.state.leases[ns]
    local lease = leases and leases[id]
    if not lease then
        return self:fail("not_found", "lease '%s' does not exist", id:sub(1, 100))
    end
    return lease
end

local function shown(lease)
    return { id = lease.id, created = lease.created, labels = valid.kept(lease.labels) }
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

function M:lease_create(ns, id, labels)
    self:open()
    local wrong = valid.key("namespace", ns) or valid.key("lease", id) or valid.labels(labels)
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    return self:write(nil, function()
        local leases = self.state.leases
        if not leases[ns] then
            self:set(leases, ns, {})
        end
        if leases[ns][id] then
            return self:fail("already_exists", "lease '%s' already exists", id:sub(1, 100))
        end
        self:set(leases[ns], id, { id = id, created = self:now(), labels = valid.kept(labels), held = {} })
        self:tell("/moonsnap/lease", { ns = ns, number = 0 }, { key = id, name = "create" })
        return shown(leases[ns][id])
    end)
end

function M:leases(ns)
    self:open()
    local list = {}
    for _, lease in pairs(self.state.leases[ns] or {}) do
        list[#list + 1] = shown(lease)
    end
    table.sort(list, function(a, b) return a.id < b.id end)
    return list
end

local function is_expired(self, lease)
    local at = lease.labels[EXPIRE] and rfc3339.parse(lease.labels[EXPIRE])
    return at ~= nil and at // 1000000000 < self.clock() // 1000000000
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
        if not is_expired(self, lease) then
            return true
        end
    end
    return false
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
        self:tell("/moonsnap/lease", { ns = ns, number = 0 }, { key = id, name = "delete" })
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

--- Pins ----------------------------------------------------------------------------------------

local REASON_MAX = 1024

local function holds(self, pin)
    return pin.until_ == nil or pin.until_ > self.clock()
end

function M:refuse_pinned(row, doing)
    local pin = row.pin
    if not pin or not holds(self, pin) then
        return true
    end
    local till = pin.until_ and " until " .. rfc3339.format(pin.until_) or ""
    return self:fail("failed_precondition", "cannot %s a snapshot that is pinned%s%s; unpin it first", doing, till,
        pin.reason ~= "" and ": " .. pin.reason or "")
end

function M:pin(ns, key, reason, until_)
    self:open()
    reason = reason or ""
    until_ = until_ ~= 0 and until_ or nil
    if #reason > REASON_MAX or not utf8.len(reason) then
        return self:fail("invalid_argument", "pin '%s': a reason is UTF-8 of at most %d bytes", key, REASON_MAX)
    end
    return self:write(("pin '%s'"):format(key:sub(1, 60)), function()
        local row, err = rows.find(self, ns, key)
        if not row then
            return nil, err
        end
        self:set(row, "pin", { reason = reason, created = self:now(), until_ = until_ })
        self:tell("/moonsnap/pin", row, { key = key, labels = row.labels })
        return true
    end)
end

function M:unpin(ns, key)
    self:open()
    return self:write(("unpin '%s'"):format(key:sub(1, 60)), function()
        local row, err = rows.find(self, ns, key)
        if not row then
            return nil, err
        elseif not row.pin then
            return self:fail("not_found", "it is not pinned")
        end
        self:set(row, "pin", nil)
        self:tell("/moonsnap/unpin", row, { key = key, labels = row.labels })
        return true
    end)
end

function M:pins(ns)
    self:open()
    local list = {}
    for number = 1, self.state.counters.number do
        local row = self.state.rows[number]
        if row and row.ns == ns and row.pin then
            local pin = row.pin
            list[#list + 1] = { key = row.key, reason = pin.reason, created = pin.created, until_ = pin.until_,
                ended = not holds(self, pin) or nil }
        end
    end
    return list
end

return M
