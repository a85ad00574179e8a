--- A hook as it is registered: what its author said, checked, with its match compiled and its counters.

local breaker = require "moonsnap.hooks.breaker"
local matching = require "moonsnap.hooks.match"
local suggest = require "moonsnap.suggest"

local M = {}

--- Verbs that hooks can stand before.
M.VERBS = { "prepare", "view", "commit", "remove", "update", "touch", "import", "mount", "unmount", "lease", "pin",
    "evict" }
M.PHASES = { validate = 1, mutate = 2, before = 3, around = 4, after = 5 }

local VERB = {}
for _, verb in ipairs(M.VERBS) do
    VERB[verb] = true
end

--- What cannot be taken back when an around-hook fails behind it, or is only a question.
local NO_AROUND = { mount = true, unmount = true, evict = true }

local EFFECTS = { deny = true, defer = true, exists = true, labels = true, parent = true }
local BUDGET = { instructions = 200000, seconds = 0.02, memory = 8 * 1024 * 1024 }

--- Fields with their types.
local FIELDS = {
    name = "string", on = "string or table", phase = "string", priority = "integer", match = "any",
    effects = "table", budget = "table", fail = "string", run = "any", file = "string", trusted = "boolean",
    blind = "boolean",
}

--- What a hook has done so far.
---@class moonsnap.hooks.Counts
---@field calls    integer  times that run was called
---@field matches  integer  requests that matched
---@field denials  integer
---@field defers   integer
---@field exists   integer  times that it answered exists, and there was such a snapshot
---@field rewrites integer
---@field failures integer  times that it raised, went over its budget or answered nonsense
---@field skipped  integer  times that the breaker kept it from running
---@field seconds  number
---@field instructions integer

---@class moonsnap.hooks.Entry
---@field name     string
---@field phase    string
---@field priority integer
---@field verbs    table<string, true>
---@field effects  table<string, true>
---@field match?   {matches: fun(self, request, scratch): boolean}
---@field budget   moonsnap.sandbox.Budget
---@field fail     "closed" | "open"
---@field run      function | moonsnap.sandbox.Function
---@field sandbox? moonsnap.Sandbox   that run lives in
---@field words?   table<string, function>  further words for it
---@field trusted? boolean            called plainly
---@field blind?   boolean            its match looks at what the caller gives, at nothing that is there
---@field asked_in? moonsnap.Sandbox  where it is asked together with others; around-hooks are not
---@field left?    moonsnap.hooks.Term[]  to be looked at where it has been found by its one other term
---@field sure?    boolean            none is
---@field question? moonsnap.sandbox.Question  what it is asked with there, and what that has used
---@field file?    string             where it was written
---@field counts   moonsnap.hooks.Counts
---@field breaker  moonsnap.hooks.Breaker
---@field removed? true

local function zero()
    return { calls = 0, matches = 0, denials = 0, defers = 0, exists = 0, rewrites = 0, failures = 0, skipped = 0,
        seconds = 0.0, instructions = 0 }
end

local function sorted_keys(known)
    local keys = {}
    for key in pairs(known) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

--- One of known, or what is wrong.
local function word_of(what, word, known)
    if known[word] then
        return word
    end
    return nil, ("%s: there is no '%s'%s (known: %s)"):format(what, tostring(word):sub(1, 40),
        suggest.hint(tostring(word), sorted_keys(known)), table.concat(sorted_keys(known), ", "))
end

local function set_of(what, list, known)
    local set = {}
    for i, word in pairs(type(list) == "table" and list or { list }) do
        local known_word, wrong = word_of(what, word, known)
        if math.type(i) ~= "integer" or not known_word then
            return nil, wrong or what .. ": a list of words expected"
        end
        set[word] = true
    end
    if next(set) == nil then
        return nil, what .. ": it is empty"
    end
    return set
end

local function verbs_of(on)
    if on == "*" then
        return VERB
    elseif type(on) ~= "string" and type(on) ~= "table" then
        return nil, "on: a verb, a list of verbs or \"*\" expected, got " .. type(on)
    end
    return set_of("on", on, VERB)
end

local function budget_of(given)
    local budget = {}
    for name, value in pairs(given or {}) do
        local _, wrong = word_of("budget", name, BUDGET)
        if wrong or type(value) ~= "number" or value <= 0 or name ~= "seconds" and not math.tointeger(value) then
            return nil, wrong or ("budget: %s: a %s above 0 expected"):format(name,
                name == "seconds" and "number" or "whole number")
        end
        budget[name] = name == "seconds" and value or math.tointeger(value)
    end
    for name, value in pairs(BUDGET) do
        budget[name] = budget[name] or value
    end
    return budget
end

local function wrong_type(hook)
    for name, value in pairs(hook) do
        local wanted = FIELDS[name]
        if not wanted then
            local _, wrong = word_of("field", name, FIELDS)
            return wrong
        end
        local is = math.type(value) == "integer" and "integer" or type(value)
        if wanted ~= "any" and not wanted:find(is, 1, true) then
            return ("%s: %s expected, got %s"):format(name, wanted, is)
        end
    end
    if not hook.name or hook.name == "" then
        return "name: it has none"
    elseif hook.name:find("[%c]") or #hook.name > 100 then
        return "name: up to 100 printable characters expected"
    end
end

--- Whatever is no table, userdata or function cannot be run.
local function wrong_run(hook, sandbox)
    if sandbox and type(hook.run) ~= "userdata" or not sandbox and type(hook.run) ~= "function" then
        return ("run: a function expected, got %s"):format(type(hook.run))
    end
end

local function match_of(match, compile)
    if match == nil then
        return nil
    elseif type(match) == "function" then
        return { matches = function(_, request) return match(request) end }
    end
    return matching.compile(match, compile)
end

--- A hook as its parts, or what is wrong with it.
local function parts_of(hook, compile)
    local phase, wrong = word_of("phase", hook.phase or "before", M.PHASES)
    local verbs, effects, budget, match
    if phase then
        verbs, wrong = verbs_of(hook.on)
    end
    if verbs then
        effects, wrong = set_of("effects", hook.effects or { "deny" }, EFFECTS)
    end
    if effects then
        budget, wrong = budget_of(hook.budget)
    end
    if budget then
        match, wrong = match_of(hook.match, compile)
    end
    if wrong then
        return nil, wrong
    end
    return { phase = phase, verbs = verbs, effects = effects, budget = budget, match = match }
end

local function wrong_around(entry)
    if entry.phase ~= "around" then
        return nil
    end
    for verb in pairs(NO_AROUND) do
        if entry.verbs[verb] then
            return ("phase around: not of %s, which cannot be taken back"):format(verb)
        end
    end
end

--- Makes what the sandbox needs to ask it together with others.
local function prepare_asking(entry)
    if entry.sandbox and entry.phase ~= "around" and entry.phase ~= "after" then
        entry.asked_in, entry.question = entry.sandbox, entry.sandbox:question(entry.run, entry.budget)
    end
end

--- Brings the counters up to date: what a hook did that said nothing is counted in its sandbox.
---@param entry moonsnap.hooks.Entry
---@return moonsnap.hooks.Counts
function M.counts_of(entry)
    local counts = entry.counts
    if entry.question then
        local calls, instructions, seconds = entry.question:take()
        counts.calls, counts.matches = counts.calls + calls, counts.matches + calls
        counts.instructions, counts.seconds = counts.instructions + instructions, counts.seconds + seconds
    end
    return counts
end

--- Registers nothing yet.
---@param hook     moonsnap.Hook
---@param sandbox? moonsnap.Sandbox
---@param words?   table<string, function>
---@param options  {filter: function, clock: fun(): number}
---@return moonsnap.hooks.Entry?
---@return string? wrong
function M.new(hook, sandbox, words, options)
    if type(hook) ~= "table" then
        return nil, "a table expected, got " .. type(hook)
    end
    local said = {}
    for name, value in pairs(hook) do
        said[name == 1 and "name" or name] = value
    end
    local wrong = wrong_type(said) or wrong_run(said, sandbox)
    local entry
    if not wrong then
        entry, wrong = parts_of(said, options.filter)
    end
    local _
    local fail = said.fail or entry and entry.phase == "after" and "open" or "closed"
    if not wrong then
        _, wrong = word_of("fail", fail, { closed = true, open = true })
    end
    if wrong then
        return nil, wrong
    end
    entry.name, entry.priority, entry.fail, entry.run = said.name, said.priority or 0, fail, said.run
    entry.sandbox, entry.words, entry.file, entry.trusted = sandbox, words, said.file, said.trusted
    entry.blind = said.blind
    entry.counts, entry.breaker = zero(), breaker.new(options.clock, options.trouble)
    wrong = wrong_around(entry)
    if wrong then
        return nil, wrong
    end
    prepare_asking(entry)
    return entry
end

return M
