--- Runs a policy's own tests: `moonsnap policy test FILE`.
---
---     tenants.lua         the policy
---     tenants_spec.lua    test("refuses an eleventh snapshot", { limit = 10 }, function(t) ... end)
---
--- Each test has a policy loaded anew, an empty store in memory and a clock that stands still (testing/world.lua). A
--- spec has the Lua of automation: no files, no programs.

local case = require "moonsnap.testing.case"
local environment = require "moonsnap.automation.environment"
local files = require "moonsnap.config.files"
local raised = require "moonsnap.raised"
local suggest = require "moonsnap.suggest"
local world = require "moonsnap.testing.world"

local M = {}

---@class moonsnap.testing.Result
---@field name    string
---@field ok      boolean
---@field file    string
---@field line    integer  of the failed expectation, or where the test begins
---@field message? string  why it failed

--- The line of a file that a traceback, or a message, names first.
local function line_in(text, name)
    local at = 1
    while true do
        local from, till = text:find(name, at, true)
        if not from then
            return nil
        end
        local line = text:match("^:(%d+):", till + 1)
        if line then
            return math.tointeger(tonumber(line))
        end
        at = till + 1
    end
end

--- The globals of a spec; tests are put into a list.
local function globals(tests)
    local env = environment.new()
    function env.test(name, options, fn)
        if type(options) == "function" then
            options, fn = nil, options
        end
        if type(name) ~= "string" or type(fn) ~= "function" or options ~= nil and type(options) ~= "table" then
            error('test: it is test("name", function(t) ... end), with options of the policy between them', 2)
        end
        tests[#tests + 1] = { name = name, options = options, fn = fn, line = debug.getinfo(2, "l").currentline }
    end
    return setmetatable(env, { __index = function(_, name)
        error(suggest.unknown("word", tostring(name), env), 2)
    end })
end

--- How Lua names a chunk in messages.
local function shown(path)
    return #path <= 56 and path or "..." .. path:sub(-50)
end

--- The tests of a spec file.
---@param path string
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return table[]? tests
---@return moonsnap.Error? err  not_found, permission_denied; invalid_argument: FILE:LINE
function M.gather(path, failure)
    local ours, err = files.file_ours(path, "spec", failure)
    if not ours then
        return nil, err
    end
    local file <close> = assert(io.open(path))
    local tests = {}
    local chunk, wrong = load(file:read("a"), "@" .. shown(path), "t", globals(tests))
    if not chunk then
        return nil, failure("invalid_argument", "spec: " .. wrong)
    end
    local ok, why = pcall(chunk)
    if not ok then
        return nil, failure("invalid_argument", "spec: " .. (raised.is_error(why) and why.message
            or type(why) == "string" and why or ("%s: it raised a value of type %s"):format(path, type(why))))
    end
    return tests
end

--- For xpcall: the message, and the line of the spec that it is about.
local function judge(path)
    local name = shown(path)
    return function(wrong)
        if getmetatable(wrong) == case.FAILED then
            return { message = wrong.message, line = line_in(wrong.trace, name) }
        end
        local message = raised.is_error(wrong) and ("%s: %s"):format(wrong.kind, wrong.message) or tostring(wrong)
        local line = line_in(message, name) or line_in(debug.traceback("", 2), name)
        return { message = message, line = line }
    end
end

--- Runs one test.
local function run_one(moonsnap, policy, spec, test)
    local result = { name = test.name, ok = true, file = spec, line = test.line }
    local one, err = world.new(moonsnap, policy, test.options)
    if not one then
        result.ok, result.message = false, err.message
        return result
    end
    local _guard <close> = one
    local ok, wrong = xpcall(test.fn, judge(spec), case.new(one))
    if not ok then
        result.ok, result.message, result.line = false, wrong.message, wrong.line or test.line
    end
    return result
end

--- The spec of a policy file: beside it, NAME_spec.lua.
---@param policy string
---@return string
function M.spec_of(policy)
    return (policy:gsub("%.lua$", "")) .. "_spec.lua"
end

--- Runs the tests of a policy, one after the other.
---@param moonsnap table
---@param policy   string
---@param spec?    string  without, the one beside it
---@param told?    fun(result: moonsnap.testing.Result)  of each as it ends
---@return moonsnap.testing.Result[]? results
---@return moonsnap.Error? err  the spec cannot be read
function M.run(moonsnap, policy, spec, told)
    spec = spec or M.spec_of(policy)
    local ours, err = files.file_ours(policy, "policy", moonsnap.error)
    local tests
    if ours then
        tests, err = M.gather(spec, moonsnap.error)
    end
    if not tests then
        return nil, err
    elseif #tests == 0 then
        return nil, moonsnap.error("invalid_argument", ("spec %s: it has no test"):format(spec))
    end
    local results = {}
    for i, test in ipairs(tests) do
        results[i] = run_one(moonsnap, policy, spec, test)
        if told then
            told(results[i])
        end
    end
    return results
end

return M
