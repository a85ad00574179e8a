--- The verbs of a store that change something: straight to the engine or, where hooks ask for the verb, through them.
---
---     verb -> misuse raises -> no hook of that verb: engine
---                           -> hooks:perform(store, request, act): the hooks, then act(request), in one transaction

local arguments = require "moonsnap.arguments"
local import = require "moonsnap.import"
local inside = require "moonsnap.events.inside"
local work = require "moonsnap.work"

local need, may, options_of = arguments.need, arguments.may, arguments.options

local M = {}

--- The hooks to ask about a verb; nil when there are none.
local function hooks_of(store, verb)
    local hooks = store.shared.hooks
    return hooks and hooks.verbs[verb] and hooks
end

--- act(request), through the hooks of the request's verb where there are any, and told to those behind: leases, pins
--- and runs.
---@param store   moonsnap.Store
---@param request moonsnap.Request
---@param act     fun(request: moonsnap.Request): any, moonsnap.Error?
function M.through(store, request, act)
    if not store.shared.hooks then
        return act(request)
    end
    inside.before(store)
    local hooks = hooks_of(store, request.verb)
    local result, err
    if hooks then
        result, err = hooks:perform(store, request, act)
    else
        result, err = act(request)
    end
    inside.after(store)
    return result, err
end

local CREATE = { labels = "table", owner = "integer", lease = "string", filled = "userdata" }

--- prepare and view.
local function creating(verb, kind)
    return function(self, key, parent, options)
        need(verb, "key", key, "string")
        may(verb, "parent", parent, "string")
        options = options_of(verb, options, CREATE)
        local engine = self.engine
        local hooks = hooks_of(self, verb)
        if not hooks then
            return engine[verb](engine, self.name_space, key, parent, options.labels, options.owner, options.lease,
                options.filled)
        end
        local request = {
            verb = verb, key = key, parent = parent or "", kind = kind, labels = options.labels,
            owner = options.owner, lease = options.lease, namespace = self.name_space, caller = hooks.caller,
        }
        return hooks:perform(self, request, function(asked)
            local filled = asked.parent == (parent or "") and options.filled or nil -- else a copy of another one
            return engine[verb](engine, self.name_space, key, asked.parent, asked.labels, options.owner,
                options.lease, filled)
        end)
    end
end

local COMMIT = {
    labels = "table", parent = "string", durability = "string", seal = "userdata", progress = "function",
    lease = "string",
}

--- Sealing stands before the transaction that the hooks are in: it is what takes long.
local function commit(self, name, key, options)
    need("commit", "name", name, "string")
    need("commit", "key", key, "string")
    options = options_of("commit", options, COMMIT)
    local engine, seal = self.engine, options.seal
    local hooks = hooks_of(self, "commit")
    if not seal and (options.progress or hooks and engine:depth() == 0) then
        local made, err = work.seal(self, key, options.durability, options.progress)
        if err and err.kind == "canceled" then
            return nil, err
        end
        seal = made -- what else failed commit meets again, and tells in its own order
    end
    local _made <close> = seal ~= options.seal and seal or nil
    if not hooks then
        return engine:commit(self.name_space, name, key, options.parent, options.labels, options.durability, seal,
            options.lease)
    end
    local request = {
        verb = "commit", key = key, name = name, parent = options.parent, kind = "committed",
        labels = options.labels, lease = options.lease,
    }
    return hooks:perform(self, request, function(asked)
        return engine:commit(self.name_space, name, key, options.parent, asked.labels, options.durability, seal,
            options.lease)
    end)
end

local function remove(self, key, options)
    need("remove", "key", key, "string")
    options = options_of("remove", options, { later = "boolean", progress = "function" })
    local engine = self.engine
    local hooks, free = hooks_of(self, "remove"), not options.later and engine:depth() == 0
    if not hooks then
        if options.progress and free then
            return work.remove(self, key, options.progress)
        end
        return engine:remove(self.name_space, key, options.later)
    end
    local number
    local ok, err = hooks:perform(self, { verb = "remove", key = key }, function(asked)
        number = asked.current and asked.current.number
        return engine:remove(self.name_space, key, true)
    end)
    if ok and free and number then
        work.free(self, number, options.progress)
    end
    return ok, err
end

--- A source may be long: the hooks are asked before it is read, and again with what is published.
local function import_tree(self, name, source, options)
    need("import", "name", name, "string")
    if type(source) ~= "string" and io.type(source) ~= "file" then
        error("import: source: a path or an open file expected", 2)
    end
    options = options_of("import", options, {
        parent = "string", labels = "table", strict = "boolean", durability = "string", progress = "function",
    })
    local hooks = hooks_of(self, "import")
    if not hooks then
        return import.run(self, name, source, options)
    end
    local function request()
        return {
            verb = "import", key = name, name = name, parent = options.parent or "", kind = "committed",
            labels = options.labels,
        }
    end
    local counted = {}
    local ok, err = hooks:ask(self, request(), counted)
    if not ok then
        return nil, err
    end
    return import.run(self, name, source, options, function(publish)
        return hooks:perform(self, request(), function(asked) return publish(asked.labels) end, counted)
    end)
end

local function update(self, info, fieldpaths)
    need("update", "info", info, "table")
    need("update", "info.name", info.name, "string")
    may("update", "info.labels", info.labels, "table")
    may("update", "fieldpaths", fieldpaths, "table")
    local engine, key = self.engine, info.name
    local hooks = hooks_of(self, "update")
    if not hooks then
        return engine:update(self.name_space, key, info.labels, fieldpaths)
    end
    local request = { verb = "update", key = key, labels = info.labels, fieldpaths = fieldpaths }
    return hooks:perform(self, request, function(asked)
        if fieldpaths and #fieldpaths > 0 and #asked.fieldpaths == 0 then
            return engine:stat(self.name_space, key) -- nothing of the change is left
        end
        return engine:update(self.name_space, key, asked.labels, asked.fieldpaths)
    end)
end

local function touch(self, key)
    need("touch", "key", key, "string")
    local engine = self.engine
    local hooks = hooks_of(self, "touch")
    if not hooks then
        return engine:touch(self.name_space, key)
    end
    return hooks:perform(self, { verb = "touch", key = key },
        function() return engine:touch(self.name_space, key) end)
end

local function mount(self, key, target, options)
    need("mount", "key", key, "string")
    need("mount", "target", target, "string")
    options = options_of("mount", options, { readonly = "boolean" })
    local engine = self.engine
    local hooks = hooks_of(self, "mount")
    if not hooks then
        return engine:mount(self.name_space, key, target, options.readonly)
    end
    return hooks:perform(self, { verb = "mount", key = key, target = target },
        function() return engine:mount(self.name_space, key, target, options.readonly) end)
end

--- The key of what is mounted on target; "" for what this store knows nothing of.
local function mounted_on(store, target)
    for _, row in ipairs(store:mounted() or {}) do
        if row.target == target and row.namespace == store.name_space then
            return row.key
        end
    end
    return ""
end

local function unmount(self, target, options)
    need("unmount", "target", target, "string")
    options = options_of("unmount", options, { lazy = "boolean" })
    local engine = self.engine
    local hooks = hooks_of(self, "unmount")
    if not hooks then
        return engine:unmount(target, options.lazy)
    end
    return hooks:perform(self, { verb = "unmount", key = mounted_on(self, target), target = target },
        function() return engine:unmount(target, options.lazy) end)
end

--- The verb and, where there are hooks, the hooks behind it: see events/inside.lua.
local function told(verb)
    return function(self, ...)
        if not self.shared.hooks then
            return verb(self, ...)
        end
        inside.before(self)
        local result, err, more = verb(self, ...)
        inside.after(self)
        return result, err, more
    end
end

local VERBS = {
    prepare = creating("prepare", "active"), view = creating("view", "view"), commit = commit, remove = remove,
    import = import_tree, update = update, touch = touch, mount = mount, unmount = unmount,
}

--- Adds the verbs to the class of stores.
---@param Store table
function M.add(Store)
    for name, verb in pairs(VERBS) do
        Store[name] = told(verb)
    end
end

return M
