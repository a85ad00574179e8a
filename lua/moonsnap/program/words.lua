--- What a program may ask of its host: names of words, and what answers them. Each answers true and its results, or
--- false and what it raised, which the prelude raises again in the program.

local data = require "moonsnap.program.data"
local raised = require "moonsnap.raised"

local M = {}

local WALKS = 64  -- at once, those that were left included
local PAGE = 1000 -- infos at most that go over together

--- The verbs of a store that are words as they are.
local VERBS = { "prepare", "view", "remove", "stat", "update", "touch", "namespaces" }
local KEPT = { -- what holds snapshots: verbs of store:leases() and store:pins()
    leases = { "create", "delete", "list", "add", "drop", "resources" },
    pins = { "add", "remove", "list" },
}

--- Changes some labels: a value sets, false takes away.
local function label(store, key, labels)
    local paths, set = {}, {}
    if type(labels) ~= "table" then
        error("label: labels: table expected", 0)
    end
    for name, value in pairs(labels) do
        paths[#paths + 1] = "labels." .. tostring(name)
        set[name] = value or nil
    end
    table.sort(paths)
    return store:update({ name = key, labels = set }, paths)
end

--- How many snapshots filters match, and what their layers hold in all.
local function sum(store, ...)
    local filter, err
    if select("#", ...) > 0 then
        filter, err = store.core.filter { ... }
    end
    if err then
        return nil, err
    end
    local count, size, inodes = store.engine:sum(store.name_space, filter)
    if not count then
        return nil, size
    end
    return { count = count, size = size, inodes = inodes }
end

local function count(store, ...)
    local found, err = sum(store, ...)
    return found and found.count, err
end

--- Walks that a program has begun, by number. It does not say when it leaves one: of many that which was used longest
--- ago goes.
local function walking(store)
    local walks, order, begun = {}, {}, 0
    local function use(number)
        for at = #order, 1, -1 do
            if order[at] == number then
                table.remove(order, at)
            end
        end
        order[#order + 1] = walks[number] and number or nil
    end
    return {
        walk_begin = function(...)
            local next_info, state = store:walk(...)
            begun = begun + 1
            walks[begun] = { next_info, state }
            use(begun)
            if #order > WALKS then
                walks[table.remove(order, 1)] = nil
            end
            return begun
        end,
        walk_next = function(number, most)
            local walk, page = walks[number], {}
            if not walk then
                error(("walk: %d others have begun since this one was used"):format(WALKS), 0)
            end
            for at = 1, math.min(most, PAGE) do
                local info = walk[1](walk[2])
                if not info then
                    walks[number] = nil
                    break
                end
                page[at] = info
            end
            use(number)
            return page
        end,
    }
end

--- The handlers, by word.
---@param store moonsnap.Store   what the program works on
---@param host {emit: fun(value: any), log: fun(text: string), now: fun(): integer,
---             failure: fun(kind: string, message: string): moonsnap.Error,
---             commit: fun(name: string, key: string, options?: table): true?, moonsnap.Error?,
---             usage: fun(key: string): moonsnap.Usage?, moonsnap.Error?,
---             as?: fun(fn: function, ...: any): any}  as calls a verb of the store on behalf of who runs the program;
---             what may wait, commit and usage, does so by itself
---@return table<string, function>
local function handlers_of(store, host)
    local function acting(fn)
        return host.as and function(...) return host.as(fn, ...) end or fn
    end
    local handlers = {
        ["store.label"] = acting(function(...) return label(store, ...) end),
        ["store.count"] = function(...) return count(store, ...) end,
        ["store.sum"] = function(...) return sum(store, ...) end,
        ["store.commit"] = host.commit, ["store.usage"] = host.usage,
        emit = function(value)
            if value == nil then
                error("emit: a value expected", 0)
            end
            local wrong = data.wrong(value)
            if wrong then
                error("emit: " .. wrong, 0)
            end
            host.emit(value)
        end,
        log = function(text) host.log(tostring(text)) end,
        now = function() return host.now() end,
        failure = function(kind, message) return host.failure(kind, message) end,
    }
    for _, verb in ipairs(VERBS) do
        handlers["store." .. verb] = acting(function(...) return store[verb](store, ...) end)
    end
    for room, verbs in pairs(KEPT) do
        for _, verb in ipairs(verbs) do
            handlers[room .. "." .. verb] = acting(function(...)
                local kept = store[room](store)
                return kept[verb](kept, ...)
            end)
        end
    end
    for name, fn in pairs(walking(store)) do
        handlers["program." .. name] = fn
    end
    return handlers
end

--- The same by word, each answering whether it went well, then its results or what it raised.
function M.new(store, host)
    local handlers = handlers_of(store, host)
    for name, fn in pairs(handlers) do
        handlers[name] = function(...)
            local results = table.pack(pcall(fn, ...))
            if not results[1] and not raised.is_error(results[2]) then
                results[2] = tostring(results[2]):gsub("^[^\n]-%.lua:%d+: ", "") -- the place is the program's
            end
            return table.unpack(results, 1, results.n)
        end
    end
    return handlers
end

--- Names of all words.
---@return string[]
function M.names()
    local names = {}
    local nothing = setmetatable({}, { __index = function() return function() end end })
    for name in pairs(handlers_of(nothing, nothing)) do
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

return M
