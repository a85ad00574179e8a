--- Which snapshots a rule is about: match, compiled once to a function of a fact.
---
---     "labels.class==cache,age>7d"              a filter (selectors.lua says what it may hold)
---     { "labels.a", "labels.b" }                filters, one of which must match
---     { ["labels.class"] = "cache", idle = ">2d", filter = "name~=^ci/", tag = "v*" }   all of these
---     function(fact) return fact.size > 0 end   anything; it must be pure. { kind = "active", test = function } too
---
--- A match that says nothing of kind is about committed snapshots: an active or a view is being worked in, and only a
--- rule that names its kind may touch it.

local selectors = require "moonsnap.gc.selectors"

local M = {}

local SECOND = 1000000000

--- The words of the label that tags a snapshot.
M.TAGS = "moonsnap/tags"

---@param fact moonsnap.gc.Fact
---@return fun(): string?
function M.tags(fact)
    return (fact.labels[M.TAGS] or ""):gmatch("[^,%s]+")
end

--- A pattern with * and ? as a Lua pattern.
---@param glob string
---@return string
function M.glob(glob)
    return "^" .. glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

--- The last time somebody worked with it, or it was made.
---@param fact moonsnap.gc.Fact
---@return integer nanoseconds
function M.last_use(fact)
    return fact.used > fact.created and fact.used or fact.created
end

local MEASURES = {
    age = function(now) return function(fact) return now - fact.created end, SECOND end,
    idle = function(now) return function(fact) return now - M.last_use(fact) end, SECOND end,
    size = function() return function(fact) return fact.size end, 1 end,
    depth = function() return function(fact) return fact.depth end, 1 end,
}

local function measure(selector, now)
    local value, unit = MEASURES[selector.path](now)
    local limit, op = selector.value * unit, selector.op
    if op == ">" then
        return function(fact) return value(fact) > limit end
    elseif op == ">=" then
        return function(fact) return value(fact) >= limit end
    elseif op == "<" then
        return function(fact) return value(fact) < limit end
    end
    return function(fact) return value(fact) <= limit end
end

local function equal(path, wanted)
    local label = path:match("^labels%.(.+)$")
    if label then
        return function(fact) return fact.labels[label] == wanted end
    end
    return function(fact) return fact[path] == wanted end
end

local function present(path)
    local label = path:match("^labels%.(.+)$")
    return function(fact) return label == nil or fact.labels[label] ~= nil end
end

--- One of a snapshot's tags must match; `!=` all of them.
local function tag(selector, state)
    if selector.text == "tag" then
        return function(fact) return M.tags(fact)() ~= nil end
    end
    local filter, err = state.filter { selector.text }
    if not filter then
        return nil, err.message
    end
    local all = selector.text:find("^tag%s*!=") ~= nil
    return function(fact)
        for word in M.tags(fact) do
            if filter:match_fields { tag = word } ~= all then
                return not all
            end
        end
        return all
    end
end

local function both(tests)
    local first, second, third = tests[1], tests[2], tests[3]
    if #tests == 0 then
        return function() return true end
    elseif #tests == 1 then
        return first
    elseif #tests == 2 then
        return function(fact) return first(fact) and second(fact) end
    elseif #tests == 3 then
        return function(fact) return first(fact) and second(fact) and third(fact) end
    end
    return function(fact)
        for i = 1, #tests do
            if not tests[i](fact) then
                return false
            end
        end
        return true
    end
end

local KIND = { kind = true }

--- One filter: its simple selectors as closures, the rest by containerd's compiler. A label that must be equal is told
--- apart: whoever has many facts looks them up by it.
---@return (fun(fact): boolean)[]? tests
---@return string? wrong
---@return {path: string, value: string}? equal_to
local function filter_of(text, state, any_kind)
    local tests, rest, says_kind, equal_to = {}, {}, any_kind, nil
    for _, written in ipairs(selectors.split(text)) do
        local selector, wrong = selectors.read(written)
        if not selector then
            return nil, wrong
        end
        says_kind = says_kind or KIND[(selector.path or ""):match("^[^.]*")] or false
        if selector.is == "measure" then
            tests[#tests + 1] = measure(selector, state.now)
        elseif selector.is == "equal" and not equal_to and selector.path:find("^labels%.") then
            equal_to = { path = selector.path, value = selector.value }
        elseif selector.is == "equal" then
            tests[#tests + 1] = equal(selector.path, selector.value)
        elseif selector.is == "present" then
            tests[#tests + 1] = present(selector.path)
        elseif selector.is == "tag" then
            tests[#tests + 1], wrong = tag(selector, state)
            if wrong then
                return nil, wrong
            end
        else
            rest[#rest + 1] = written
        end
    end
    if #rest > 0 then
        local filter, err = state.filter { table.concat(rest, ",") }
        if not filter then
            return nil, err.message
        end
        tests[#tests + 1] = function(fact) return filter:match(fact) end
    end
    if not says_kind and not equal_to then
        equal_to = { path = "kind", value = "committed" }
    elseif not says_kind then
        table.insert(tests, 1, equal("kind", "committed"))
    end
    return tests, nil, equal_to
end

--- A whole test of what filter_of answered.
local function whole(tests, equal_to)
    if equal_to then
        table.insert(tests, 1, equal(equal_to.path, equal_to.value))
    end
    return both(tests)
end

local function any_of(list, state, any_kind)
    local tests = {}
    for i, text in ipairs(type(list) == "table" and list or { list }) do
        local found, wrong, equal_to = filter_of(text, state, any_kind)
        if not found then
            return nil, wrong
        end
        tests[i] = whole(found, equal_to)
    end
    if #tests == 1 then
        return tests[1]
    end
    return function(fact)
        for i = 1, #tests do
            if tests[i](fact) then
                return true
            end
        end
        return false
    end
end

local COMPARED = { age = true, idle = true, size = true, depth = true }

--- `kind = "active"`, `kind = { "active", "view" }`.
local function kinds_of(kind)
    local wanted = {}
    for _, name in ipairs(type(kind) == "table" and kind or { kind }) do
        wanted[name] = true
    end
    return function(fact) return wanted[fact.kind] == true end
end

--- The terms of a table, all of which must hold.
local function term_of(name, value, state)
    if COMPARED[name] then
        local selector, wrong = selectors.read(name .. tostring(value))
        return selector and measure(selector, state.now), wrong
    elseif name == "tag" then
        local pattern = M.glob(value)
        return function(fact)
            for word in M.tags(fact) do
                if word:find(pattern) then
                    return true
                end
            end
            return false
        end
    elseif name == "kind" then
        return kinds_of(value)
    elseif name == "test" then
        return function(fact) return value(fact) and true or false end
    elseif value == true then
        return present(name)
    end
    return equal(name, value)
end

local function terms_of(match, state)
    local tests, names = {}, {}
    for name in pairs(match) do
        names[#names + 1] = name
    end
    table.sort(names)
    if match.kind == nil and match.filter == nil then
        tests[1] = equal("kind", "committed")
    end
    for _, name in ipairs(names) do
        local test, wrong
        if name == "filter" then
            test, wrong = any_of(match.filter, state, match.kind ~= nil)
        else
            test, wrong = term_of(name, match[name], state)
        end
        if not test then
            return nil, wrong
        end
        tests[#tests + 1] = test
    end
    return both(tests)
end

--- Compiles a match that check() found well formed.
---@param match nil | string | string[] | table | fun(fact: moonsnap.gc.Fact): boolean
---@param state {now: integer, filter: fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?}
---@return (fun(fact: moonsnap.gc.Fact): boolean)? test
---@return string? wrong
function M.compile(match, state)
    if match == nil then
        return equal("kind", "committed")
    elseif type(match) == "function" then
        return function(fact) return fact.kind == "committed" and match(fact) and true or false end
    elseif type(match) == "string" or match[1] ~= nil then
        return any_of(match, state, false)
    end
    return terms_of(match, state)
end

--- Compiles a match into a look-up and a test of those that it finds: `labels.class == "cache"`, and the rest.
---@param match any
---@param state table
---@return (fun(fact: moonsnap.gc.Fact): boolean) | true | nil test  true: all of those
---@return string? wrong
---@return {path: string, value: string}? equal_to
function M.lookup(match, state)
    if type(match) == "string" or match == nil then
        local tests, wrong, equal_to = filter_of(match or "", state, false)
        return tests and (#tests == 0 and equal_to and true or both(tests)), wrong, equal_to
    end
    return M.compile(match, state)
end

return M
