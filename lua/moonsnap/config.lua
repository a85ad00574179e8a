--- The configuration file of a service: a Lua program with a few words of its own, read whole before anything starts.
---
---     mode "direct"                                   or "proxy"
---     namespace "containerd"                          what a proxy serves
---     durability "metadata"                           of commits, where a caller says nothing
---     grace(10)                                       seconds that calls have when the service ends
---     metrics "127.0.0.1:9095"
---     disable "io.containerd.grpc.v1.leases"          a plugin, or a type
---     plugin "io.containerd.snapshotter.v1.overlayfs" { upperdir_label = true }
---     register { type = ..., id = ..., requires = {...}, init = function(ic) ... end }
---     wrap("io.containerd.service.v1.snapshots-service", function(service) return service:around{...} end)
---
--- It is code of whoever runs the service, with all of Lua in reach: a file that others may write is refused.

local stat = require "posix.sys.stat"
local unistd = require "posix.unistd"

local M = {}

---@class moonsnap.Settings
---@field mode?       "proxy" | "direct"
---@field namespace?  string
---@field durability? string
---@field grace?      number
---@field metrics?    string
---@field disabled    table<string, true>
---@field config      table<string, table>       by plugin name
---@field plugins     moonsnap.Plugin[]
---@field wrappers    table<string, function[]>
---@field places      table<string, string>      FILE:LINE of what names a plugin, by its first words

local GROUP_OR_OTHERS_WRITE = 18 -- 022

--- Settings that say nothing.
---@return moonsnap.Settings
function M.none()
    return { disabled = {}, config = {}, plugins = {}, wrappers = {}, places = {} }
end

local function need(word, value, kind)
    if type(value) ~= kind then
        error(("%s: a %s is expected, this is a %s"):format(word, kind, type(value)), 3)
    end
    return value
end

local CHOICES = {
    mode = { proxy = true, direct = true },
    durability = { metadata = true, layer = true, full = true },
}

local function setting(settings, word, kind)
    return function(value)
        need(word, value, kind)
        if CHOICES[word] and not CHOICES[word][value] then
            error(("%s: unknown value '%s'"):format(word, value), 2)
        elseif kind == "number" and (value < 0 or value ~= value) then
            error(("%s: %s is no number of seconds"):format(word, value), 2)
        end
        settings[word] = value
    end
end

--- Remembers where the file says something that only a registry can judge.
local function note(settings, words)
    local where = debug.getinfo(3, "Sl")
    settings.places[words] = ("%s:%d: "):format(where.source:gsub("^@", ""), where.currentline)
end

--- The words of a file, writing into settings.
local function vocabulary(settings)
    local words = {
        mode = setting(settings, "mode", "string"),
        namespace = setting(settings, "namespace", "string"),
        durability = setting(settings, "durability", "string"),
        metrics = setting(settings, "metrics", "string"),
        grace = setting(settings, "grace", "number"),
    }
    function words.disable(name)
        settings.disabled[need("disable", name, "string")] = true
        note(settings, "disable " .. name)
    end
    function words.plugin(name)
        need("plugin", name, "string")
        return function(options)
            settings.config[name] = need("plugin " .. name, options, "table")
            note(settings, "plugin " .. name)
        end
    end
    function words.register(plugin)
        settings.plugins[#settings.plugins + 1] = need("register", plugin, "table")
    end
    function words.wrap(name, wrapper)
        need("wrap", name, "string")
        need("wrap " .. name, wrapper, "function")
        settings.wrappers[name] = settings.wrappers[name] or {}
        table.insert(settings.wrappers[name], wrapper)
        note(settings, "wrap " .. name)
    end
    return words
end

local function refuse_foreign(path, failure)
    local what, why = stat.stat(path)
    if not what then
        return nil, failure("not_found", "configuration " .. why) -- it names the file
    end
    if what.st_uid ~= 0 and what.st_uid ~= unistd.geteuid() or what.st_mode & GROUP_OR_OTHERS_WRITE ~= 0 then
        return nil, failure("permission_denied", ("configuration %s: others may write it: "
            .. "it must belong to you or root, with no write access for group and others (chmod go-w)"):format(path))
    end
    return true
end

--- Reads a configuration file.
---@param path string
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return moonsnap.Settings? settings
---@return moonsnap.Error? err
function M.read(path, failure)
    local ok, err = refuse_foreign(path, failure)
    if not ok then
        return nil, err
    end
    local settings = M.none()
    local words = vocabulary(settings)
    local env = setmetatable({}, {
        __index = function(_, name)
            local value = words[name]
            if value == nil then
                value = _G[name]
            end
            if value == nil then
                error(("unknown word '%s'"):format(name), 2)
            end
            return value
        end,
    })
    local chunk, wrong = loadfile(path, "t", env)
    if not chunk then
        return nil, failure("invalid_argument", "configuration: " .. wrong)
    end
    local ran, raised = pcall(chunk)
    if not ran then
        return nil, failure("invalid_argument", "configuration: " .. tostring(raised))
    end
    return settings
end

--- "; there are a, b", or nothing where there are none.
local function choices(names)
    table.sort(names)
    return #names > 0 and "; there are " .. table.concat(names, ", ") or ""
end

--- The ids of the type that a plugin's name begins with.
local function ids_of(registry, name)
    local ids = {}
    for _, plugin in ipairs(registry:meant(name:match("^(.*)%.") or name)) do
        ids[#ids + 1] = plugin.id
    end
    return ids
end

local function check_options(plugin, name, options)
    for option, value in pairs(options) do
        local default = plugin.config and plugin.config[option]
        if default == nil then
            local names = {}
            for known in pairs(plugin.config or {}) do
                names[#names + 1] = known
            end
            return ("plugin %s has no option '%s'"):format(name, tostring(option)) .. choices(names)
        end
        if type(value) ~= type(default) then
            return ("plugin %s: option %s is a %s, not a %s"):format(name, option, type(default), type(value))
        end
    end
end

--- Says what settings name that a registry does not have.
---@param settings moonsnap.Settings
---@param registry moonsnap.Registry
---@return string? wrong  with the line of the file
function M.wrong(settings, registry)
    local function at(words, wrong)
        return (settings.places[words] and "configuration: " .. settings.places[words] or "") .. wrong
    end
    for name, options in pairs(settings.config) do
        local plugin, words = registry.by_name[name], "plugin " .. name
        local wrong = plugin and check_options(plugin, name, options)
            or not plugin and words .. ": no such plugin" .. choices(ids_of(registry, name))
        if wrong then
            return at(words, wrong)
        end
    end
    for name in pairs(settings.wrappers) do
        local words = "wrap " .. name
        if not registry.by_name[name] then
            return at(words, words .. ": no such plugin" .. choices(ids_of(registry, name)))
        end
    end
    for name in pairs(settings.disabled) do
        local words = "disable " .. name
        if #registry:meant(name) == 0 then
            return at(words, words .. ": no such plugin or type" .. choices(ids_of(registry, name)))
        end
    end
end

return M
