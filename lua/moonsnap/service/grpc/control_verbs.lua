--- The verbs of moonsnap.v1.Control that ask a snapshotter: the rest of what a store can do.
---
---     facts                                  root, driver, xattrs, durability, snapshotter, snapshotters
---     stat {key}, walk {filters}             infos with everything that a store knows
---     touch {key}, remove {key, later}, commit {name, key, labels, parent, durability},
---     prepare, view {key, parent, labels, owner}
---     layers {key}, diff {key, other}, explain {filters}, mounted, namespaces
---     hooks                                  what each hook is and has done; see hooks:status()
---     cleanup, check {repair}
---     those about pins and leases: see control_holds.lua; about collection: control_gc.lua
---
--- All take {snapshotter} too; without, it is the one over the root's store. The namespace is the one of
--- the header containerd-namespace.

local collection = require "moonsnap.service.grpc.control_gc"
local holds = require "moonsnap.service.grpc.control_holds"
local identifier = require "moonsnap.service.grpc.identifier"

local M = {}

local OBJECT = { __jsontype = "object" }
local ARRAY = { __jsontype = "array" }

local function info_line(info)
    setmetatable(info.labels, OBJECT)
    return info
end

--- File names are bytes: what is no UTF-8 goes as hexadecimal digits.
local function change_line(change)
    if not utf8.len(change.path) then
        change.path_hex = change.path:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
        change.path = nil
    end
    return change
end

local STRING, INTEGER, TABLE, BOOLEAN = "string", "integer", "table", "boolean"

--- What each argument is.
local KNOWN = {
    snapshotter = STRING, key = STRING, name = STRING, parent = STRING, other = STRING, durability = STRING,
    labels = TABLE, filters = TABLE, owner = INTEGER, since = INTEGER, repair = BOOLEAN, later = BOOLEAN,
}

local DURABILITIES = { metadata = true, layer = true, full = true }

local function is_text(value, count_only)
    for key, element in pairs(value) do
        if type(element) ~= "string" or count_only and math.type(key) ~= "integer"
            or not count_only and type(key) ~= "string" then
            return false
        end
    end
    return true
end

--- Says what is wrong with arguments, or nil.
local function wrong_in(arguments, needed)
    for _, name in ipairs(needed) do
        if arguments[name] == nil then
            return ("argument %s is missing"):format(name)
        end
    end
    for name, value in pairs(arguments) do
        local wanted = KNOWN[name] or holds.KNOWN[name] or collection.KNOWN[name]
        if not wanted then
            return ("there is no argument '%s'"):format(tostring(name):sub(1, 80))
        elseif (math.type(value) == INTEGER and INTEGER or type(value)) ~= wanted then
            return ("argument %s: %s expected"):format(name, wanted)
        elseif wanted == TABLE and not is_text(value, name == "filters") then
            return ("argument %s: it holds strings"):format(name)
        elseif wanted == STRING and value:find("\0", 1, true) then
            return ("argument %s: it has a NUL byte"):format(name)
        end
    end
    if arguments.durability and not DURABILITIES[arguments.durability] then
        return "argument durability: metadata, layer or full"
    end
end

--- A verb that answers one value, as a line; without fn's line nothing but the end.
local function one(fn, line)
    return function(store, arguments, emit, alive)
        local value, err = fn(store, arguments, alive)
        if value == nil then
            return nil, err
        end
        if line then
            emit(line(value))
        end
        return true
    end
end

--- A verb that answers an iterator, a line an element, until nobody reads.
local function each(fn, line)
    return function(store, arguments, emit)
        local iterator, state, control, closing = fn(store, arguments)
        if not iterator then
            return nil, state
        end
        for value in iterator, state, control, closing do
            if not emit(line(value)) then
                break
            end
        end
        return true
    end
end

local function same(value)
    return value
end

local function hook_line(row)
    setmetatable(row.on, ARRAY)
    return row
end

--- A list as an iterator.
local function listed(fn)
    return function(store, arguments)
        local list, err = fn(store, arguments)
        if not list then
            return nil, err
        end
        local at = 0
        return function()
            at = at + 1
            return list[at]
        end
    end
end

local function creating(verb)
    return one(function(store, a)
        return store[verb](store, a.key, a.parent, { labels = a.labels, owner = a.owner })
    end, function(mounts) return setmetatable(mounts, ARRAY) end)
end

--- By verb: the arguments that it needs, and what it does.
local VERBS = {
    stat = { { "key" }, one(function(store, a) return store:stat(a.key) end, info_line) },
    walk = { {}, each(function(store, a) return store:walk(table.unpack(a.filters or {})) end, info_line) },
    prepare = { { "key" }, creating "prepare" },
    view = { { "key" }, creating "view" },
    commit = { { "name", "key" }, one(function(store, a, alive)
        return store:commit(a.name, a.key,
            { labels = a.labels, parent = a.parent, durability = a.durability, alive = alive })
    end) },
    remove = { { "key" }, one(function(store, a) return store:remove(a.key, { later = a.later }) end) },
    touch = { { "key" }, one(function(store, a) return store:touch(a.key) end) },
    layers = { { "key" }, one(function(store, a) return store:layers(a.key) end, function(layers)
        return { own = layers.own, layers = setmetatable({ table.unpack(layers) }, ARRAY) }
    end) },
    diff = { { "key" }, each(function(store, a) return store:diff(a.key, a.other) end, change_line) },
    explain = { {}, one(function(store, a) return store:explain(table.unpack(a.filters or {})) end, same) },
    mounted = { {}, each(listed(function(store) return store:mounted() end), same) },
    namespaces = { {}, each(listed(function(store) return store:namespaces() end), same) },
    hooks = { {}, each(listed(function(store) return store:hooks() end), hook_line) },
    cleanup = { {}, one(function(store, _, alive) return store:cleanup { alive = alive } end, same) },
    check = { {}, each(listed(function(store, a) return store:check { repair = a.repair } end), same) },
}

for _, more in ipairs { holds, collection } do
    for name, verb in pairs(more.verbs(one, each, listed)) do
        VERBS[name] = verb
    end
end

--- What a store says of itself.
local function facts_of(snapshotters)
    return one(function(store, a)
        return {
            root = store.root, driver = store.driver, xattrs = store.xattrs, durability = store.durability,
            snapshotter = a.snapshotter, snapshotters = setmetatable(snapshotters:names(), ARRAY),
        }
    end, same)
end

--- The verbs by name, each as moonsnap.service.ControlVerb.
---@param snapshotters moonsnap.service.Snapshotters
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return table<string, moonsnap.service.ControlVerb>
function M.new(snapshotters, failure)
    local function wrap(name, needed, act)
        return function(arguments, context, emit)
            local wrong = wrong_in(arguments, needed)
            if wrong then
                return nil, failure("invalid_argument", ("%s: %s"):format(name, wrong))
            end
            local name_space, err = identifier.namespace(context, failure)
            if not name_space then
                return nil, err
            end
            arguments.snapshotter = arguments.snapshotter or snapshotters.default
            local store = snapshotters:find(arguments.snapshotter, name_space)
            if not store then
                return nil, failure("invalid_argument", ("%s: no snapshotter '%s'"):format(name, arguments.snapshotter))
            end
            return act(store, arguments, emit, function() return context:alive() end)
        end
    end
    local verbs = { facts = wrap("facts", {}, facts_of(snapshotters)) }
    for name, verb in pairs(VERBS) do
        verbs[name] = wrap(name, verb[1], verb[2])
    end
    return verbs
end

return M
