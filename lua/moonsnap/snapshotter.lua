--- The store object: what users and services hold. Thin functions over the engine's store, one a
--- verb. Those that change snapshots stand in verbs.lua, with the hooks around them.
---
--- Objects of one store share its engine, so its transactions; each works in one namespace.

local arguments = require "moonsnap.arguments"
local hooks = require "moonsnap.hooks"
local cursor = require "moonsnap.events.cursor"
local inside = require "moonsnap.events.inside"
local leases = require "moonsnap.leases"
local namespaces = require "moonsnap.namespaces"
local pins = require "moonsnap.pins"
local program = require "moonsnap.program"
local reader = require "moonsnap.events.reader"
local run = require "moonsnap.run"
local transaction = require "moonsnap.transaction"
local verbs = require "moonsnap.verbs"
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
---@param shared? {hooks?: moonsnap.Hooks, policy?: moonsnap.Policy}  what all objects of this engine's store share
---@return moonsnap.Store
local function new(core, engine, name_space, shared)
    local facts = engine:facts()
    return setmetatable({
        core = core,
        engine = engine,
        shared = shared or {},
        name_space = name_space,
        root = facts.root,
        driver = facts.driver,
        xattrs = facts.xattrs,
        durability = facts.durability,
    }, meta)
end

--- Raises while a hook runs: what it calls could change the store, or close it.
local function refuse_hooks(store, where)
    local running = store.shared.hooks
    if running then
        running:refuse_running(where)
    end
end

function Store:close()
    refuse_hooks(self, "close")
    if self.engine:is_open() and self.engine:depth() > 0 then
        error("close: a transaction is open", 2)
    end
    if self.shared.delivery then
        self.shared.delivery:close()
    end
    self.engine:close()
    if self.shared.policy then
        self.shared.policy:close() -- its states are not small
    end
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
    return new(self.core, self.engine, name, self.shared)
end

function Store:namespaces()
    return self.engine:namespaces()
end

function Store:leases()
    return leases.new(self)
end

function Store:pins()
    return pins.new(self)
end

function Store:namespace_records()
    return namespaces.new(self)
end

function Store:hook(hook)
    return hooks.of(self):add(hook)
end

function Store:gc(rules)
    may("gc", "rules", rules, "table")
    return require("moonsnap.gc").of(self, rules) -- much to load for who never collects
end

--- Mounts and seals ----------------------------------------------------------------------------

function Store:mounts(key)
    need("mounts", "key", key, "string")
    return self.engine:mounts(self.name_space, key)
end

function Store:seal(key, options)
    need("seal", "key", key, "string")
    refuse_hooks(self, "seal")
    options = options_of("seal", options, { durability = "string", progress = "function" })
    return work.seal(self, key, options.durability, options.progress)
end

--- Looking -------------------------------------------------------------------------------------

function Store:stat(key)
    need("stat", "key", key, "string")
    return self.engine:stat(self.name_space, key)
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
    options = options_of("events", options, { since = "any", filter = "any", namespace = "string" })
    local query, err = reader.query(self.core, self.engine, options)
    if not query then
        return nil, err
    end
    return reader.iterate(self.engine, query)
end

function Store:cursor()
    return cursor.newest(self.engine)
end

--- Mounting and running ------------------------------------------------------------------------

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
    refuse_hooks(self, "transaction")
    if not self.shared.hooks then
        return transaction.run(self.engine, fn, self)
    end
    inside.before(self)
    local results = table.pack(transaction.run(self.engine, fn, self))
    inside.after(self)
    return table.unpack(results, 1, results.n)
end

function Store:program(what, args, options)
    return program.run(self, what, args, options, new)
end

function Store:cleanup(options)
    refuse_hooks(self, "cleanup")
    options = options_of("cleanup", options, { progress = "function" })
    return work.cleanup(self, options.progress)
end

function Store:check(options)
    refuse_hooks(self, "check")
    options = options_of("check", options, { repair = "boolean" })
    return self.engine:check(options.repair)
end

verbs.add(Store)

return { new = new }
