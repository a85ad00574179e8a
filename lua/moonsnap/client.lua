--- A store behind a service's socket: the methods of moonsnap.Store, over containerd's Snapshots calls and, for
--- what those have no call for, over moonsnap.v1.Control.
---
--- Where the server has no Control for us (a proxy socket, containerd's own, or we are not its owner) infos have
--- name, parent, kind, created, updated and labels only, and what needs it fails with unimplemented. What needs
--- this process (mount, run, import, transactions, seals) is unimplemented everywhere: open the store itself.

local arguments = require "moonsnap.arguments"
local leases = require "moonsnap.client.leases"
local wire = require "moonsnap.client.wire"

local need, may, options_of = arguments.need, arguments.may, arguments.options

local M = {}

---@class moonsnap.client.Store: moonsnap.Store
---@field wire         moonsnap.client.Wire
---@field without?     moonsnap.Error  why there is no Control
---@field snapshotter  string
local Store = {}
local meta = { __index = Store, __name = "moonsnap.client" }

local KINDS = { [0] = "committed", "view", "active", "committed" }

local function info_of(message)
    return {
        name = message.name, parent = message.parent, kind = KINDS[message.kind] or "committed",
        created = message.created_at or 0, updated = message.updated_at or 0, labels = message.labels,
    }
end

local function new(core, connection, name_space, facts, without)
    return setmetatable({
        core = core, wire = connection, name_space = name_space, snapshotter = connection.snapshotter,
        without = without, facts = facts,
        root = facts.root, driver = facts.driver, xattrs = facts.xattrs, durability = facts.durability,
    }, meta)
end

--- What the server says of the store; none, and why, where it has no Control for us.
local function facts_of(connection)
    local facts, err = connection:ask("facts", {})
    if facts then
        return facts
    elseif err.kind == "unimplemented" or err.kind == "permission_denied" then
        return {}, err
    end
    return nil, err
end

--- Connects to a service.
---@param core moonsnap.Core
---@param options moonsnap.ConnectOptions
---@return moonsnap.client.Store? store
---@return moonsnap.Error? err
function M.connect(core, options)
    need("connect", "options", options, "table")
    need("connect", "option address", options.address, "string")
    options_of("connect", options, { address = "string", namespace = "string", snapshotter = "string" })
    local client, err = core.rpc.connect((options.address:gsub("^unix:/?/?(/)", "%1")))
    if not client then
        return nil, err
    end
    local name_space = options.namespace or "default"
    local connection = wire.new(core, client, name_space, options.snapshotter)
    local facts, without = facts_of(connection)
    if not facts then
        client:close()
        return nil, without
    end
    connection = connection:with(name_space, options.snapshotter or facts.snapshotter or "overlayfs")
    return new(core, connection, name_space, facts, without)
end

function Store:close()
    self.wire.rpc:close()
end

meta.__close = Store.close

function meta.__tostring(self)
    return ("moonsnap.client: %s (%s)"):format(self.snapshotter, self.name_space)
end

function Store:namespace(name)
    need("namespace", "name", name, "string")
    return new(self.core, self.wire:with(name), name, self.facts, self.without)
end

function Store:leases()
    return leases.leases(self)
end

function Store:namespace_records()
    return leases.namespaces(self.wire)
end

--- Making --------------------------------------------------------------------------------------

local function creating(verb, call)
    return function(self, key, parent, options)
        need(verb, "key", key, "string")
        may(verb, "parent", parent, "string")
        options = options_of(verb, options, { labels = "table", owner = "integer", lease = "string" })
        if options.owner and options.lease then
            return nil, self.core.error("unimplemented", verb .. ": owner and lease together: not through a service")
        elseif options.owner then
            return self:ask(verb, { key = key, parent = parent, labels = options.labels, owner = options.owner })
        end
        local reply, err = self.wire:call(call, { key = key, parent = parent, labels = options.labels },
            options.lease)
        return reply and reply.mounts, err
    end
end

Store.prepare = creating("prepare", "Prepare")
Store.view = creating("view", "View")

function Store:mounts(key)
    need("mounts", "key", key, "string")
    local reply, err = self.wire:call("Mounts", { key = key })
    return reply and reply.mounts, err
end

--- Progress is never told, here and below: the work is the server's.
function Store:commit(name, key, options)
    need("commit", "name", name, "string")
    need("commit", "key", key, "string")
    options = options_of("commit", options,
        { labels = "table", parent = "string", durability = "string", progress = "function", lease = "string" })
    if options.durability and options.lease then
        return nil, self.core.error("unimplemented", "commit: durability and lease together: not through a service")
    elseif options.durability then
        return self:ask("commit", { name = name, key = key, labels = options.labels, parent = options.parent,
            durability = options.durability })
    end
    local reply, err = self.wire:call("Commit",
        { name = name, key = key, labels = options.labels, parent = options.parent }, options.lease)
    return reply and true, err
end

--- The server frees the layer in its own time.
function Store:remove(key, options)
    need("remove", "key", key, "string")
    options_of("remove", options, { later = "boolean", progress = "function" })
    local reply, err = self.wire:call("Remove", { key = key })
    return reply and true, err
end

--- Looking -------------------------------------------------------------------------------------

function Store:stat(key)
    need("stat", "key", key, "string")
    if not self.without then
        return self.wire:ask("stat", { key = key })
    end
    local reply, err = self.wire:call("Stat", { key = key })
    return reply and info_of(reply.info), err
end

function Store:update(info, fieldpaths)
    need("update", "info", info, "table")
    need("update", "info.name", info.name, "string")
    may("update", "info.labels", info.labels, "table")
    may("update", "fieldpaths", fieldpaths, "table")
    local reply, err = self.wire:call("Update",
        { info = { name = info.name, labels = info.labels }, update_mask = fieldpaths })
    if not reply then
        return nil, err
    end
    return self.without and info_of(reply.info) or self:stat(info.name)
end

--- Infos of pages, one after the other.
local function infos_of(next_page, stream, _, closing)
    local page, at = {}, 0
    return function()
        at = at + 1
        while not page[at] do
            local reply = next_page(stream)
            if not reply then
                return nil
            end
            page, at = reply.info, 1
        end
        return info_of(page[at])
    end, nil, nil, closing
end

local function walk_all(self, filters)
    if not self.without then
        return self.wire:lines("walk", { filters = filters })
    end
    return infos_of(self.wire:list(filters))
end

--- A compiled filter is applied here.
function Store:walk(...)
    local filters = table.pack(...)
    if filters.n == 1 and type(filters[1]) == "userdata" then
        local filter = filters[1]
        local next_info, state, _, closing = walk_all(self, {})
        return function()
            local info
            repeat
                info = next_info(state)
            until not info or filter:match(info)
            return info
        end, nil, nil, closing
    end
    for i = 1, filters.n do
        need("walk", "filter " .. i, filters[i], "string")
    end
    filters.n = nil
    return walk_all(self, filters)
end

function Store:usage(key, options)
    need("usage", "key", key, "string")
    options_of("usage", options, { progress = "function" })
    return self.wire:call("Usage", { key = key })
end

for name, method in pairs(require "moonsnap.client.control") do
    Store[name] = method
end

return M
