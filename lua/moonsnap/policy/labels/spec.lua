--- Reads what a file says of one label policy: fields, their types, and whether they agree.

local hook_match = require "moonsnap.hooks.match"
local suggest = require "moonsnap.suggest"
local words = require "moonsnap.policy.labels.words"

local M = {}

local KINDS = {
    require = require "moonsnap.policy.labels.require", default = require "moonsnap.policy.labels.default",
    deny = require "moonsnap.policy.labels.deny", rewrite = require "moonsnap.policy.labels.rewrite",
    bound = require "moonsnap.policy.labels.bound", expire = require "moonsnap.policy.labels.expire",
    protect = require "moonsnap.policy.labels.protect",
}

--- Names of all kinds, for the constructors.
---@return string[]
function M.kinds()
    local names = {}
    for name in pairs(KINDS) do
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

local VERBS = { prepare = true, view = true, commit = true, import = true, update = true, remove = true, evict = true }

--- Labels that come from images and pods: anybody can give them.
local UNTRUSTED = "containerd.io/snapshot/"

--- Fields of every kind.
local COMMON = { verbs = "strings", namespace = "strings", key = "string", match = "any", peer = "peer" }

local function strings(value)
    if type(value) == "string" then
        return { value }
    end
    for i, one in pairs(type(value) == "table" and value or { 0 }) do
        if math.type(i) ~= "integer" or type(one) ~= "string" then
            return nil
        end
    end
    return value
end

local function plain(kind)
    return function(value)
        if type(value) == kind then
            return value
        end
    end
end

local function numbers(value)
    for _, number in ipairs(type(value) == "table" and value or { value }) do
        if math.type(number) ~= "integer" or number < 0 then
            return nil
        end
    end
    local set = words.set(value)
    return next(set) ~= nil and set or nil
end

--- How each kind of field is read (nil: it is none) and what it should have been.
local READ = {
    any = { function(value) return value end, "a value" },
    string = { plain "string", "text" },
    strings = { strings, "text or a list of texts" },
    boolean = { plain "boolean", "true or false" },
    value = { function(value) return (type(value) == "string" or type(value) == "function") and value or nil end,
        "text or a function" },
    target = { function(value)
        if type(value) == "string" or type(value) == "function" or value == false then
            return value
        end
    end, "text, a function or false" },
    map = { function(value)
        for from, to in pairs(type(value) == "table" and value or { 0 }) do
            if type(from) ~= "string" or type(to) ~= "string" then
                return nil
            end
        end
        return value
    end, "a table of texts" },
    peer = { function(value)
        local uid, gid = type(value) == "table" and value.uid, type(value) == "table" and value.gid
        for name in pairs(type(value) == "table" and value or { [0] = 0 }) do
            if name ~= "uid" and name ~= "gid" then
                return nil
            end
        end
        local peer = { uid = uid and numbers(uid), gid = gid and numbers(gid) }
        return (not uid or peer.uid) and (not gid or peer.gid) and (uid or gid) and peer or nil
    end, "{ uid = ..., gid = ... } with numbers or lists of them" },
}

local function known_fields(module)
    local known = {}
    for name, kind in pairs(COMMON) do
        known[name] = kind
    end
    for name, kind in pairs(module.fields) do
        known[name] = kind
    end
    return known
end

local function read_field(policy, known, name, value)
    local kind = known[name]
    if not kind then
        return suggest.unknown("field", tostring(name):sub(1, 40), known)
    end
    local reader, expected = READ[kind][1], READ[kind][2]
    local read = reader(value)
    if read == nil and value ~= nil then
        local got = type(value) ~= "table" and ", got a " .. type(value) or ""
        return ("%s: %s expected%s"):format(name, expected, got)
    end
    policy[name] = read
end

local function read_fields(policy, fields, known)
    for name, value in pairs(fields) do
        local wrong
        if name == 1 then
            wrong = (type(value) ~= "string" or value == "") and "its first value is the label's name"
        elseif name == 2 and known.value then
            wrong = read_field(policy, known, "value", value)
        elseif math.type(name) == "integer" then
            wrong = ("there is a %d. value that has no name"):format(name)
        elseif name ~= "value" or not known.value then
            wrong = read_field(policy, known, name, value)
        else
            wrong = "the value is the second one: label.default { NAME, VALUE }"
        end
        if wrong then
            return wrong
        end
    end
    return fields[1] == nil and "its first value is the label's name" or nil
end

--- Any of several patterns; nil for none.
local function any_of(globs)
    if not globs then
        return nil
    end
    local all = {}
    for i, glob in ipairs(globs) do
        all[i] = words.glob(glob)
    end
    return function(text)
        for _, fits in ipairs(all) do
            if fits(text) then
                return true
            end
        end
        return false
    end
end

local function read_scope(policy, module)
    for _, verb in ipairs(policy.verbs or {}) do
        if not VERBS[verb] then
            return suggest.unknown("verb", words.shown(verb), VERBS)
        end
    end
    if policy.verbs and #policy.verbs == 0 then
        return "verbs is empty: it would never act"
    elseif policy.namespace and #policy.namespace == 0 then
        return "namespace is empty: it would never act"
    end
    policy.verbs = words.set(policy.verbs or module.verbs)
    if module.update and policy.update ~= false then
        policy.verbs.update = true
    end
    policy.names, policy.objects = words.glob(policy.label), words.glob(policy.key)
    policy.namespaces = any_of(policy.namespace)
    if module.exact and policy.label:find("*", 1, true) then
        return ("'%s': the name of one label is expected, without *"):format(words.shown(policy.label))
    end
end

local TRUSTING = { expire = true, protect = true }

--- Reads one policy.
---@param kind    string
---@param fields  table
---@param context moonsnap.labels.Context
---@return moonsnap.labels.Policy? policy
---@return string? wrong
function M.read(kind, fields, context)
    local module = KINDS[kind]
    local label = type(fields[1]) == "string" and fields[1] or nil
    local policy = { kind = kind, module = module, label = label }
    local wrong = read_fields(policy, fields, known_fields(module)) or read_scope(policy, module)
    if not wrong and TRUSTING[kind] and label:sub(1, #UNTRUSTED) == UNTRUSTED then
        wrong = ("labels below %s come from images and pods, which anybody writes: they cannot be trusted here")
            :format(UNTRUSTED)
    end
    if not wrong and policy.match ~= nil then
        policy.matches, wrong = hook_match.compile(policy.match, context.filter)
    end
    wrong = wrong or module.prepare(policy, context)
    if wrong then
        return nil, ("label.%s%s: %s"):format(kind, label and " '" .. words.shown(label) .. "'" or "", wrong)
    end
    policy.phase = type(module.phase) == "function" and module.phase(policy) or module.phase
    return policy
end

return M
