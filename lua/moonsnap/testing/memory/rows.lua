--- The rows themselves: finding, inserting, renaming, deleting. Everything goes through engine:set, to be taken back.

local valid = require "moonsnap.testing.memory.valid"

local M = {}

---@class moonsnap.testing.Row
---@field number integer
---@field ns     string
---@field key    string
---@field kind   moonsnap.Kind
---@field parent? moonsnap.testing.Row
---@field labels table<string, string>  replaced, never changed

--- The number of a key, or nil.
function M.number(self, ns, key)
    local names = self.state.names[ns]
    return names and names[key]
end

--- A row by its key.
---@return moonsnap.testing.Row?
---@return moonsnap.Error? err  invalid_argument, not_found
function M.find(self, ns, key)
    local wrong = valid.key("namespace", ns) or valid.key("key", key)
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    local number = M.number(self, ns, key)
    if not number then
        return self:fail("not_found", "snapshot '%s' does not exist", key:sub(1, 100))
    end
    return self.state.rows[number]
end

--- Says what is wrong with the bytes of a parent's name, or nil; "" and nil are none.
function M.wrong_parent(parent)
    return parent ~= nil and parent ~= "" and valid.key("parent", parent) or nil
end

--- The row of a parent, nil without one; or nil and an error.
---@return moonsnap.testing.Row?
---@return moonsnap.Error? err  invalid_argument, not_found
function M.find_parent(self, ns, parent)
    if parent == nil or parent == "" then
        return nil
    end
    local wrong = M.wrong_parent(parent)
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    local number = M.number(self, ns, parent)
    local row = number and self.state.rows[number]
    if not row then
        return self:fail("not_found", "parent '%s' does not exist", parent:sub(1, 100))
    elseif row.kind ~= "committed" then
        return self:fail("invalid_argument", "parent '%s' is %s: only a committed snapshot can be a parent",
            parent:sub(1, 100), row.kind)
    end
    return row
end

local function count_child(self, parent, by)
    if parent then
        local children = self.state.children
        self:set(children, parent.number, (children[parent.number] or 0) + by)
    end
end

local function name_it(self, ns, key, number)
    local names = self.state.names
    if not names[ns] then
        self:set(names, ns, {})
    end
    self:set(names[ns], key, number)
end

--- A new row with a number and times.
---@return moonsnap.testing.Row?
---@return moonsnap.Error? err  already_exists
function M.insert(self, row)
    if M.number(self, row.ns, row.key) then
        return self:fail("already_exists", "snapshot '%s' already exists", row.key:sub(1, 100))
    end
    local counters = self.state.counters
    self:set(counters, "number", counters.number + 1)
    row.number, row.created, row.use_count = counters.number, self:now(), 0
    row.updated, row.used = row.created, row.created
    self:set(self.state.rows, row.number, row)
    name_it(self, row.ns, row.key, row.number)
    count_child(self, row.parent, 1)
    return row
end

--- What is said of a row that cannot be committed.
function M.inactive(self, row)
    return self:fail("failed_precondition", "snapshot '%s' is %s: only an active one can be committed",
        row.key:sub(1, 100), row.kind)
end

--- Counts a use.
function M.used(self, row, at)
    self:set(row, "used", at)
    self:set(row, "use_count", row.use_count + 1)
end

--- Has it children?
function M.refuse(self, row)
    return (self.state.children[row.number] or 0) > 0
end

--- An active row becomes a committed one.
function M.commit(self, row, name, parent, labels, leased)
    self:set(self.state.names[row.ns], row.key, nil)
    name_it(self, row.ns, name, row.number)
    if not row.parent then
        count_child(self, parent, 1)
    end
    local at = self:now()
    local now = { key = name, kind = "committed", labels = labels, created = at, updated = at, used = at }
    for field, value in pairs(now) do
        self:set(row, field, value)
    end
    self:set(row, "parent", parent)
    self:set(row, "owner", nil)
    self:set(row, "leased", leased)
end

function M.delete(self, row)
    self:set(self.state.rows, row.number, nil)
    self:set(self.state.names[row.ns], row.key, nil)
    count_child(self, row.parent, -1)
end

--- What callers see of a row.
---@return moonsnap.Info
function M.info(row)
    local labels = {}
    for name, value in pairs(row.labels) do
        labels[name] = value
    end
    return {
        name = row.key, parent = row.parent and row.parent.key or "", kind = row.kind, created = row.created,
        updated = row.updated, used = row.used, use_count = row.use_count, number = row.number, labels = labels,
    }
end

--- The rows of a snapshot and its ancestors, nearest first.
function M.chain(row)
    local chain = {}
    while row do
        chain[#chain + 1] = row
        row = row.parent
    end
    return chain
end

return M
