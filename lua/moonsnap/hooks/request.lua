--- What hooks are asked about: a request with all that they may want to know, and what rewrites make of it.

local M = {}

local type = type -- once for each label

--- Verbs of a snapshot that is there already: request.current.
M.LOOKS = { commit = true, remove = true, update = true, touch = true, mount = true, unmount = true, pin = true,
    evict = true }

--- Verbs that are no transaction of the store, or a question only.
M.LONE = { mount = true, unmount = true, evict = true }

--- Labels as the caller gave them: nobody changes them, a rewrite makes its own.
local function checked(labels, verb)
    if not labels then
        return {}
    end
    for name, value in next, labels do
        if type(name) ~= "string" or type(value) ~= "string" then
            error(("%s: option labels: names and values are strings"):format(verb), 0)
        end
    end
    return labels
end

--- Fills in what the verb left open.
---@param store   moonsnap.Store
---@param request moonsnap.Request
---@param caller  table
function M.complete(store, request, caller)
    request.namespace, request.caller = store.name_space, caller
    request.labels = checked(request.labels, request.verb)
end

--- Looks up what is there. Where nothing is, and nothing can come until the engine is asked, hooks are not asked: it
--- is the engine that says so, and no hook stumbles over a current that is missing.
---@param store   moonsnap.Store
---@param request moonsnap.Request
---@return boolean missing
---@return moonsnap.Error? err  why, where it is missing
function M.look(store, request)
    local looks = M.LOOKS[request.verb]
    local info, err
    if looks then
        info, err = store.engine:stat(store.name_space, request.key)
    end
    if info then
        request.current = info
        request.kind, request.parent = request.kind or info.kind, request.parent or info.parent
    end
    request.parent = request.parent or ""
    return looks and not info and err.kind == "not_found" and not M.LONE[request.verb] or false, err
end

local function index_of(list, value)
    for i, one in ipairs(list) do
        if one == value then
            return i
        end
    end
end

--- An update names what it changes: a label that a hook sets is named too, one that it takes away is not any more.
local function name_path(paths, name, set)
    if not paths or #paths == 0 or index_of(paths, "labels") then
        return
    end
    local path = "labels." .. name
    local at = index_of(paths, path)
    if set and not at then
        paths[#paths + 1] = path
    elseif at and not set then
        table.remove(paths, at)
    end
end

--- Changes a request as a verdict says.
---@param request moonsnap.Request
---@param verdict moonsnap.Verdict  of rewrite
function M.rewrite(request, verdict)
    local labels, paths = {}, request.fieldpaths
    for name, value in pairs(request.labels) do
        labels[name] = value
    end
    paths = paths and table.move(paths, 1, #paths, 1, {})
    for name, value in pairs(verdict.labels or {}) do
        labels[name] = value or nil
        name_path(paths, name, value)
    end
    request.labels, request.fieldpaths = labels, paths
    request.parent = verdict.parent or request.parent
end

--- Read-only views ------------------------------------------------------------------------------

local INNER = {} -- the key of what a view shows

local view_meta = {}

local function view_of(value)
    return type(value) == "table" and setmetatable({ [INNER] = value }, view_meta) or value
end

function view_meta.__index(view, name)
    return view_of(rawget(view, INNER)[name])
end

function view_meta.__newindex()
    error("a request is not changed by its hooks: a mutate hook answers rewrite{labels=, parent=}", 2)
end

function view_meta.__len(view)
    return #rawget(view, INNER)
end

function view_meta.__pairs(view)
    local inner = rawget(view, INNER)
    return function(_, key)
        local found, value = next(inner, key)
        return found, view_of(value)
    end, view, nil
end

--- A request as functions of the host see it: all of it, and nothing can be changed.
---@param request moonsnap.Request
---@return moonsnap.Request
function M.view(request)
    return view_of(request)
end

return M
