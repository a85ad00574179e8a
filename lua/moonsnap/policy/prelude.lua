--- The words of a policy file, written in Lua itself: the first chunk that runs in each file's own state, with no more
--- at hand than such a file. What only the host can do it asks in the words of `host`, which the file never sees.
---
--- A word that is used wrongly raises with the FILE:LINE of the file that used it.

-- luacheck: globals host hook labels label retention rule preset option include deny defer exists rewrite keep kept

local kinds, error_kinds = ... -- of label policies; of errors, by name
local asked = host
local error, pcall, type, ipairs, pairs, tostring = error, pcall, type, ipairs, pairs, tostring
local setmetatable, _G = setmetatable, _G
host = nil

--- "policy.lua:3: " of whoever called the word that asks.
local function place()
    local _, where = pcall(error, "", 4)
    return where
end

--- What the host answers, or its error at the place of the word's caller.
local function done(value, wrong)
    if wrong then
        error(wrong, 3)
    end
    return value
end

local function need(word, value, kind)
    if type(value) ~= kind then
        error(("%s: a %s is expected, this is a %s"):format(word, kind, type(value)), 3)
    end
end

--- The first result alone: `return next()` answers nil and an error where the store refuses, which is no failure of
--- the hook.
local function first_of(run)
    return function(request, next)
        local verdict = run(request, next)
        return verdict
    end
end

--- Registers a hook.
function hook(fields)
    need("hook", fields, "table")
    local said = fields
    if fields.phase == "around" and type(fields.run) == "function" then
        said = {}
        for name, value in pairs(fields) do
            said[name] = value
        end
        said.run = first_of(fields.run)
    end
    done(asked.hook(said, place()))
end

--- Elements that a constructor has made, or an error.
local function made_by(word, constructor, list)
    for index, element in ipairs(list) do
        if type(element) ~= "table" or element.made_by ~= constructor then
            error(("%s: value %d is not made by %s"):format(word, index, constructor), 3)
        end
    end
    for index in pairs(list) do
        if type(index) ~= "number" then
            error(("%s: it is a list: there is no field '%s'"):format(word, tostring(index)), 3)
        end
    end
end

--- Constructors by name. One that is unknown is an error or, where somebody wants to hear of all that is wrong, makes
--- what stands for nothing.
local function constructors(what, known, nothing)
    return setmetatable({}, { __index = function(_, name)
        local wrong = asked.unknown(what, tostring(name), known, place())
        if wrong then
            error(wrong, 2)
        end
        return function() return nothing end
    end })
end

label = constructors("label policy", "labels", { made_by = "label" })
for _, kind in ipairs(kinds) do
    label[kind] = function(fields)
        need("label." .. kind, fields, "table")
        return { made_by = "label", kind = kind, fields = fields, place = place() }
    end
end

--- Registers label policies.
function labels(list)
    need("labels", list, "table")
    made_by("labels", "label", list)
    for _, policy in ipairs(list) do
        if policy.kind then
            local _, wrong = asked.label(policy.kind, policy.fields, policy.place)
            if wrong then
                error(policy.place .. wrong, 0)
            end
        end
    end
end

function rule(fields)
    need("rule", fields, "table")
    return { made_by = "rule", fields = fields, place = place() }
end

--- Rules in other tools' words: preset.restic { keep_daily = 7 }; see gc/presets.
preset = constructors("preset", "presets", { made_by = "preset", rules = {} })
for _, name in ipairs { "btrbk", "buildkit", "containerd_marks", "restic", "sanoid", "snapper" } do
    preset[name] = function(fields)
        need("preset." .. name, fields, "table")
        local at = place()
        local rules, wrong = asked.preset(name, fields, at)
        if wrong then
            error(at .. wrong, 0)
        end
        for i, one in ipairs(rules) do
            rules[i] = { made_by = "rule", fields = one, place = at }
        end
        return { made_by = "preset", rules = rules }
    end
end

--- What a list holds, presets taken apart.
local function flat(list)
    local rules = {}
    for _, one in ipairs(list) do
        if type(one) == "table" and one.made_by == "preset" then
            table.move(one.rules, 1, #one.rules, #rules + 1, rules)
        else
            rules[#rules + 1] = one
        end
    end
    for name, value in pairs(list) do
        rules[name] = type(name) == "string" and value or rules[name] -- what does not belong here is told, too
    end
    return rules
end

--- Adds rules of retention.
function retention(list)
    need("retention", list, "table")
    list = flat(list)
    made_by("retention", "rule", list)
    for _, one in ipairs(list) do
        local _, wrong = asked.rule(one.fields, one.place)
        if wrong then
            error(one.place .. wrong, 0)
        end
    end
end

--- A setting of this file, with its default.
function option(name, fields)
    need("option", name, "string")
    need("option " .. name, fields, "table")
    local value = done(asked.option(name, fields)) -- no tail call: the place of the caller would be lost
    return value
end

--- Loads another file at this place, with values for its options.
function include(path, values)
    need("include", path, "string")
    if values ~= nil then
        need("include " .. path, values, "table")
    end
    done(asked.include(path, values or {}, place()))
end

function keep(name, value)
    need("keep", name, "string")
    done(asked.keep(name, value))
end

function kept(name)
    need("kept", name, "string")
    return (asked.kept(name))
end

function deny(kind, text)
    need("deny: kind", kind, "string")
    need("deny: text", text, "string")
    if not error_kinds[kind] then
        error("deny: " .. asked.unknown("kind", kind, "errors"), 2)
    end
    return { verdict = "deny", kind = kind, text = text }
end

function defer(seconds)
    if type(seconds) == "string" then
        seconds = done(asked.duration(seconds))
    end
    need("defer", seconds, "number")
    return { verdict = "defer", seconds = seconds }
end

function exists(name)
    need("exists", name, "string")
    return { verdict = "exists", name = name }
end

function rewrite(changes)
    need("rewrite", changes, "table")
    return { verdict = "rewrite", labels = changes.labels, parent = changes.parent }
end

--- Stands for a word that is unknown, where somebody wants to hear of all that is wrong: may be called and indexed.
local nothing = setmetatable({}, {})
getmetatable(nothing).__index = function() return nothing end
getmetatable(nothing).__call = function() return nothing end

setmetatable(_G, {
    __index = function(_, name)
        local wrong = asked.unknown("word", tostring(name), "words", place())
        if wrong then
            error(wrong, 2)
        end
        return nothing
    end,
    __metatable = false,
})
