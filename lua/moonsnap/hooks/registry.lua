--- Which hooks there are: adding and taking out, whole sets of them, their order, and what they have done.
---
---     own     hooks that were added here
---     used    other sets by name, asked before the own ones: those of policy files
---     indexes by verb, made anew at each change; requests under way end with the one that they began with

local after = require "moonsnap.hooks.after"
local entries = require "moonsnap.hooks.entry"
local indexes = require "moonsnap.hooks.index"
local matching = require "moonsnap.hooks.match"

local M = {}

--- What a store's verbs find while a hook runs: each comes to the hooks, to be refused.
M.ALL = {}
for _, verb in ipairs(entries.VERBS) do
    M.ALL[verb] = true
end

---@class moonsnap.Hooks
local Registry = {}

local function before(a, b)
    local left, right = entries.PHASES[a.phase], entries.PHASES[b.phase]
    if left ~= right then
        return left < right
    elseif a.priority ~= b.priority then
        return a.priority > b.priority
    end
    return a.registered < b.registered
end

--- All entries, those of used hooks first, in the order in which they are asked.
local function all_of(self)
    local all = {}
    for _, name in ipairs(self.used) do
        local theirs = self.used[name]:all()
        table.move(theirs, 1, #theirs, #all + 1, all)
    end
    table.move(self.own, 1, #self.own, #all + 1, all)
    for i, entry in ipairs(all) do
        entry.registered = i
    end
    table.sort(all, before)
    return all
end

local function build(self)
    local by_verb = {}
    self.entries = all_of(self)
    for _, entry in ipairs(self.entries) do
        for verb in pairs(entry.phase ~= "after" and entry.verbs or {}) do
            by_verb[verb] = by_verb[verb] or {}
            table.insert(by_verb[verb], entry)
        end
    end
    self.indexes = {}
    for verb, list in pairs(by_verb) do
        self.indexes[verb] = indexes.new(list, matching.FIXED)
    end
    self.verbs = self.running and M.ALL or self.indexes
end

--- Hooks have changed: entries and indexes are made anew when somebody asks for them, once for all that are added.
local function rebuild(self)
    self.entries = nil
    self.indexes = setmetatable({}, { __index = function(_, verb)
        build(self)
        return self.indexes[verb]
    end })
    self.verbs = self.running and M.ALL or self.indexes
    for _, user in ipairs(self.users or {}) do
        rebuild(user)
    end
end

--- All entries, in the order in which they are asked.
---@return moonsnap.hooks.Entry[]
function Registry:all()
    if not self.entries then
        build(self)
    end
    return self.entries
end

--- A registered hook.
---@class moonsnap.hooks.Handle
---@field remove fun(self)  takes it out; in the hook itself too: it then runs to its end

--- Registers a hook.
---@param hook     moonsnap.Hook
---@param sandbox? moonsnap.Sandbox  that hook.run is a function of
---@param further? table<string, function>  words for it besides M.words
---@return moonsnap.hooks.Handle?
---@return moonsnap.Error? err  invalid_argument: what is wrong with it
function Registry:add(hook, sandbox, further)
    local entry, wrong = entries.new(hook, sandbox, further, self)
    wrong = wrong or after.wrong(entry)
    entry = not wrong and entry or nil
    if not entry then
        local name = type(hook) == "table" and (hook.name or hook[1])
        return nil, self.failure("invalid_argument",
            ("hook %s: %s"):format(type(name) == "string" and "'" .. name:sub(1, 80) .. "'" or "", wrong))
    end
    for _, other in ipairs(self.own) do
        if other.name == entry.name and other.file == entry.file then
            return nil, self.failure("already_exists", ("hook '%s': there is one of that name"):format(entry.name))
        end
    end
    self.own[#self.own + 1] = entry
    rebuild(self)
    return { entry = entry, remove = function() self:take_out(entry) end }
end

function Registry:take_out(entry)
    for i, one in ipairs(self.own) do
        if one == entry then
            table.remove(self.own, i)
            entry.removed, entry.asked_in, entry.breaker.trouble.is = true, nil, true
            rebuild(self)
            return
        end
    end
end

local function position(list, value)
    for i, one in ipairs(list) do
        if one == value then
            return i
        end
    end
end

--- What makes a hook the one that it was before: its name and its file, on whatever line.
local function identity(entry)
    return entry.name .. "\0" .. (entry.file or ""):gsub(":%d+$", "")
end

--- Counters of hooks that were there before go on. Breakers do not: a hook that was mended is asked at once.
local function go_on(old, new)
    local known = {}
    for _, entry in ipairs(old and old.own or {}) do
        known[identity(entry)] = entry
    end
    for _, entry in ipairs(new and new.own or {}) do
        local same = known[identity(entry)]
        if same then
            entry.counts = entries.counts_of(same)
        end
    end
end

--- Asks other's hooks too, before the own ones, instead of those that were used under that name; nil: those no more.
--- Requests under way end with the hooks that they began with.
---@param name   string
---@param other? moonsnap.Hooks
function Registry:use(name, other)
    local old = self.used[name]
    go_on(old, other)
    if old then
        table.remove(old.users, position(old.users, self))
    end
    if other and not old then
        self.used[#self.used + 1] = name
    elseif old and not other then
        table.remove(self.used, position(self.used, name))
    end
    self.used[name] = other
    if other then
        other.users = other.users or {}
        other.users[#other.users + 1] = self
    end
    rebuild(self)
end

--- What each hook is and has done, in the order in which they are asked.
---@return table[]
function Registry:status()
    local rows = {}
    for i, entry in ipairs(self:all()) do
        local row = { name = entry.name, phase = entry.phase, priority = entry.priority, fail = entry.fail,
            file = entry.file, breaker = entry.breaker:state(), last_failure = entry.breaker.last, on = {} }
        for _, verb in ipairs(entries.VERBS) do
            row.on[#row.on + 1] = entry.verbs[verb] and verb or nil
        end
        for name, count in pairs(entries.counts_of(entry)) do
            row[name] = count
        end
        rows[i] = row
    end
    return rows
end

--- Adds the methods to the class of hooks.
---@param Hooks table
function M.add(Hooks)
    for name, method in pairs(Registry) do
        Hooks[name] = method
    end
end

return M
