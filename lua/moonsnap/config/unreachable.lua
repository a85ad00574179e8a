--- What a policy says in vain: hooks that can never match, label policies that nobody comes to, retention rules that
--- another one has taken everything from. Pure: looks at a loaded policy, and is sure of what it says.

local units = require "moonsnap.units"

local M = {}

--- What verbs make: the kind of a request is always this one.
local KINDS = { prepare = "active", view = "view", import = "committed", commit = "committed" }

--- Verbs of a snapshot that is not there yet, which has nothing current.
local NEW = { prepare = true, view = true, import = true }
local NAMED = { commit = true, import = true }

--- What contradicts what --------------------------------------------------------------------------

--- Terms as what each path must be (is), and must not be.
local function contradiction(terms, fixed)
    local is = {}
    for path, value in pairs(fixed or {}) do
        is[path] = value
    end
    for _, term in ipairs(terms) do
        if term.op == "==" then
            if is[term.path] and is[term.path] ~= term.value then
                return ("%s cannot be '%s' and '%s'"):format(term.path, is[term.path], term.value)
            end
            is[term.path] = term.value
        end
    end
    for _, term in ipairs(terms) do
        if term.op == "!=" and is[term.path] == term.value then
            return ("%s cannot be '%s' and not be it"):format(term.path, term.value)
        end
    end
end

--- Why terms can never hold for a verb, or nil.
local function why_never(terms, verb)
    local wrong = contradiction(terms, { kind = KINDS[verb], verb = verb })
    if wrong then
        return wrong
    end
    for _, term in ipairs(terms) do
        local needs = term.op == "present" or term.op == "==" and term.value ~= ""
        if needs and NEW[verb] and term.path:find("^current%.") then
            return ("%s: nothing is there yet on %s"):format(term.path, verb)
        elseif needs and verb and term.path == "name" and not NAMED[verb] then
            return ("name: %s has none, it is key"):format(verb)
        end
    end
end

--- Why a match can never hold for a verb: why its first alternative cannot; nil where one can.
local function never(alternatives, verb)
    local first
    for _, terms in ipairs(alternatives) do
        local why = why_never(terms, verb)
        if not why then
            return nil
        end
        first = first or why
    end
    return first
end

--- Hooks ------------------------------------------------------------------------------------------

local function sorted(set)
    local list = {}
    for name in pairs(set) do
        list[#list + 1] = name
    end
    table.sort(list)
    return list
end

--- Why a hook never runs, or nil.
local function vain_hook(entry)
    local alternatives = entry.match and entry.match.alternatives
    if not alternatives then
        return nil
    end
    local why
    for _, verb in ipairs(sorted(entry.verbs)) do
        local wrong = never(alternatives, entry.phase ~= "after" and verb or nil)
        if not wrong then
            return nil
        end
        why = why or wrong
    end
    return ("hook '%s': it can never match: %s"):format(entry.name, why)
end

--- Label policies ---------------------------------------------------------------------------------

local SHADOWED = { require = true, bound = true, protect = true, rewrite = true }

local function covers(deny, policy)
    local pattern = "^" .. deny.label:gsub("[^%w*]", "%%%0"):gsub("%*", ".*") .. "$"
    if not policy.label:find(pattern) then
        return false
    end
    for verb in pairs(policy.verbs) do
        if not deny.verbs[verb] then
            return false
        end
    end
    return true
end

local function vain_label(policies, policy)
    for _, deny in ipairs(SHADOWED[policy.kind] and policies or {}) do
        local always = deny.kind == "deny" and not (deny.namespaces or deny.objects or deny.matches or deny.peer)
        if always and deny ~= policy and covers(deny, policy) then
            return ("label.%s '%s': label.deny '%s'%s refuses that label to everybody"):format(policy.kind,
                policy.label, deny.label, deny.place and " (" .. deny.place:match("[^/]*$") .. ")" or "")
        end
    end
end

--- Retention --------------------------------------------------------------------------------------

--- A rule's match as alternatives of terms; nil where that cannot be told, {{}} for all.
local function alternatives_of(rule, filter)
    local match = rule.match
    if match == nil then
        return { {} }
    elseif type(match) == "string" then
        match = { match }
    elseif type(match) ~= "table" then
        return nil
    end
    if match[1] == nil then
        local terms = {}
        for path, value in pairs(match) do
            terms[#terms + 1] = { path = path, op = "==", value = tostring(value) }
        end
        return { terms }
    end
    local compiled = filter(match)
    return compiled and compiled:terms()
end

local function has_term(terms, wanted)
    for _, term in ipairs(terms) do
        if term.path == wanted.path and term.op == wanted.op and term.value == wanted.value then
            return true
        end
    end
    return false
end

--- Is everything that inner matches matched by outer too?
local function includes(outer, inner)
    for _, terms in ipairs(inner) do
        local inside = false
        for _, wide in ipairs(outer) do
            local all = true
            for _, term in ipairs(wide) do
                all = all and has_term(terms, term)
            end
            inside = inside or all
        end
        if not inside then
            return false
        end
    end
    return true
end

local function seconds(duration)
    return duration ~= nil and units.parse_duration(duration) or nil
end

--- Does a rule take everything it matches, at once and whatever keeps it?
local function takes_all(rule)
    local expire = rule.expire or {}
    return not rule.on and not rule.min_age and (seconds(expire.ttl) == 0 or seconds(expire.idle) == 0)
end

--- Does a rule only say when things expire?
local function only_expires(rule)
    return rule.expire and not (rule.keep or rule.bounds or rule.monitor or rule.min_age or rule.containerd)
end

--- Does the expiry of outer come before that of inner in each word of it?
local function sooner(outer, inner)
    for name, duration in pairs(inner.expire) do
        local mine, theirs = seconds(duration), seconds((outer.expire or {})[name])
        if not mine or not theirs or theirs > mine then
            return false
        end
    end
    return not outer.on and not outer.min_age
end

local function vain_rule(rules, at, filter)
    local rule = rules[at]
    local own = alternatives_of(rule, filter)
    local why = own and #own > 0 and never(own, nil)
    if why then
        return ("rule '%s': it can never match: %s"):format(rule.name, why)
    end
    for i = 1, own and at - 1 or 0 do
        local before = rules[i]
        local wide = alternatives_of(before, filter)
        if wide and includes(wide, own) and (takes_all(before) or only_expires(rule) and sooner(before, rule)) then
            return ("rule '%s': nothing is left for it: rule '%s' takes all that it matches"):format(rule.name,
                before.name)
        end
    end
end

--- A place as a problem has it: file and line of "policy.lua:3".
local function placed(place, message)
    local file, line = (place or ""):match("^(.*):(%d+)$")
    return { file = file, line = math.tointeger(tonumber(line)), message = message }
end

--- What of a policy nobody ever comes to.
---@param policy moonsnap.Policy
---@param filter fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?
---@return moonsnap.config.Problem[]
function M.find(policy, filter)
    local found = {}
    for _, entry in ipairs(policy.hooks:all()) do
        local why = not entry.trusted and vain_hook(entry)
        found[#found + 1] = why and placed(entry.file, why) or nil
    end
    for _, one in ipairs(policy.labels and policy.labels.policies or {}) do
        local why = vain_label(policy.labels.policies, one)
        found[#found + 1] = why and placed(one.place, why) or nil
    end
    for at, rule in ipairs(policy.retention) do
        local why = vain_rule(policy.retention, at, filter)
        found[#found + 1] = why and placed(rule.file, why) or nil
    end
    return found
end

return M
