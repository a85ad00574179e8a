--- The words with which a hook in the sandbox asks about the store: answered from the very store that the operation
--- is in, so that they see what its transaction has done already.
---
---     store.stat(key)             info, or nil
---     store.list(filter, limit?)  infos, 100 without a limit, 1,000 at most
---     store.count(filter?)        snapshots of the namespace
---     store.usage(filter?)        {size, inodes} of their own layers together; actives count as nothing
---     store.chain(key)            infos from key to its last ancestor
---     store.filesystem()          {size, free} in bytes
---     now()                       nanoseconds since 1970
---     log(text)                   a line in the log
---
--- What one call asks of the store is not on its budget, but may take a second in all: then each word raises.
---
--- A filter is containerd's, as text, or a table of fields that must be equal: { ["labels.tenant"] = "blue" }.
--- A key that is not there is nil; what goes wrong is nil, err.

local M = {}

M.NAMES = { "store.stat", "store.list", "store.count", "store.usage", "store.chain", "store.filesystem", "now", "log" }

local LIST, LIST_MAX = 100, 1000
local CHAIN_MAX = 1000
local ASKED_MAX = 1.0 -- seconds
local FILTERS_MAX = 64 -- compiled ones that are kept

local function text_of(where, name, value)
    if type(value) ~= "string" then
        error(("%s: %s: string expected, got %s"):format(where, name, type(value)), 0)
    end
    return value
end

--- Any text as filters quote it.
local function quoted(text)
    return '"' .. text:gsub('[%c"\\\x80-\xff]', function(byte) return ("\\x%02x"):format(byte:byte()) end) .. '"'
end

--- The filter text of a table of fields that must all be equal: what a caller gives is a value there, whatever it looks
--- like.
local function text_of_fields(where, fields)
    local terms = {}
    for path, value in pairs(fields) do
        if type(path) ~= "string" or type(value) ~= "string" then
            error(where .. ": filter: fields with the text that each must have are expected", 0)
        end
        local label = path:match("^labels%.(.+)$")
        terms[#terms + 1] = (label and "labels." .. quoted(label) or path) .. "==" .. quoted(value)
    end
    table.sort(terms)
    return table.concat(terms, ",")
end

--- A compiled filter of a text or a table, or nil for nil. Raises the error value of a bad one.
local function filter_of(hooks, where, text)
    if text == nil then
        return nil
    elseif type(text) == "table" then
        text = text_of_fields(where, text)
    end
    local kept = hooks.filters
    local filter = kept[text_of(where, "filter", text)]
    if not filter then
        local err
        filter, err = hooks.filter { text }
        if not filter then
            error(err, 0)
        end
        hooks.filters_count = hooks.filters_count + 1
        if hooks.filters_count > FILTERS_MAX then
            kept, hooks.filters_count = {}, 1
            hooks.filters = kept
        end
        kept[text] = filter
    end
    return filter
end

local function stat(store, key)
    local info, err = store.engine:stat(store.name_space, key)
    if info then
        return info
    elseif err.kind == "not_found" then
        return nil
    end
    return nil, err
end

local function list(hooks, store, filter, limit)
    if limit ~= nil and (math.type(limit) ~= "integer" or limit < 1 or limit > LIST_MAX) then
        error(("store.list: limit: a whole number from 1 to %d expected"):format(LIST_MAX), 0)
    end
    local infos = {}
    local walk <close>, err = store.engine:walk(store.name_space, filter_of(hooks, "store.list", filter))
    if not walk then
        return nil, err
    end
    for info in walk.next, walk do
        infos[#infos + 1] = info
        if #infos == (limit or LIST) then
            break
        end
    end
    return infos
end

local function chain(store, key)
    local infos = {}
    while key ~= "" and #infos < CHAIN_MAX do
        local info, err = stat(store, key)
        if not info then
            return #infos > 0 and infos or nil, err
        end
        infos[#infos + 1] = info
        key = info.parent
    end
    return infos
end

--- A word whose time is counted, in hooks.asked: whoever asks on and on holds up everybody.
local function timed(hooks, handler)
    local function asked(began, ...)
        hooks.asked = hooks.asked + (hooks.clock() - began)
        return ...
    end
    return function(...)
        if hooks.asked > ASKED_MAX then
            error(("what it asks of the store took more than %g second"):format(ASKED_MAX), 0)
        end
        return asked(hooks.clock(), handler(...))
    end
end

--- The words' handlers, over the store that hooks run for just then.
---@param hooks moonsnap.Hooks
---@return table<string, function>
function M.handlers(hooks)
    local function here(where)
        return hooks.running or error(where .. ": only while a hook runs", 0)
    end
    local handlers = {
        ["store.stat"] = function(key) return stat(here "store.stat", text_of("store.stat", "key", key)) end,
        ["store.list"] = function(filter, limit) return list(hooks, here "store.list", filter, limit) end,
        ["store.count"] = function(filter)
            local store = here "store.count"
            local count, err = store.engine:sum(store.name_space, filter_of(hooks, "store.count", filter))
            if not count then
                return nil, err
            end
            return count
        end,
        ["store.usage"] = function(filter)
            local store = here "store.usage"
            local count, size, inodes = store.engine:sum(store.name_space, filter_of(hooks, "store.usage", filter))
            if not count then
                return nil, size
            end
            return { size = size, inodes = inodes }
        end,
        ["store.chain"] = function(key) return chain(here "store.chain", text_of("store.chain", "key", key)) end,
        ["store.filesystem"] = function() return here("store.filesystem").engine:filesystem() end,
        now = function() return hooks.running.core.sys.now() end,
        log = function(text)
            if hooks.log then
                hooks.log(tostring(text), hooks.entry and hooks.entry.name)
            end
        end,
    }
    for name, handler in pairs(handlers) do
        handlers[name] = name:find("^store%.") and timed(hooks, handler) or handler
    end
    return handlers
end

return M
