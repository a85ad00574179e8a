--- The hooks of one verb, by what they ask of a request: those that cannot match are not looked at.
---
---     labels:  by name, then by value          a request's own labels are looked up, one by one
---     current: the same, of the snapshot that is there
---     fixed:   by path, then by value          namespace, key, caller.uid, ...
---     rest:    hooks that have no such term    all are asked
---
--- A lookup costs what the request has of labels, not what there is of hooks. Where several lists have something for a
--- request, what comes of them is kept: the next request like it finds one list.

local lists = require "moonsnap.hooks.list"

local M = {}

local MERGED = 1000 -- lists that are kept

local matching = lists.matching

---@class moonsnap.hooks.Index
---@field entries moonsnap.hooks.Entry[]   all, in order
---@field places  table<moonsnap.hooks.Entry, integer>  where each stands among all
---@field merged  integer                  lists that came of others, and are kept
---@field blind   boolean                  all matches look at what the caller gives alone
---@field plain   boolean                  no match needs a scratch
local Index = {}
Index.__index = Index

--- How well a term sorts requests out: the least is taken.
local function worth(term)
    if term.op == "==" then
        local label = term.place ~= "fixed" or term.path == "key" or term.path == "name"
        return label and 1 or 2
    end
    return term.op == "present" and term.place ~= "fixed" and 3 or nil
end

local function best_of(terms)
    local best, best_worth
    for _, term in ipairs(terms) do
        local value = worth(term)
        if value and (not best or value < best_worth) then
            best, best_worth = term, value
        end
    end
    return best
end

--- The terms under which an entry stands, one for each alternative; nil when one has none.
local function keys_of(entry)
    local keys = {}
    for i, terms in ipairs(entry.match and entry.match.alternatives or {}) do
        keys[i] = best_of(terms)
        if not keys[i] then
            return nil
        end
    end
    return #keys > 0 and keys or nil
end

local function put(index, term, entry)
    local place = index[term.place]
    local row = place[term.name] or { values = {}, present = {} }
    place[term.name] = row
    local list = row.present
    if term.op == "==" then
        list = row.values[term.value] or {}
        row.values[term.value] = list
    end
    if list[#list] ~= entry then
        list[#list + 1] = entry
    end
end

--- What is left to be looked at of an entry under its one key: the other terms. nil where it has several keys, or an
--- expression.
local function left_of(entry, keys)
    if not keys or #keys > 1 or entry.match.filter then
        return nil
    end
    local left = {}
    for _, term in ipairs(entry.match.alternatives[1]) do
        left[#left + 1] = term ~= keys[1] and term or nil
    end
    return left
end

local function add(index, place, entry)
    index.places[entry] = place
    index.blind = index.blind and entry.blind or false
    local keys = keys_of(entry)
    entry.left = left_of(entry, keys)
    entry.sure = entry.left and not entry.left[1]
    index.plain = index.plain and (entry.left or not entry.match) and true or false
    for _, term in ipairs(keys or {}) do
        put(index, term, entry)
    end
    if not keys then
        index.rest[#index.rest + 1] = entry
    end
end

--- Seals the lists of a place; nil for one without any.
local function sealed(place)
    for _, row in pairs(place) do
        lists.seal(row.present)
        for _, list in pairs(row.values) do
            lists.seal(list)
        end
    end
    return next(place) and place
end

---@param entries moonsnap.hooks.Entry[]  in order
---@param fixed   table<string, fun(request: moonsnap.Request): string?>  match.FIXED
---@return moonsnap.hooks.Index
function M.new(entries, fixed)
    local self = setmetatable({ entries = entries, places = {}, merged = 0, labels = {}, current = {}, fixed = {},
        rest = {}, paths = {}, blind = true, plain = true }, Index)
    for i, entry in ipairs(entries) do
        add(self, i, entry)
    end
    lists.seal(self.rest)
    self.labels, self.current = sealed(self.labels), sealed(self.current)
    for path, row in pairs(sealed(self.fixed) or {}) do
        self.paths[#self.paths + 1] = { get = fixed[path], row = row }
    end
    return self
end

local function merged(self, left, right)
    if not (left.sealed and right.sealed) then
        return lists.merge(left, right, self.places)
    end
    local both = left.with[right]
    if not both then
        both = lists.merge(left, right, self.places)
        if self.merged < MERGED then
            self.merged = self.merged + 1
            left.with[right] = lists.seal(both)
        end
    end
    return both
end

--- Adds what matches of list. scratch is nil where the index is plain.
local function take(self, found, list, request, scratch)
    local matches = list.sure and list or matching(list, request, scratch)
    if not found or not matches then
        return found or matches
    end
    return merged(self, found, matches)
end

local function take_row(self, found, row, value, request, scratch)
    if row.present[1] then
        found = take(self, found, row.present, request, scratch)
    end
    local list = row.values[value]
    return list and take(self, found, list, request, scratch) or found
end

local function take_labels(self, found, place, labels, request, scratch)
    for name, value in next, labels do
        local row = place[name]
        if row then
            found = take_row(self, found, row, value, request, scratch)
        end
    end
    return found
end

--- The hooks that a request matches, in order; nil when there is none. Not to be changed: it may be a list of the
--- index itself.
---@param request moonsnap.Request
---@return moonsnap.hooks.List?
function Index:find(request)
    local scratch = not self.plain and { fields = nil } or nil
    local found = self.rest[1] and take(self, nil, self.rest, request, scratch) or nil
    if self.labels then
        found = take_labels(self, found, self.labels, request.labels, request, scratch)
    end
    if self.current and request.current then
        found = take_labels(self, found, self.current, request.current.labels, request, scratch)
    end
    for i = 1, #self.paths do
        local path = self.paths[i]
        local value = path.get(request)
        if value then
            found = take_row(self, found, path.row, value, request, scratch)
        end
    end
    return found
end

return M
