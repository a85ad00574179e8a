--- `moonsnap policy explain`: a request from words, and what a store's hooks would say to it.
---
---     prepare KEY [PARENT]   view KEY [PARENT]   import NAME [PARENT]   commit NAME KEY   remove KEY
---     update KEY [NAME=VALUE...]   touch KEY   mount KEY [TARGET]   unmount KEY [TARGET]   evict KEY
---     pin KEY [ACTION]   lease ID [ACTION]

local suggest = require "moonsnap.suggest"

local M = {}

local function keyed(fields)
    return function(words)
        local request = { key = words[1] }
        for name, value in pairs(fields or {}) do
            request[name] = value
        end
        return request
    end
end

local function made(kind)
    return function(words) return { key = words[1], parent = words[2] or "", kind = kind } end
end

local function targeted(words) return { key = words[1], target = words[2] or "" } end

--- What is done to a pin or a lease: the first where nothing is said.
local function acted(actions, leased)
    return function(words)
        local action, known = words[2] or actions[1], {}
        for _, one in ipairs(actions) do
            known[one] = true
        end
        if not known[action] then
            return nil, suggest.unknown("action", action:sub(1, 40), known)
        end
        return { key = words[1], action = action, lease = leased and words[1] or nil }
    end
end

--- By verb: the fewest and the most words, how it is written, and the request of them.
local VERBS = {
    prepare = { 1, 2, "KEY [PARENT]", made "active" },
    view = { 1, 2, "KEY [PARENT]", made "view" },
    import = { 1, 2, "NAME [PARENT]", function(words)
        return { key = words[1], name = words[1], parent = words[2] or "", kind = "committed" }
    end },
    commit = { 2, 2, "NAME KEY", function(words) return { name = words[1], key = words[2], kind = "committed" } end },
    remove = { 1, 1, "KEY", keyed() },
    update = { 1, math.huge, "KEY [NAME=VALUE...]", function(words)
        local request = { key = words[1], labels = {}, fieldpaths = {} }
        for i = 2, #words do
            local name, value = words[i]:match("^([^=]+)=(.*)$")
            if not name then
                return nil, ("label '%s': it is NAME=VALUE"):format(words[i])
            end
            request.labels[name], request.fieldpaths[i - 1] = value, "labels." .. name
        end
        return request
    end },
    touch = { 1, 1, "KEY", keyed() },
    mount = { 1, 2, "KEY [TARGET]", targeted }, unmount = { 1, 2, "KEY [TARGET]", targeted },
    evict = { 1, 1, "KEY", keyed() },
    pin = { 1, 2, "KEY [add|remove]", acted { "add", "remove" } },
    lease = { 1, 2, "ID [create|renew|delete|add|drop]",
        acted({ "create", "renew", "delete", "add", "drop" }, true) },
}

--- What the command calls some of them.
local ALSO = { rm = "remove", label = "update", umount = "unmount" }

--- A request.
---@param verb    string
---@param words   string[]
---@param labels? table<string, string>
---@return moonsnap.Request? request
---@return string? wrong
function M.request(verb, words, labels)
    verb = ALSO[verb] or verb
    local form = VERBS[verb]
    if not form then
        return nil, suggest.unknown("verb", verb:sub(1, 40), VERBS)
    elseif #words < form[1] or #words > form[2] then
        return nil, ("%s: it is %s %s"):format(verb, verb, form[3])
    end
    local request, wrong = form[4](words)
    if not request then
        return nil, wrong
    end
    request.verb = verb
    request.labels = request.labels or {}
    for name, value in pairs(labels or {}) do
        request.labels[name] = value
        if request.fieldpaths then
            table.insert(request.fieldpaths, "labels." .. name)
        end
    end
    return request
end

--- What the hooks of a store would say. Nothing is counted, nothing changes.
---@param store   moonsnap.Store
---@param request moonsnap.Request
---@return {hooks: moonsnap.hooks.Explained[], result: table}? explained
---@return moonsnap.Error? err  not_found: hooks are not asked about what is not there
function M.explain(store, request)
    local hooks = store.shared.hooks
    if not hooks then
        return { hooks = {}, result = { labels = request.labels, parent = request.parent } }
    end
    return hooks:explain(store, request)
end

--- What a store's policy consists of, and what its hooks have done.
---@param store moonsnap.Store
---@return {files: table[], hooks: table[], labels: table[], rules: table[]}
function M.describe(store)
    local policy, hooks = store.shared.policy, store.shared.hooks
    local described = policy and policy:describe() or { files = {}, labels = {}, rules = {} }
    described.hooks = hooks and hooks:status() or {}
    return described
end

return M
