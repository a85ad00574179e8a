--- `moonsnap config check FILE`: all that is wrong with a configuration, or with a policy file, as a list.
---
---     configuration   its words, what it says of plugins, and the policies and automation files that it names
---     policy          its words, and what it says in vain
---
--- The files of a configuration run, as in a service: it is code of whoever checks it.

local automation = require "moonsnap.automation"
local config = require "moonsnap.config"
local endpoint = require "moonsnap.service.process.endpoint"
local files = require "moonsnap.config.files"
local tier = require "moonsnap.testing.tier"
local unreachable = require "moonsnap.config.unreachable"

local M = {}

---@class moonsnap.config.Report
---@field tier     "configuration" | "policy" | "automation"
---@field files    string[]  that were read, in order
---@field problems moonsnap.config.Problem[]

--- File, line and the rest of a message that begins with them; Lua shortens long paths.
local function split(message, paths)
    for _, path in ipairs(paths) do
        for _, shown in ipairs { path, "..." .. path:sub(-50) } do
            local from, till = message:find(shown, 1, true)
            local line, rest = message:match("^:(%d+): (.*)$", till and till + 1)
            if from and line then
                return path, math.tointeger(tonumber(line)), rest
            end
        end
    end
    return paths[1], nil, message
end

--- The whole path of a file as a place shows it.
local function whole(problem, paths)
    for _, path in ipairs(paths) do
        if problem.file == path or problem.file == "..." .. path:sub(-50) then
            problem.file = path
        end
    end
    return problem
end

--- Adds what is wrong with one policy or automation file.
local function look_at(moonsnap, place, problems)
    local with = { wrong = function(where, message)
        local path, line = split(where .. " ", { place.path })
        problems[#problems + 1] = { file = path, line = line, message = message }
    end }
    if place.tier == "automation" then
        with.automations = { automation.looked_at(place) }
    else
        with.files = { { path = place.path, options = place.options } }
    end
    local policy, err = moonsnap.load_policy(with)
    if err then
        local path, line, message = split(err.message, { place.path })
        local at = not line and place.grant and place.grant.place -- what is wrong with what it is given is there
        problems[#problems + 1] = { file = at and at.file or path, line = at and at.line or line, message = message }
        return
    end
    local _guard <close> = policy
    local paths = {}
    for i, file in ipairs(policy and policy.files or {}) do
        paths[i] = file.path
    end
    for _, problem in ipairs(policy and unreachable.find(policy, moonsnap.filter) or {}) do
        problems[#problems + 1] = whole(problem, paths)
    end
end

--- The policies and automation files that settings name, each with what is wrong with it.
local function look_at_named(moonsnap, settings, report)
    local function each(list, kind)
        for _, place in ipairs(list) do
            report.files[#report.files + 1] = place.path
            local before = #report.problems
            local ours, err = files.ours(place.path, kind, moonsnap.error)
            if ours == nil then
                report.problems[before + 1] =
                    { file = place.place.file, line = place.place.line, message = err.message }
            else
                look_at(moonsnap, { path = place.path, options = place.options, tier = kind, grant = place },
                    report.problems)
            end
        end
    end
    each(settings.policies, "policy")
    each(settings.automations, "automation")
end

--- Values that only who serves would look at.
local function look_at_values(moonsnap, settings, problems)
    local _, err
    if settings.metrics then
        _, err = endpoint.parse(settings.metrics, moonsnap.error)
    end
    if err then
        local place = settings.places.metrics or {}
        problems[#problems + 1] = { file = place.file, line = place.line, message = err.message }
    end
end

local function check_configuration(moonsnap, path)
    local read, err = config.survey(path, moonsnap.error)
    if not read then
        return nil, err
    end
    local report = { tier = "configuration", files = read.settings.files, problems = read.problems }
    look_at_values(moonsnap, read.settings, report.problems)
    look_at_named(moonsnap, read.settings, report)
    return report
end

--- Looks at a file.
---@param moonsnap table
---@param path string
---@param as? "configuration" | "policy" | "automation"  without, told by its words
---@return moonsnap.config.Report? report
---@return moonsnap.Error? err  it cannot be read: not_found, permission_denied
function M.look(moonsnap, path, as)
    local ours, err = files.file_ours(path, "file", moonsnap.error)
    if not ours then
        return nil, err
    end
    as = as or tier.of(path)
    if as == "configuration" then
        return check_configuration(moonsnap, path)
    end
    local report = { tier = as, files = { path }, problems = {} }
    look_at(moonsnap, { path = path, tier = as }, report.problems)
    return report
end

return M
