--- The words of a configuration file. Each writes into settings; what is wrong goes to `problem`, which raises or
--- remembers, so that one reading finds everything.
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
---     policy "tenants.lua"                            or policy("tenants.lua", { limit = 50 }): its options
---     automation("notify.lua", { spawn = { "/usr/bin/logger" }, files = { "/var/log/moonsnap/" }, options = {...} })
---
--- Said again (in a drop-in file), a setting replaces the one before; options of a plugin too, one by one; lists add.

local files = require "moonsnap.config.files"
local suggest = require "moonsnap.suggest"

local M = {}

local CHOICES = {
    mode = { proxy = true, direct = true },
    durability = { metadata = true, layer = true, full = true },
}

local SETTINGS = { mode = "string", namespace = "string", durability = "string", metrics = "string", grace = "number" }

--- What an automation file may be given, each a list of absolute paths; beside them, options.
M.GRANTS = { spawn = true, files = true, sockets = true }

local function is_list(value)
    return #value > 0 or next(value) == nil
end

--- Lays what is said now over what was said before: lists add, tables merge, anything else replaces.
---@param before any
---@param now any
---@return any
function M.merged(before, now)
    if type(before) ~= "table" or type(now) ~= "table" then
        return now
    elseif is_list(before) and is_list(now) then
        return table.move(now, 1, #now, #before + 1, table.move(before, 1, #before, 1, {}))
    end
    local both = {}
    for name, value in pairs(before) do
        both[name] = value
    end
    for name, value in pairs(now) do
        both[name] = M.merged(both[name], value)
    end
    return both
end

---@class moonsnap.config.Reading
---@field settings moonsnap.Settings
---@field problem  fun(message: string, at?: {file: string, line: integer})  without at: of the line that is running
---@field place    fun(): {file: string, line: integer}         of the line that is running
---@field begun    {name: string, place: table, said?: true}[]  plugins that were named, and what for

--- Is value of a kind? Says so when not.
local function fits(reading, word, value, kind)
    if type(value) == kind then
        return true
    end
    reading.problem(("%s: a %s is expected, this is a %s"):format(word, kind, type(value)))
    return false
end

local function setting(reading, word)
    return function(value)
        if not fits(reading, word, value, SETTINGS[word]) then
            return
        elseif CHOICES[word] and not CHOICES[word][value] then
            reading.problem(("%s: unknown value '%s'"):format(word, value) .. suggest.hint(value, CHOICES[word]))
        elseif SETTINGS[word] == "number" and not (value >= 0 and value < math.huge) then
            reading.problem(("%s: %s is no number of seconds"):format(word, value))
        elseif value == "" then
            reading.problem(word .. ": it is empty")
        else
            reading.settings[word] = value
            reading.settings.places[word] = reading.place()
        end
    end
end

local function plugin_words(reading, words)
    local settings = reading.settings
    function words.disable(name)
        if fits(reading, "disable", name, "string") then
            settings.disabled[name] = true
            settings.places["disable " .. name] = reading.place()
        end
    end
    function words.plugin(name, ...)
        if not fits(reading, "plugin", name, "string") then
            return function() end
        elseif select("#", ...) > 0 then
            reading.problem(('plugin %s: it is written plugin "%s" { ... }'):format(name, name))
            return function() end
        end
        local named = { name = name, place = reading.place() }
        table.insert(reading.begun, named)
        return function(options)
            named.said = true
            if not fits(reading, "plugin " .. name, options, "table") then
                return
            end
            settings.config[name] = M.merged(settings.config[name], options)
            local place = reading.place()
            settings.places["plugin " .. name] = place
            for option in pairs(options) do
                settings.places[("plugin %s %s"):format(name, option)] = place
            end
        end
    end
    function words.register(plugin)
        if fits(reading, "register", plugin, "table") then
            settings.plugins[#settings.plugins + 1] = plugin
            settings.places["register " .. #settings.plugins] = reading.place()
        end
    end
    function words.wrap(name, wrapper)
        if fits(reading, "wrap", name, "string") and fits(reading, "wrap " .. name, wrapper, "function") then
            settings.wrappers[name] = settings.wrappers[name] or {}
            table.insert(settings.wrappers[name], wrapper)
            settings.places["wrap " .. name] = reading.place()
        end
    end
end

--- Looks at one grant: a list of absolute paths.
local function grant(reading, what, name, list)
    if not M.GRANTS[name] then
        return reading.problem(what .. suggest.unknown("grant", tostring(name), M.GRANTS))
    elseif not fits(reading, what .. name, list, "table") then
        return
    elseif not is_list(list) then
        return reading.problem(("%s%s: it is a list of absolute paths"):format(what, name))
    end
    for _, path in pairs(list) do
        if type(path) ~= "string" or not path:find("^/") then
            reading.problem(("%s%s: '%s' is no absolute path"):format(what, name, tostring(path)))
        end
    end
end

local function file_words(reading, words)
    local settings = reading.settings
    function words.policy(path, options)
        if fits(reading, "policy", path, "string") and (options == nil
            or fits(reading, "policy " .. path .. ": options", options, "table")) then
            local place = reading.place()
            settings.policies[#settings.policies + 1] =
                { path = files.beside(path, place.file), options = options or {}, place = place }
        end
    end
    function words.automation(path, grants)
        if not fits(reading, "automation", path, "string") or grants ~= nil
            and not fits(reading, "automation " .. path .. ": grants", grants, "table") then
            return
        end
        local place = reading.place()
        local one = { path = files.beside(path, place.file), spawn = {}, files = {}, sockets = {}, place = place }
        for name, list in pairs(grants or {}) do
            local what = ("automation %s: "):format(path)
            if name ~= "options" then
                grant(reading, what, name, list)
            elseif not fits(reading, what .. name, list, "table") then
                list = nil
            end
            one[name] = list
        end
        settings.automations[#settings.automations + 1] = one
    end
end

--- Says what was begun and has no end: `plugin "x"` without options.
---@param reading moonsnap.config.Reading
function M.finish(reading)
    for _, named in ipairs(reading.begun) do
        if not named.said then
            reading.problem(('plugin %s: nothing is said of it: plugin "%s" { ... }'):format(named.name, named.name),
                named.place)
        end
    end
end

--- The words, writing into a reading's settings.
---@param reading moonsnap.config.Reading
---@return table<string, function>
function M.new(reading)
    local words = {}
    for word in pairs(SETTINGS) do
        words[word] = setting(reading, word)
    end
    plugin_words(reading, words)
    file_words(reading, words)
    return words
end

return M
