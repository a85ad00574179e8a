--- What the words of a policy file ask of the host: one set of handlers a file. The words themselves, with checks and
--- places, are Lua in prelude.lua; both run for files in the sandbox and for automation files in the main state.

local options = require "moonsnap.policy.options"
local presets = require "moonsnap.gc.presets"
local rules = require "moonsnap.gc.rules"
local suggest = require "moonsnap.suggest"
local units = require "moonsnap.units"

local M = {}

local WORDS = { "hook", "labels", "label", "retention", "rule", "preset", "option", "include", "deny", "defer",
    "exists", "rewrite", "keep", "kept", "log", "store", "now" }

local AUTOMATION = table.move(WORDS, 1, #WORDS, 6, { "append", "post", "spawn", "every", "json" })

local KEPT_NAMES, KEPT_BYTES = 64, 262144 -- of one file
local MOST = 500 -- hooks, label policies and rules of all files: what the host does for them is in no budget

--- "policy.lua:3" of "policy.lua:3: ".
local function bare(place)
    return (place:gsub(": $", ""))
end

--- The same table, at every depth, with what is a function of the sandbox made callable for us.
local function callable(value, state)
    if type(value) == "userdata" then
        return function(...) return state:call(value, ...) end
    elseif type(value) ~= "table" then
        return value
    end
    local copy = {}
    for key, element in pairs(value) do
        copy[key] = callable(element, state)
    end
    return copy
end

--- Bytes that a value takes, about; nil for what cannot be kept.
local function weight(value)
    local kind = type(value)
    if kind == "string" then
        return #value + 24
    elseif kind ~= "table" then
        return (kind == "number" or kind == "boolean") and 16 or nil
    end
    local sum = 56
    for key, element in pairs(value) do
        local of_key, of_element = weight(key), weight(element)
        if not of_key or not of_element then
            return nil
        end
        sum = sum + of_key + of_element
    end
    return sum
end

local function keep(file, name, value)
    local size = value == nil and 0 or weight(value)
    if not size then
        return nil, ("keep '%s': only data can be kept: no functions"):format(name:sub(1, 40))
    end
    local total, count = size, 1
    for other, one in pairs(file.weights) do
        if other ~= name then
            total, count = total + one, count + 1
        end
    end
    if value ~= nil and (total > KEPT_BYTES or count > KEPT_NAMES) then
        return nil, ("keep '%s': a file keeps at most %d values and %d KiB"):format(name:sub(1, 40), KEPT_NAMES,
            KEPT_BYTES >> 10)
    end
    file.kept[name], file.weights[name], file.written[name] = value, value ~= nil and size or nil, true
    return true
end

local function add_rule(loading, file, fields, place)
    local made = callable(fields, file.state)
    made.name, made[1] = made[1] or made.name, nil
    made.file = bare(place)
    local ok, wrong = rules.check(made)
    if ok then
        ok, wrong = rules.compile(made, { filter = loading.options.core.filter, now = 0 })
    end
    if not ok then
        return nil, ("rule%s: %s"):format(type(made.name) == "string" and " '" .. made.name:sub(1, 40) .. "'" or "",
            wrong)
    end
    for _, other in ipairs(loading.policy.retention) do
        if other.name == made.name then
            return nil, ("rule '%s': there is one of that name already, in %s"):format(made.name, other.file)
        end
    end
    table.insert(loading.policy.retention, made)
    return true
end

--- Rules of another tool's words.
local function preset(loading, name, fields, place)
    local ok, made = pcall(presets[name], fields)
    if ok then
        return made
    end
    local wrong = tostring(made):gsub("^[^:]*%.lua:%d+: ", "")
    if loading.options.wrong then
        loading.options.wrong(place, wrong) -- and it goes on, without them
        return {}
    end
    return nil, wrong
end

local function add_hook(loading, file, fields, place)
    local said = {}
    for name, value in pairs(fields) do
        said[name] = value
    end
    said.file = bare(place)
    if fields.trusted ~= nil or fields.file ~= nil then
        return nil, ("hook: there is no field '%s'"):format(fields.file and "file" or "trusted")
    end
    local name = said[1] or said.name
    if type(name) == "string" and file.hooks[name] then
        return nil, ("hook '%s': there is one of that name already, at %s"):format(name:sub(1, 80), file.hooks[name])
    end
    local handle, err = loading.policy.hooks:add(said, file.state.box, file.words)
    if not handle then
        return nil, err.message
    end
    file.hooks[name] = said.file
    return true
end

local function add_label(loading, file, kind, fields, place)
    local policy = loading.policy
    local hook, wrong = policy.labels:add(kind, callable(fields, file.state), bare(place))
    if not hook then
        return nil, wrong
    end
    local handle, err = policy.hooks:add(hook)
    return handle and true or nil, err and err.message
end

local function read_option(file, name, spec)
    if file.options[name] then
        return nil, ("option %s: it is there already"):format(name)
    end
    local value, wrong = options.value(name, spec, file.given[name])
    file.options[name] = { type = spec.type, doc = spec.doc, value = value, given = file.given[name] ~= nil }
    return value, wrong
end

--- What people look for who come from Lua, or from the service's configuration.
local INSTEAD = {
    print = "log(text) writes a line into the log", require = "include(path) loads another policy file",
    os = "a policy has no os; now() tells the time", io = "a policy has no files",
}
for _, name in ipairs { "mode", "metrics", "plugin", "disable", "register", "wrap", "policy", "automation" } do
    INSTEAD[name] = "that is a word of the service's configuration, which serve --config FILE reads"
end

--- A handler for while the file is loaded: what a hook would register would come and go with its requests.
local function at_first(file, word, handler)
    return function(...)
        if file.loaded then
            return nil, word .. ": only while the file is loaded"
        end
        return handler(...)
    end
end

--- A handler that registers something, as long as there is not too much.
local function counted(loading, handler)
    return function(...)
        loading.registered = (loading.registered or 0) + 1
        if loading.registered > MOST then
            return nil, ("there are more than %d hooks, label policies and rules: "
                .. "let one of them say what they have in common"):format(MOST)
        end
        return handler(...)
    end
end

--- A handler whose refusals are told, where somebody wants all of them, instead of ending the file.
local function told(loading, handler)
    local tell = loading.options.wrong
    handler = counted(loading, handler)
    return not tell and handler or function(...)
        local value, wrong = handler(...)
        if not wrong then
            return value
        end
        tell(select(-1, ...), wrong) -- the place comes last
        return true
    end
end

--- The handlers of one file.
---@param loading moonsnap.policy.Loading
---@param file    moonsnap.policy.File
---@return table<string, function>  by their words, which are "host.hook" and so on in the file's state
function M.new(loading, file)
    local words = file.tier == "automation" and AUTOMATION or WORDS
    local known = { words = words, labels = loading.kinds, errors = loading.error_kinds,
        presets = presets }
    return {
        hook = at_first(file, "hook", told(loading, function(fields, place)
            return add_hook(loading, file, fields, place)
        end)),
        label = at_first(file, "labels", told(loading, function(kind, fields, place)
            return add_label(loading, file, kind, fields, place)
        end)),
        rule = at_first(file, "retention", told(loading, function(fields, place)
            return add_rule(loading, file, fields, place)
        end)),
        preset = function(name, fields, place) return preset(loading, name, fields, place) end,
        option = at_first(file, "option", function(name, spec) return read_option(file, name, spec) end),
        include = at_first(file, "include", function(path, values, place)
            return loading:include(file, path, values, place)
        end),
        keep = function(name, value) return keep(file, name, value) end,
        kept = function(name) return file.kept[name] end,
        duration = units.parse_duration,
        unknown = function(what, name, of, place)
            local wrong = suggest.unknown(what, name:sub(1, 40), known[of])
                .. (what == "word" and INSTEAD[name] and ": " .. INSTEAD[name] or "")
            if place and loading.options.wrong then
                return loading.options.wrong(place, wrong) -- and it goes on: nil
            end
            return wrong
        end,
    }
end

return M
