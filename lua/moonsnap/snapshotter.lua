--- The store object: what users and services hold. Thin functions over the engine's store, one a
--- verb, so that policies can stand around them.
---
--- Objects of one store share its engine, so its transactions; each works in one namespace.

local arguments = require "moonsnap.arguments"
local import = require "moonsnap.import"
local leases = require "moonsnap.leases"
local namespaces = require "moonsnap.namespaces"
local run = require "moonsnap.run"
local transaction = require "moonsnap.transaction"
local work = require "moonsnap.work"

local need, may, options_of = arguments.need, arguments.may, arguments.options

---@class moonsnap.Store
---@field core   moonsnap.Core        inside: the C module
---@field engine moonsnap.core.Store  inside: the engine's store
local Store = {}
local meta = { __index = Store, __name = "moonsnap.store" }

---@param core moonsnap.Core
---@param engine moonsnap.core.Store
---@param name_space string
---@return moonsnap.Store
local function new(core, engine, name_space)
    local facts = engine:facts()
    return setmetatable({
        core = core,
        engine = engine,
        name_space = name_space,
        root = facts.root,
        driver = facts.driver,
        xattrs = facts.xattrs,
        durability = facts.durability,
    }, meta)
end

function Store:close()
    if self.engine:is_open() and self.engine:depth() > 0 then
        error("close: a transaction is open", 2)
    end
    self.engine:close()
end

meta.__close = Store.close

function meta.__tostring(self)
    return ("moonsnap.store: %s (%s)"):format(self.root, self.name_space)
end

function Store:namespace(name)
    need("namespace", "name", name, "string")
    local ok, err = self.engine:check_namespace(name)
    if not ok then
        return nil, err
    end
    return new(self.core, self.engine, name)
end

function Store:namespaces()
    return self.engine:namespaces()
end

function Store:leases()
    return leases.new(self)
end

function Store:namespace_records()
    return namespaces.new(self)
end

--- Making --------------------------------------------------------------------------------------

local CREATE = { labels = "table", owner = "integer", lease = "string", filled = "userdata" }

function Store:prepare(key, parent, options)
    need("prepare", "key", key, "string")
    may("prepare", "parent", parent, "string")
    options = options_of("prepare", options, CREATE)
    return self.engine:prepare(self.name_space, key, parent, options.labels, options.owner, options.lease,
        options.filled)
end

function Store:view(key, parent, options)
    need("view", "key", key, "string")
    may("view", "parent", parent, "string")
    options = options_of("view", options, CREATE)
    return self.engine:view(self.name_space, key, parent, options.labels, options.owner, options.lease,
        options.filled)
end

function Store:mounts(key)
    need("mounts", "key", key, "string")
    return self.engine:mounts(self.name_space, key)
end

function Store:seal(key, options)
    need("seal", "key", key, "string")
    options = options_of("seal", options, { durability = "string", progress = "function" })
    return work.seal(self, key, options.durability, options.progress)
end

local COMMIT = {
    labels = "table", parent = "string", durability = "string", seal = "userdata", progress = "function",
    lease = "string",
}

function Store:commit(name, key, options)
    need("commit", "name", name, "string")
    need("commit", "key", key, "string")
    options = options_of("commit", options, COMMIT)
    local seal = options.seal
    if options.progress and not seal then
        local made, err = work.seal(self, key, options.durability, options.progress)
        if err and err.kind == "canceled" then
            return nil, err
        end
        seal = made -- what else failed commit meets again, and tells in its own order
    end
    local _made <close> = seal ~= options.seal and seal or nil
    return self.engine:commit(self.name_space, name, key, options.parent, options.labels, options.durability, seal,
        options.lease)
end

function Store:remove(key, options)
    need("remove", "key", key, "string")
    options = options_of("remove", options, { later = "boolean", progress = "function" })
    if options.progress and not options.later and self.engine:depth() == 0 then
        return work.remove(self, key, options.progress)
    end
    return self.engine:remove(self.name_space, key, options.later)
end

function Store:import(name, source, options)
    need("import", "name", name, "string")
    if type(source) ~= "string" and io.type(source) ~= "file" then
        error("import: source: a path or an open file expected", 2)
    end
    options = options_of("import", options, {
        parent = "string", labels = "table", strict = "boolean", durability = "string", progress = "function",
    })
    return import.run(self, name, source, options)
end

--- Looking -------------------------------------------------------------------------------------

function Store:stat(key)
    need("stat", "key", key, "string")
    return self.engine:stat(self.name_space, key)
end

function Store:update(info, fieldpaths)
    need("update", "info", info, "table")
    need("update", "info.name", info.name, "string")
    may("update", "info.labels", info.labels, "table")
    may("update", "fieldpaths", fieldpaths, "table")
    return self.engine:update(self.name_space, info.name, info.labels, fieldpaths)
end

--- Strings to a compiled filter; a compiled one as it is; nothing to nil.
local function filter_of(core, where, ...)
    local filters = table.pack(...)
    if filters.n == 0 or (filters.n == 1 and type(filters[1]) == "userdata") then
        return filters[1]
    end
    for i = 1, filters.n do
        if type(filters[i]) ~= "string" then
            error(("%s: filter %d: string expected, got %s"):format(where, i, type(filters[i])), 3)
        end
    end
    return core.filter(filters)
end

function Store:walk(...)
    local filter, err = filter_of(self.core, "walk", ...)
    if err then
        error(err, 0)
    end
    local walk
    walk, err = self.engine:walk(self.name_space, filter)
    if not walk then
        error(err, 0)
    end
    return walk.next, walk, nil, walk
end

function Store:explain(...)
    local filter, err = filter_of(self.core, "explain", ...)
    if err then
        return nil, err
    end
    return self.engine:explain(self.name_space, filter)
end

function Store:usage(key, options)
    need("usage", "key", key, "string")
    options = options_of("usage", options, { progress = "function" })
    return work.usage(self, key, options.progress)
end

function Store:touch(key)
    need("touch", "key", key, "string")
    return self.engine:touch(self.name_space, key)
end

function Store:layers(key)
    need("layers", "key", key, "string")
    return self.engine:layers(self.name_space, key)
end

function Store:diff(key, other)
    need("diff", "key", key, "string")
    may("diff", "other", other, "string")
    local diff, err = self.engine:diff(self.name_space, key, other)
    if not diff then
        return nil, err
    end
    return diff.next, diff, nil, diff
end

function Store:events(options)
    options = options_of("events", options, { since = "integer" })
    local engine, cursor = self.engine, options.since or 0
    return function()
        local event, err = engine:event(cursor)
        if err then
            error(err, 0)
        end
        if event then
            cursor = event.sequence
        end
        return event
    end
end

--- Mounting and running ------------------------------------------------------------------------

function Store:mount(key, target, options)
    need("mount", "key", key, "string")
    need("mount", "target", target, "string")
    options = options_of("mount", options, { readonly = "boolean" })
    return self.engine:mount(self.name_space, key, target, options.readonly)
end

function Store:unmount(target, options)
    need("unmount", "target", target, "string")
    options = options_of("unmount", options, { lazy = "boolean" })
    return self.engine:unmount(target, options.lazy)
end

function Store:mounted()
    return self.engine:mounted()
end

function Store:run(name, argv, options)
    need("run", "name", name, "string")
    need("run", "argv", argv, "table")
    options = options_of("run", options, {
        at = "string", workdir = "string", env = "table", binds = "table", commit = "string", labels = "table",
        readonly = "boolean",
    })
    return run.run(self, name, argv, options)
end

--- Keeping house -------------------------------------------------------------------------------

function Store:transaction(fn)
    need("transaction", "fn", fn, "function")
    return transaction.run(self.engine, fn, self)
end

function Store:cleanup(options)
    options = options_of("cleanup", options, { progress = "function" })
    return work.cleanup(self, options.progress)
end

function Store:check(options)
    options = options_of("check", options, { repair = "boolean" })
    return self.engine:check(options.repair)
end

return { new = new }
