--- What a hook's match says, as terms: compiled at registration, looked at by the index, checked on a request.
---
---     match = "labels.team==blue,kind==active"      containerd's filter
---     match = { "labels.team==blue", "labels.x" }   one of them
---     match = { ["labels.team"] = "blue", kind = "active" }   all of them, by equality

local M = {}

--- Fields of a request (and, behind "after", of an event) that are no labels.
local FIXED = {
    verb = function(request) return request.verb end,
    namespace = function(request) return request.namespace end,
    key = function(request) return request.key end,
    name = function(request) return request.name end,
    parent = function(request) return request.parent end,
    kind = function(request) return request.kind end,
    action = function(request) return request.action end,
    lease = function(request) return request.lease end,
    topic = function(request) return request.topic end,
    ["current.kind"] = function(request) return request.current and request.current.kind end,
    ["current.parent"] = function(request) return request.current and request.current.parent end,
}
for _, name in ipairs { "uid", "gid", "pid", "door", "endpoint" } do
    FIXED["caller." .. name] = function(request)
        local value = request.caller and request.caller[name]
        return value and tostring(value)
    end
end
M.FIXED = FIXED

--- One condition on one field.
---@class moonsnap.hooks.Term
---@field place "labels" | "current" | "fixed"   where it is looked for
---@field name  string                           of the label, or the whole path
---@field path  string
---@field op    "present" | "==" | "!=" | "~="
---@field value string
---@field get?  fun(request: moonsnap.Request): string?  of a fixed one

---@class moonsnap.hooks.Match
---@field alternatives moonsnap.hooks.Term[][]   one of them must hold, whole
---@field filter?      moonsnap.Filter           where a term needs it: expressions
local Match = {}
Match.__index = Match

local function place_of(path)
    local name = path:match("^labels%.(.+)$")
    if name then
        return "labels", name
    end
    name = path:match("^current%.labels%.(.+)$")
    if name then
        return "current", name
    end
    return FIXED[path] and "fixed", path
end

local function known_paths()
    local names = { "labels.NAME", "current.labels.NAME" }
    for path in pairs(FIXED) do
        names[#names + 1] = path
    end
    table.sort(names)
    return table.concat(names, ", ")
end

--- A term of a path, or nil and what is wrong with it.
local function term_of(path, op, value)
    local place, name = place_of(path)
    if not place then
        return nil, ("a request has no field '%s' (it has %s)"):format(path:sub(1, 80), known_paths())
    end
    return { place = place, name = name, path = path, op = op, value = value, get = FIXED[path] }
end

local function from_table(match)
    local terms = {}
    for path, value in pairs(match) do
        if type(path) ~= "string" or type(value) ~= "string" and math.type(value) ~= "integer" then
            return nil, "match: fields with the text that each must have, or filters, are expected"
        end
        local term, wrong = term_of(path, "==", tostring(value))
        if not term then
            return nil, "match: " .. wrong
        end
        terms[#terms + 1] = term
    end
    table.sort(terms, function(a, b) return a.path < b.path end)
    return setmetatable({ alternatives = { terms } }, Match)
end

local function from_filters(filters, compile)
    local filter, err = compile(filters)
    if not filter then
        return nil, "match: " .. err.message
    end
    local alternatives, needs_filter = {}, false
    for i, selectors in ipairs(filter:terms()) do
        local terms = {}
        for j, selector in ipairs(selectors) do
            local term, wrong = term_of(selector.path, selector.op, selector.value)
            if not term then
                return nil, "match: " .. wrong
            end
            needs_filter = needs_filter or selector.op == "~="
            terms[j] = term
        end
        alternatives[i] = terms
    end
    return setmetatable({ alternatives = alternatives, filter = needs_filter and filter or nil }, Match)
end

--- Compiles what a hook says.
---@param match   string | string[] | table<string, string|integer>
---@param compile fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?
---@return moonsnap.hooks.Match?
---@return string? wrong
function M.compile(match, compile)
    if type(match) == "string" then
        return from_filters({ match }, compile)
    elseif type(match) ~= "table" then
        return nil, "match: a filter, a list of filters or a table of fields expected, got " .. type(match)
    elseif next(match) == nil then
        return nil, "match: it is empty: leave it away to match everything"
    elseif match[1] == nil then
        return from_table(match)
    end
    for i, text in pairs(match) do
        if math.type(i) ~= "integer" or type(text) ~= "string" then
            return nil, "match: a list of filters holds strings"
        end
    end
    return from_filters(match, compile)
end

local function value_of(request, term)
    local place = term.place
    if place == "labels" then
        return request.labels[term.name]
    elseif place == "current" then
        return request.current and request.current.labels[term.name]
    end
    return term.get(request)
end

--- A request's fields by their whole paths, as filters want them. Made once for all hooks that need it.
local function fields_of(request)
    local fields = {}
    for path, get in pairs(FIXED) do
        fields[path] = get(request)
    end
    for name, value in pairs(request.labels) do
        fields["labels." .. name] = value
    end
    for name, value in pairs(request.current and request.current.labels or {}) do
        fields["current.labels." .. name] = value
    end
    return fields
end

--- Whether all terms hold; "~=" passes.
---@param terms   moonsnap.hooks.Term[]
---@param request moonsnap.Request
---@return boolean
local function all_hold(terms, request)
    for i = 1, #terms do
        local term = terms[i]
        local op, value = term.op, value_of(request, term)
        if op == "==" and value ~= term.value or op == "present" and value == nil
            or op == "!=" and (value or "") == term.value then
            return false
        end
    end
    return true
end
M.all_hold = all_hold

--- Whether a request matches.
---@param request moonsnap.Request
---@param scratch table  one for all calls about the same request
---@return boolean
function Match:matches(request, scratch)
    local alternatives = self.alternatives
    for i = 1, #alternatives do
        if all_hold(alternatives[i], request) then
            if not self.filter then
                return true
            end
            -- only what plain terms let through is worth an expression
            local fields = scratch.fields or fields_of(request)
            scratch.fields = fields
            return self.filter:match_fields(fields)
        end
    end
    return false
end

return M
