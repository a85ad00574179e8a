--- The leases of one namespace of a store: names that hold snapshots while somebody works with them.

local arguments = require "moonsnap.arguments"
local verbs = require "moonsnap.verbs"

local need, options_of = arguments.need, arguments.options

local M = {}

---@class moonsnap.Leases
---@field store moonsnap.Store
local Leases = {}
local meta = { __index = Leases, __name = "moonsnap.leases" }

---@param store moonsnap.Store
---@return moonsnap.Leases
function M.new(store)
    return setmetatable({ store = store }, meta)
end

--- act(request), through the hooks of verb lease.
local function through(leases, action, id, labels, act)
    return verbs.through(leases.store, { verb = "lease", action = action, key = id, lease = id, labels = labels }, act)
end

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

--- An id for a lease without one, as containerd makes them: nanoseconds, dash, 4 digits of base64url.
local function made_up(sys)
    local bits = tonumber(sys.random():sub(1, 6), 16)
    local digits = {}
    for i = 4, 1, -1 do
        digits[i] = ALPHABET:sub(bits % 64 + 1, bits % 64 + 1)
        bits = bits // 64
    end
    return ("%d-%s"):format(sys.now() % 1000000000, table.concat(digits))
end

--- Makes a lease. With ttl it ends so many seconds from now unless it is renewed; with pid it ends with that process,
--- however that ends. What a lease that has ended holds is held no longer; reap removes it.
---@param id? string  made up without
---@param options? {labels?: table<string, string>, ttl?: integer, pid?: integer}
---@return moonsnap.Lease? lease
---@return moonsnap.Error? err  already_exists; not_found for a process that is not there; invalid_argument
function Leases:create(id, options)
    arguments.may("create", "id", id, "string")
    options = options_of("create", options, { labels = "table", ttl = "integer", pid = "integer" })
    local store = self.store
    if id == nil or id == "" then
        id = made_up(store.core.sys)
    end
    return through(self, "create", id, options.labels, function(request)
        return store.engine:lease_create(store.name_space, id, request.labels, options.ttl, options.pid)
    end)
end

--- Lets a lease live for ttl seconds from now.
---@param id string
---@param ttl? integer  without, as long as it was made or last renewed with
---@return moonsnap.Lease? lease
---@return moonsnap.Error? err  not_found; failed_precondition: it has ended already, or has no time to live
function Leases:renew(id, ttl)
    need("renew", "id", id, "string")
    arguments.may("renew", "ttl", ttl, "integer")
    return through(self, "renew", id, nil, function()
        return self.store.engine:lease_renew(self.store.name_space, id, ttl)
    end)
end

--- Whether hooks let a snapshot go with its lease. Who keeps it stands in the log: nobody waits for that answer.
local function may_go(store, verb, key, id)
    local hooks = store.shared.hooks
    local may, why = hooks:ask(store, { verb = verb, key = key, lease = id })
    if not may and hooks.log then
        hooks.log(("lease '%s' ends, '%s' stays: %s"):format(id, key, why.message), why.policy)
    end
    return may
end

--- Takes out of a lease what hooks keep from going with it: remove's where somebody deletes it, evict's where it has
--- ended by itself.
---@param leases moonsnap.Leases
---@param id     string
---@param verb   "remove" | "evict"
---@return true? ok
---@return moonsnap.Error? err
local function spare(leases, id, verb)
    local store = leases.store
    local engine = store.engine
    local held, err = engine:lease_resources(store.name_space, id)
    for _, resource in ipairs(held or {}) do
        if resource.type:find("^snapshots/") and engine:stat(store.name_space, resource.id)
            and not may_go(store, verb, resource.id, id) then
            local ok
            ok, err = engine:lease_drop(store.name_space, id, resource.type, resource.id)
            if not ok then
                return nil, err
            end
        end
    end
    return held and true, err
end

--- Are there hooks to be asked about what goes with a lease?
local function asks(leases, verb)
    local hooks = leases.store.shared.hooks
    return hooks and hooks.verbs[verb]
end

function Leases:delete(id)
    need("delete", "id", id, "string")
    local function delete()
        return through(self, "delete", id, nil, function()
            return self.store.engine:lease_delete(self.store.name_space, id)
        end)
    end
    if not asks(self, "remove") then
        return delete()
    end
    return self.store:transaction(function()
        local ok, err = spare(self, id, "remove")
        if not ok then
            return nil, err
        end
        return delete()
    end)
end

--- A lease as filters see it.
local function fields_of(lease)
    local fields = { id = lease.id }
    for name, value in pairs(lease.labels) do
        fields["labels." .. name] = value
    end
    return fields
end

--- Those of a list of leases that a compiled filter matches; without one, the list.
---@param all moonsnap.Lease[]
---@param filter? moonsnap.Filter
---@return moonsnap.Lease[]
function M.matching(all, filter)
    if not filter then
        return all
    end
    local found = {}
    for _, lease in ipairs(all) do
        if filter:match_fields(fields_of(lease)) then
            found[#found + 1] = lease
        end
    end
    return found
end

function Leases:list(...)
    local store, filters = self.store, table.pack(...)
    local filter, err
    if filters.n == 1 and type(filters[1]) == "userdata" then
        filter = filters[1]
    elseif filters.n > 0 then
        for i = 1, filters.n do
            need("list", "filter " .. i, filters[i], "string")
        end
        filter, err = store.core.filter(filters)
        if not filter then
            return nil, err
        end
    end
    local all
    all, err = store.engine:leases(store.name_space)
    return all and M.matching(all, filter), err
end

--- Those that have ended, by their time ("expired") or with their process ("dead").
---@return moonsnap.Lease[]? leases  `ended` says how
---@return moonsnap.Error? err
function Leases:expired()
    local all, err = self.store.engine:leases(self.store.name_space)
    if not all then
        return nil, err
    end
    local found = {}
    for _, lease in ipairs(all) do
        if lease.ended then
            found[#found + 1] = lease
        end
    end
    return found
end

--- What keeps a lease that has ended: of what would go with it, one that is mounted, whoever mounted it.
local function mounted_of(store, lease, in_use)
    for _, resource in ipairs(store.engine:lease_resources(store.name_space, lease.id) or {}) do
        local info = resource.type:find("^snapshots/") and store.engine:stat(store.name_space, resource.id)
        if info and info.kind ~= "committed" and (in_use.sure[info.number] or in_use.maybe[info.number]) then
            return ("'%s': it is mounted"):format(info.name)
        end
    end
end

--- Deletes one that has ended, unless something that would go with it is in use.
local function reap_one(leases, lease, in_use)
    local store = leases.store
    local why = mounted_of(store, lease, in_use)
    if why then
        return nil, store.core.error("failed_precondition", why)
    end
    return store:transaction(function()
        local ok, err = true, nil
        if asks(leases, "evict") then
            ok, err = spare(leases, lease.id, "evict")
        end
        if not ok then
            return nil, err
        end
        return store.engine:lease_delete(store.name_space, lease.id, true)
    end)
end

--- Deletes all leases that have ended, each with what delete would take along, in one transaction. One that made
--- something which is mounted, or an overlay writes to, stays till the next time: `busy` says why.
---@return moonsnap.Reaped? reaped
---@return moonsnap.Error? err
function Leases:reap()
    local store = self.store
    return store:transaction(function()
        local reaped, busy, in_use = { leases = {}, removed = {} }, {}, nil
        local ended, err = self:expired()
        if ended and ended[1] then
            in_use, err = store.engine:in_use()
        end
        if err then
            return nil, err
        end
        for _, lease in ipairs(ended) do
            local removed, why = reap_one(self, lease, in_use)
            if removed then
                reaped.leases[#reaped.leases + 1] = lease.id
                table.move(removed, 1, #removed, #reaped.removed + 1, reaped.removed)
            elseif why.kind == "failed_precondition" then
                busy[#busy + 1] = { lease = lease.id, text = why.message }
            else
                return nil, why
            end
        end
        reaped.busy = busy[1] and busy or nil
        return reaped
    end)
end

function Leases:add(id, resource)
    need("add", "id", id, "string")
    need("add", "resource", resource, "table")
    need("add", "resource.type", resource.type, "string")
    need("add", "resource.id", resource.id, "string")
    return through(self, "add", id, nil, function()
        return self.store.engine:lease_add(self.store.name_space, id, resource.type, resource.id)
    end)
end

function Leases:drop(id, resource)
    need("drop", "id", id, "string")
    need("drop", "resource", resource, "table")
    need("drop", "resource.type", resource.type, "string")
    need("drop", "resource.id", resource.id, "string")
    return through(self, "drop", id, nil, function()
        return self.store.engine:lease_drop(self.store.name_space, id, resource.type, resource.id)
    end)
end

function Leases:resources(id)
    need("resources", "id", id, "string")
    return self.store.engine:lease_resources(self.store.name_space, id)
end

return M
