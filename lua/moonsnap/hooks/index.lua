--- The hooks of one verb, by what they ask of a request: those that cannot match are not looked at.
---
---     labels:  by name, then by value          a request's own labels are looked up, one by one
---     current: the same, of the snapshot that is there
---     fixed:   by path, then by value          namespace, key, caller.uid, ...
---     rest:    hooks that have no such term    all are asked
---
--- A lookup costs what the request has of labels, not what there is of hooks.

local M = {}

---@class moonsnap.hooks.Index
---@field entries moonsnap.hooks.Entry[]   all, in order
---@field around  boolean                  there is one of phase around
---@field blind   boolean                  all matches look at what the caller gives alone
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

--- Marks a list that all match whoever comes to it: it is handed out as it is; and one that is asked in one sandbox.
local function seal(list)
    local first = list[1]
    list.sure, list.asked_in, list.trouble = true, first and first.asked_in, first and first.breaker.trouble
    for _, entry in ipairs(list) do
        list.sure = list.sure and (entry.sure or not entry.match)
        local same = entry.asked_in == list.asked_in and entry.breaker.trouble == list.trouble
        list.asked_in = same and list.asked_in or nil
    end
end

local function seal_row(row)
    seal(row.present)
    for _, list in pairs(row.values) do
        seal(list)
    end
end

---@param entries moonsnap.hooks.Entry[]  in order; entry.rank rises
---@param fixed   table<string, fun(request: moonsnap.Request): string?>  match.FIXED
---@return moonsnap.hooks.Index
function M.new(entries, fixed)
    local self = setmetatable({ entries = entries, labels = {}, current = {}, fixed = {}, rest = {}, paths = {},
        around = false, blind = true }, Index)
    for _, entry in ipairs(entries) do
        self.blind = self.blind and entry.blind or false
        self.around = self.around or entry.phase == "around"
        local keys = keys_of(entry)
        -- where the one term is the key, standing under it is matching
        entry.sure = keys and #keys == 1 and #entry.match.alternatives[1] == 1
        for _, term in ipairs(keys or {}) do
            put(self, term, entry)
        end
        if not keys then
            self.rest[#self.rest + 1] = entry
        end
    end
    for path, row in pairs(self.fixed) do
        seal_row(row)
        self.paths[#self.paths + 1] = { get = fixed[path], row = row }
    end
    for _, place in ipairs { self.labels, self.current } do
        for _, row in pairs(place) do
            seal_row(row)
        end
    end
    seal(self.rest)
    self.labels = next(self.labels) and self.labels
    self.current = next(self.current) and self.current
    return self
end

local function by_rank(a, b)
    return a.rank < b.rank
end

--- Adds what matches of list. Each list is in order; found is, too, as long as only one had something.
local function take(found, list, request, scratch)
    if not found and list.sure then
        return list
    elseif found and found.sure then
        found = table.move(found, 1, #found, 1, {})
    end
    local before = found and #found or 0
    for i = 1, #list do
        local entry = list[i]
        local match = entry.match
        if not match or entry.sure or match:matches(request, scratch) then
            found = found or {}
            found[#found + 1] = entry
        end
    end
    if before > 0 and #found > before then
        scratch.mixed = true
    end
    return found
end

local function take_row(found, row, value, request, scratch)
    if row.present[1] then
        found = take(found, row.present, request, scratch)
    end
    local list = row.values[value]
    return list and take(found, list, request, scratch) or found
end

local function take_labels(found, place, labels, request, scratch)
    for name, value in next, labels do
        local row = place[name]
        if row then
            found = take_row(found, row, value, request, scratch)
        end
    end
    return found
end

--- In order, each once.
local function sorted(found)
    table.sort(found, by_rank)
    local kept = 1
    for i = 2, #found do
        if found[i] ~= found[kept] then
            kept = kept + 1
            found[kept] = found[i]
        end
    end
    for i = #found, kept + 1, -1 do
        found[i] = nil
    end
    return found
end

--- The hooks that a request matches, in order; nil when there is none. Not to be changed: it may be a list of the
--- index itself.
---@param request moonsnap.Request
---@return moonsnap.hooks.Entry[]?
function Index:find(request)
    local scratch = { fields = nil, mixed = nil }
    local found = self.rest[1] and take(nil, self.rest, request, scratch)
    if self.labels then
        found = take_labels(found, self.labels, request.labels, request, scratch)
    end
    if self.current and request.current then
        found = take_labels(found, self.current, request.current.labels, request, scratch)
    end
    for i = 1, #self.paths do
        local path = self.paths[i]
        local value = path.get(request)
        if value then
            found = take_row(found, path.row, value, request, scratch)
        end
    end
    return scratch.mixed and sorted(found) or found or nil
end

return M
