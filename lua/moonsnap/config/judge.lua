--- What settings say of plugins, held against those that there are: names and options, with a suggestion.

local plugin = require "moonsnap.plugin"
local suggest = require "moonsnap.suggest"

local M = {}

---@class moonsnap.config.Problem
---@field file?   string
---@field line?   integer
---@field message string

--- "; there are a, b", or nothing where there are none.
local function choices(names)
    table.sort(names)
    return #names > 0 and "; there are " .. table.concat(names, ", ") or ""
end

--- What was meant by a name that is none, else all that there are.
local function instead(name, names)
    local hint = suggest.hint(name, names)
    return hint ~= "" and hint or choices(names)
end

--- The ids of the type that a plugin's name begins with.
local function ids_of(registry, name)
    local ids = {}
    for _, one in ipairs(registry:meant(name:match("^(.*)%.") or name)) do
        ids[#ids + 1] = one.id
    end
    return ids
end

--- What there is instead of a plugin that there is not: an id of its type, or a name that is near.
local function no_plugin(registry, name)
    local ids = ids_of(registry, name)
    local near = suggest.nearest(name, registry.by_name)
    return near and (": did you mean '%s'?"):format(near) or choices(ids)
end

local function sorted(keys)
    local list = {}
    for key in pairs(keys) do
        list[#list + 1] = key
    end
    table.sort(list, function(a, b) return tostring(a) < tostring(b) end)
    return list
end

local function names_of(options)
    local names = {}
    for name in pairs(options or {}) do
        names[#names + 1] = name
    end
    return names
end

local TEXTS = { mount_options = true } -- lists of texts

local function is_texts(value)
    local count = 0
    for _, text in pairs(value) do
        count = count + 1
        if type(text) ~= "string" then
            return false
        end
    end
    return count == #value
end

--- Says what is wrong with one option.
local function wrong_option(known, name, option, value)
    local default = known[option]
    if default == nil then
        return ("plugin %s has no option '%s'"):format(name, tostring(option))
            .. instead(tostring(option), names_of(known))
    elseif type(value) ~= type(default) then
        return ("plugin %s: option %s is a %s, not a %s"):format(name, option, type(default), type(value))
    elseif TEXTS[option] and not is_texts(value) then
        return ("plugin %s: option %s is a list of texts"):format(name, option)
    end
end

--- The line of a file in which an option of a call stands, which began at a line.
local function line_of(place, option)
    local pattern = "%f[%w_]" .. tostring(option):gsub("%W", "%%%0") .. "%f[^%w_][\"'%]%s]*="
    local number, file = 0, io.open(place.file)
    for line in file and file:lines() or function() end do
        number = number + 1
        if number >= place.line and line:find(pattern) then
            file:close()
            return number
        end
    end
    if file then
        file:close()
    end
    return place.line
end

--- Everything that settings name and a registry does not have, by file and line.
---@param settings moonsnap.Settings
---@param registry moonsnap.Registry
---@return moonsnap.config.Problem[]
function M.problems(settings, registry)
    local problems = {}
    local function add(words, message, option)
        local place = settings.places[words] or {}
        local line = option and place.file and line_of(place, option) or place.line
        problems[#problems + 1] = { file = place.file, line = line, message = message }
    end
    for _, name in ipairs(sorted(settings.config)) do
        local found, words = registry.by_name[name], "plugin " .. name
        if not found then
            add(words, words .. ": no such plugin" .. no_plugin(registry, name))
        end
        for _, option in ipairs(found and sorted(settings.config[name]) or {}) do
            local wrong = wrong_option(found.config or {}, name, option, settings.config[name][option])
            if wrong then
                add(("plugin %s %s"):format(name, option), wrong, option)
            end
        end
    end
    for _, name in ipairs(sorted(settings.wrappers)) do
        if not registry.by_name[name] then
            add("wrap " .. name, ("wrap %s: no such plugin"):format(name) .. no_plugin(registry, name))
        end
    end
    for _, name in ipairs(sorted(settings.disabled)) do
        if #registry:meant(name) == 0 then
            add("disable " .. name, ("disable %s: no such plugin or type"):format(name) .. no_plugin(registry, name))
        end
    end
    return problems
end

--- A registry with our plugins and those of settings.
---@param settings moonsnap.Settings
---@return moonsnap.Registry
---@return moonsnap.config.Problem[] problems  of registrations that are none
function M.registry(settings)
    local registry, problems = plugin.registry(), {}
    for _, registration in ipairs(require "moonsnap.plugins") do
        registry:register(registration)
    end
    for at, registration in ipairs(settings.plugins) do
        local ok, wrong = pcall(registry.register, registry, registration)
        if not ok then
            local place = settings.places["register " .. at] or {}
            problems[#problems + 1] = { file = place.file, line = place.line, message = wrong }
        end
    end
    return registry, problems
end

return M
