--- Runs commands in snapshots: in an active or a view as it is, or in a throw-away child of a
--- committed one, which is removed afterwards unless it is to be kept.

local verbs = require "moonsnap.verbs"

local M = {}

--- Sorted, so that one call is like the next.
local function environment(env)
    if env == nil then
        return nil
    end
    local list = {}
    for name, value in pairs(env) do
        if type(name) ~= "string" or type(value) ~= "string" or name == "" or name:find("=", 1, true) then
            error("run: option env: names and values are strings, names without '='", 3)
        end
        list[#list + 1] = name .. "=" .. value
    end
    table.sort(list)
    return list
end

--- "SOURCE[:TARGET[:ro]]" to source, target, "rw" or "ro", one after the other.
local function bindings(core, binds)
    local list = {}
    for _, bind in ipairs(binds or {}) do
        local source, rest = bind:match("^([^:]+):?(.*)$")
        local target, mode = (rest or ""):match("^([^:]*):?(.*)$")
        if not source or (mode ~= "" and mode ~= "ro" and mode ~= "rw") then
            return nil, core.error("invalid_argument", ("run: bind '%s': is no SOURCE[:TARGET[:ro]]"):format(bind))
        end
        table.move({ source, target ~= "" and target or source, mode == "ro" and "ro" or "rw" }, 1, 3, #list + 1, list)
    end
    return list
end

--- The engine's part: looks up, mounts in the command's own namespace, records, waits. Hooks of mount are asked first.
local function execute(store, key, argv, how)
    return verbs.through(store, { verb = "mount", key = key, target = how.at or "/" }, function()
        return store.engine:run(store.name_space, key, argv, how.env, how.binds, how.at, how.workdir, how.readonly)
    end)
end

--- Removes a throw-away when it goes out of scope, unless kept is set.
local guard = {}
function guard.__close(throw_away)
    if not throw_away.kept then
        throw_away.store:remove(throw_away.key)
    end
end

local function in_child(store, name, argv, how)
    local core = store.core
    if how.commit and store:stat(how.commit) then
        return nil, core.error("already_exists", ("run: commit '%s': the name is taken"):format(how.commit))
    end
    local key = ("run-%d-%s"):format(core.sys.pid(), core.sys.random())
    local create = how.readonly and store.view or store.prepare
    local mounts, err = create(store, key, name, { owner = core.sys.pid() })
    if not mounts then
        return nil, err
    end
    local throw_away <close> = setmetatable({ store = store, key = key, kept = false }, guard)
    local status, why = execute(store, key, argv, how)
    if not status then
        return nil, why
    end
    if not how.commit or status ~= 0 then
        return { status = status, key = "" }
    end
    local ok
    ok, err = store:commit(how.commit, key, { labels = how.labels })
    if not ok then
        return nil, err
    end
    throw_away.kept = true
    return { status = status, key = how.commit }
end

---@param store moonsnap.Store
---@param name string
---@param argv string[]
---@param options moonsnap.RunOptions
---@return moonsnap.Ran? ran
---@return moonsnap.Error? err
function M.run(store, name, argv, options)
    if options.readonly and options.commit then
        error("run: options readonly and commit: what is only read has nothing to keep", 2)
    end
    local binds, err = bindings(store.core, options.binds)
    if not binds then
        return nil, err
    end
    local how = setmetatable({ env = environment(options.env), binds = binds }, { __index = options })
    local info
    info, err = store:stat(name)
    if not info then
        return nil, err
    end
    if info.kind == "committed" then
        return in_child(store, name, argv, how)
    end
    if options.commit then
        return nil, store.core.error("invalid_argument",
            ("run: '%s' is %s already: commit it afterwards"):format(name, info.kind))
    end
    local status
    status, err = execute(store, name, argv, how)
    if not status then
        return nil, err
    end
    return { status = status, key = name }
end

return M
