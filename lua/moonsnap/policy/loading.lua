--- Loading one policy file after the other: each in its state, with the words of the host, and those it includes.

local config_files = require "moonsnap.config.files"
local files = require "moonsnap.policy.files"
local hooks = require "moonsnap.hooks"
local state = require "moonsnap.policy.state"
local suggest = require "moonsnap.suggest"
local words = require "moonsnap.policy.words"

local M = {}

local DEEPEST = 8 -- files that include each other
local MOST = 100 -- files

--- One file of a policy.
---@class moonsnap.policy.File
---@field path     string
---@field tier     "policy" | "automation"
---@field given    table<string, any>    values for its options
---@field options  table<string, table>  those that it has: type, doc, value, given
---@field kept     table<string, any>
---@field weights  table<string, integer>
---@field written  table<string, true>   what it has kept itself
---@field loaded?  true
---@field hooks    table<string, string>  FILE:LINE of its hooks, by name
---@field state    moonsnap.policy.State
---@field words    table<string, function>  what its functions may ask the host for
---@field includer? moonsnap.policy.File

--- A policy while it is loaded.
---@class moonsnap.policy.Loading
---@field policy  moonsnap.Policy
---@field options moonsnap.policy.Options
---@field now     fun(): integer
---@field kinds   string[]  of label policies
---@field error_kinds table<string, true>
---@field prelude string    text of prelude.lua
local Loading = {}
Loading.__index = Loading

--- The path as messages show it: Lua cuts longer ones.
local function shown(path)
    return #path <= 56 and path or "..." .. path:sub(-50)
end

--- What a file may ask for when no request is there.
local function refusing(failure, name)
    return function()
        error(failure("failed_precondition", ("%s: only a hook can ask, while a request runs"):format(name)), 0)
    end
end

--- What a file asks of the host. Of the store nothing: that its hooks ask, and the hooks themselves answer.
local function words_of(loading, file)
    local options, asked = loading.options, {}
    for _, name in ipairs(hooks.words) do
        asked[name] = refusing(options.core.error, name)
    end
    asked.now = loading.now
    asked.log = function(text)
        if options.log then
            options.log(file.path, tostring(text))
        end
    end
    for name, handler in pairs(words.new(loading, file)) do
        asked["host." .. name] = handler
    end
    return asked
end

--- What a file's hooks may ask besides the store's words. The time they are told behind a change, too, where no store
--- is at hand.
local function later(asked)
    local some = { now = asked.now }
    for name, handler in pairs(asked) do
        some[name] = name:find("^host%.") and handler or some[name]
    end
    return some
end

--- The text of prelude.lua, which lies beside this file.
local function prelude()
    local path = assert(package.searchpath("moonsnap.policy.prelude", package.path))
    local file <close> = assert(io.open(path))
    return file:read("a")
end

--- Globals and words of automation, those of the store being the file's own affair.
local function plain_state(loading, place, asked)
    local some = { log = asked.log, now = asked.now }
    for name, handler in pairs(asked) do
        some[name] = name:find("^host%.") and handler or some[name]
    end
    for name, handler in pairs(place.words or {}) do
        some[name] = handler
    end
    return state.plain(place.environment, some, loading.options.core.error)
end

local function new_file(loading, place, includer)
    local before = loading.options.before and loading.options.before:file(place.path)
    local file = {
        path = place.path, tier = place.environment and "automation" or "policy", given = place.options or {},
        options = {}, weights = {}, written = {}, hooks = {}, includer = includer,
        kept = setmetatable({}, { __index = before and before.kept }),
    }
    local asked = words_of(loading, file)
    file.words = later(asked)
    file.state = place.environment and plain_state(loading, place, asked)
        or state.boxed(loading.options.core, asked)
    table.insert(loading.policy.files, file)
    return file
end

--- What is wrong, with the line of the file that was running, where it does not say so itself.
local function placed(path, wrong, trace)
    local start = shown(path) .. ":"
    if wrong:sub(1, #start) == start then
        return wrong
    end
    local _, at = (trace or ""):find(start, 1, true)
    local line = at and trace:match("^%d+:", at + 1) or ""
    return start .. line .. " " .. wrong
end

--- " (known: bytes, snapshots)"
local function known(named)
    local names = {}
    for name in pairs(named) do
        names[#names + 1] = name
    end
    table.sort(names)
    return #names > 0 and (" (known: %s)"):format(table.concat(names, ", ")) or ": it has none"
end

--- Options that somebody gives and the file does not have.
local function unasked(file)
    for name in pairs(file.given) do
        if not file.options[name] then
            local wrong = suggest.unknown("option", tostring(name):sub(1, 40), file.options)
            return wrong:find("did you mean", 1, true) and wrong or wrong .. known(file.options)
        end
    end
end

--- Loads one file.
---@param place     moonsnap.policy.Place
---@param includer? moonsnap.policy.File
---@return true? ok
---@return moonsnap.Error? err
function Loading:load(place, includer)
    local failure = self.options.core.error
    local text, err = files.read(place, failure)
    if not text then
        return nil, err
    end
    local file = new_file(self, place, includer)
    local ok
    ok, err = file.state:run("prelude.lua", self.prelude, self.kinds, self.error_kinds)
    if ok then
        ok, err = file.state:run(shown(place.path), text)
    end
    file.loaded = true
    local wrong = ok and unasked(file) or err and err.message
    if wrong then
        return nil, failure("invalid_argument", "load policy: " .. placed(place.path, wrong, err and err.trace))
    end
    return true
end

--- The word include: loads another file where it stands.
---@return true? ok
---@return string? wrong
function Loading:include(file, path, values, place)
    local target = config_files.beside(path, file.path)
    local depth, outer = 1, file
    while outer do
        if outer.path == target then
            return nil, ("include '%s': it includes itself"):format(path)
        end
        depth, outer = depth + 1, outer.includer
    end
    if #self.policy.files >= MOST then
        return nil, ("include '%s': there are %d files already"):format(path, MOST)
    elseif depth > DEEPEST then
        return nil, ("include '%s': files include each other more than %d deep"):format(path, DEEPEST)
    end
    local ok, err = self:load({ path = target, options = values, from = place }, file)
    return ok, err and ("include: %s"):format(err.message:gsub("^load policy: ", ""))
end

---@param fields table  those of moonsnap.policy.Loading but for prelude
---@return moonsnap.policy.Loading
function M.new(fields)
    fields.prelude = prelude()
    return setmetatable(fields, Loading)
end

return M
