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

local GROUP_OR_OTHERS_WRITE = 18 -- 022

--- Settings that say nothing.
---@return moonsnap.Settings
function M.none()
    return { disabled = {}, config = {}, plugins = {}, wrappers = {} }
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
        end
        settings[word] = value
    end
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
    end
    function words.plugin(name)
        need("plugin", name, "string")
        return function(options)
            settings.config[name] = need("plugin " .. name, options, "table")
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
    end
    return words
end

local function refuse_foreign(path, failure)
    local what, why = stat.stat(path)
    if not what then
        return nil, failure("not_found", ("configuration %s: %s"):format(path, why))
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

local function check_options(plugin, name, options)
    for option, value in pairs(options) do
        local default = plugin.config and plugin.config[option]
        if default == nil then
            return ("plugin %s has no option '%s'"):format(name, tostring(option))
        end
        if type(value) ~= type(default) then
            return ("plugin %s: option %s is a %s, not a %s"):format(name, option, type(default), type(value))
        end
    end
end

--- Says what settings name that a registry does not have.
---@param settings moonsnap.Settings
---@param registry moonsnap.Registry
---@return string? wrong
function M.wrong(settings, registry)
    for name, options in pairs(settings.config) do
        local plugin = registry.by_name[name]
        if not plugin then
            return ("plugin %s: no such plugin"):format(name)
        end
        local wrong = check_options(plugin, name, options)
        if wrong then
            return wrong
        end
    end
    for name in pairs(settings.wrappers) do
        if not registry.by_name[name] then
            return ("wrap %s: no such plugin"):format(name)
        end
    end
    for name in pairs(settings.disabled) do
        if #registry:meant(name) == 0 then
            return ("disable %s: no such plugin or type"):format(name)
        end
    end
end

return M
