--- The configuration of a service: a Lua program with a few words of its own (config/words.lua has them all), read
--- whole before anything starts. It may have a folder of further files beside it (config/files.lua).
---
---     config.lua, config.d/*.lua --words--> settings --judge--> what plugins, policies and automation begin with
---
--- It is code of whoever runs the service, with all of Lua in reach: a file that others may write is refused.

local files = require "moonsnap.config.files"
local is_error = require("moonsnap.raised").is_error
local judge = require "moonsnap.config.judge"
local suggest = require "moonsnap.suggest"
local vocabulary = require "moonsnap.config.words"

local M = {}

local raised_by_us = setmetatable({}, { __mode = "k" }) -- problems that end the reading

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
---@field policies    {path: string, options: table, place: table}[]
---@field automations moonsnap.automation.Grant[]
---@field files       string[]                   that it was read from, in order
---@field places      table<string, {file: string, line: integer}>  of what was said, by its first words

--- Settings that say nothing.
---@return moonsnap.Settings
function M.none()
    return {
        disabled = {}, config = {}, plugins = {}, wrappers = {}, places = {}, policies = {}, automations = {},
        files = {},
    }
end

--- Stands for a word that is unknown, so that reading goes on: may be called and indexed.
local function nothing()
    local one = {}
    return setmetatable(one, { __index = function() return one end, __call = function() return one end })
end

--- The line of one of the files that is running.
local function running_in(known)
    return function()
        local level = 2
        while true do
            local at = debug.getinfo(level, "Sl")
            if not at then
                return { file = known[1], line = 1 }
            end
            local file = at.source:match("^@(.*)$")
            if file and known[file] and at.currentline > 0 then
                return { file = file, line = at.currentline }
            end
            level = level + 1
        end
    end
end

--- What a file sees: the words, and all of Lua; its own globals stay its own.
local function environment(words, problem)
    local all = setmetatable({}, { __index = _G })
    for name, word in pairs(words) do
        all[name] = word
    end
    local known = {}
    for name in pairs(_G) do
        known[name] = true
    end
    for name in pairs(words) do
        known[name] = true
    end
    return setmetatable({}, {
        __index = function(_, name)
            local value = all[name]
            if value == nil then
                problem(suggest.unknown("word", tostring(name), known))
                return nothing()
            end
            return value
        end,
        __newindex = function(env, name, value)
            if words[name] then
                return problem(("%s is a word, not a variable: %s(...) or %s \"...\""):format(name, name, name))
            end
            rawset(env, name, value)
        end,
    })
end

--- What a file raised, as a problem: `place` is where it runs.
local function raised_problem(file, raised, place)
    if raised_by_us[raised] then
        return raised -- told before
    elseif type(raised) == "string" then
        local line, message = raised:match("^[^\n]-:(%d+): (.*)$")
        return { file = file, line = math.tointeger(tonumber(line)) or 1, message = message or raised }
    end
    local words = "it raised a value of type " .. type(raised)
    if is_error(raised) then
        words = ("%s: %s"):format(raised.kind, raised.message)
    end
    return { file = place.file, line = place.line, message = words }
end

--- Runs a file; what ends it is answered, as a problem.
local function run(file, env, place)
    local chunk, wrong = loadfile(file, "t", env)
    if not chunk then
        return raised_problem(file, wrong)
    end
    local ran, ended = xpcall(chunk, function(raised) return raised_problem(file, raised, place()) end)
    return not ran and ended or nil
end

--- Reads all files of a configuration. tell(problem) may raise, which ends it.
local function gather(path, failure, tell)
    local order, err = files.order(path, failure)
    if not order then
        return nil, err
    end
    local settings = M.none()
    settings.files = order
    local known = { order[1] }
    for _, file in ipairs(order) do
        known[file] = true
    end
    local place = running_in(known)
    local function problem(message, at)
        at = at or place()
        local one = { file = at.file, line = at.line, message = message }
        raised_by_us[one] = true
        tell(one)
    end
    local reading = { settings = settings, problem = problem, place = place, begun = {} }
    local words = vocabulary.new(reading)
    for _, file in ipairs(order) do
        local ended = run(file, environment(words, problem), place)
        if ended then
            tell(ended)
        end
    end
    vocabulary.finish(reading)
    return settings
end

--- A problem as one line: FILE:LINE: what.
---@param problem moonsnap.config.Problem
---@return string
function M.told(problem)
    return (problem.file and ("%s:%d: "):format(problem.file, problem.line) or "") .. problem.message
end

--- Reads a configuration: its file, then those of its folder. The first thing that is wrong ends it.
---@param path string
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return moonsnap.Settings? settings
---@return moonsnap.Error? err  invalid_argument with FILE:LINE; not_found; permission_denied
function M.read(path, failure)
    local settings, err
    local ran, raised = pcall(function()
        settings, err = gather(path, failure, function(problem) error(problem, 0) end)
    end)
    if not ran then
        if type(raised) ~= "table" then
            error(raised, 0)
        end
        return nil, failure("invalid_argument", "configuration: " .. M.told(raised))
    end
    return settings, err
end

--- Reads a configuration whole and lists all that is wrong with it, what it says of plugins included. It runs the
--- files, as a service would.
---@param path string
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return {settings: moonsnap.Settings, problems: moonsnap.config.Problem[]}? read
---@return moonsnap.Error? err  the files cannot be read at all
function M.survey(path, failure)
    local problems = {}
    local settings, err = gather(path, failure, function(problem)
        problems[#problems + 1] = problem
    end)
    if not settings then
        return nil, err
    end
    local registry, wrong = judge.registry(settings)
    table.move(wrong, 1, #wrong, #problems + 1, problems)
    local judged = judge.problems(settings, registry)
    table.move(judged, 1, #judged, #problems + 1, problems)
    return { settings = settings, problems = problems }
end

--- Says what settings name that a registry does not have.
---@param settings moonsnap.Settings
---@param registry moonsnap.Registry
---@return string? wrong  with the line of the file
function M.wrong(settings, registry)
    local problems = judge.problems(settings, registry)
    local first = problems[1]
    if not first then
        return nil
    end
    local more = #problems > 1 and (" (and %d more: moonsnap config check lists all)"):format(#problems - 1) or ""
    return (first.file and "configuration: " or "") .. M.told(first) .. more
end

return M
