--- The verbs that make and change rows.

local dkjson = require "dkjson"

local mounts = require "moonsnap.testing.memory.mounts"
local rows = require "moonsnap.testing.memory.rows"
local valid = require "moonsnap.testing.memory.valid"

local find, find_parent, insert = rows.find, rows.find_parent, rows.insert

local M = {}

local LAYER = { size = 4096, inodes = 1 } -- of an empty directory

local function create(self, kind, ns, key, parent, labels, owner, lease)
    self:open()
    local verb = kind == "view" and "view" or "prepare"
    local wrong = valid.key("namespace", ns) or valid.key("key", key) or rows.wrong_parent(parent)
        or valid.labels(labels)
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    local doing = ("%s '%s'"):format(verb, key:sub(1, 60))
    local made, err = self:write(doing, function()
        local below, why = find_parent(self, ns, parent)
        if why then
            return nil, why
        end
        local row
        row, why = insert(self, {
            ns = ns, key = key, kind = kind, parent = below, labels = valid.kept(labels), leased = lease ~= nil,
            owner = owner ~= 0 and owner or nil, size = kind == "view" and 0 or LAYER.size,
            inodes = kind == "view" and 0 or LAYER.inodes,
        })
        if not row then
            return nil, why
        end
        if below then
            rows.used(self, below, row.created)
        end
        local held
        held, why = self:hold_by(ns, lease, key)
        if not held then
            return nil, why
        end
        self:tell(kind == "view" and "/moonsnap/view" or "/snapshot/prepare", row,
            { key = key, parent = parent, labels = row.labels })
        return mounts.of(self, row)
    end)
    if err and err.kind == "already_exists" and lease then
        local held, why = self:write(doing, function() return self:hold_by(ns, lease, key) end)
        err = held and err or why
    end
    return made, err
end

function M:prepare(...)
    return create(self, "active", ...)
end

function M:view(...)
    return create(self, "view", ...)
end

function M:mounts(ns, key)
    self:open()
    local row, err = find(self, ns, key)
    if not row then
        return nil, err
    elseif row.kind == "committed" then
        return self:fail("failed_precondition",
            "snapshot '%s' is committed: it has no mounts, make a view of it", key:sub(1, 100))
    end
    return mounts.of(self, row)
end

--- The parent that a commit ends with: the one it has, or the one it is rebased onto; false for none.
local function choose_parent(self, ns, row, asked)
    asked = asked ~= "" and asked or nil
    if row.parent and asked and row.parent.key ~= asked then
        return self:fail("invalid_argument", "it has the parent '%s' and cannot be moved onto '%s'", row.parent.key,
            asked)
    end
    local below, err = find_parent(self, ns, row.parent and row.parent.key or asked)
    if err and err.kind == "invalid_argument" and not row.parent then
        return self:fail("failed_precondition", "%s", err.message)
    end
    if err then
        return nil, err
    end
    return below or false
end

local function commit_inside(self, ns, name, key, parent, labels, lease)
    local row, err = find(self, ns, key)
    if not row then
        return nil, err
    elseif rows.number(self, ns, name) then
        return self:fail("already_exists", "snapshot '%s' already exists", name:sub(1, 100))
    elseif row.kind ~= "active" then
        return rows.inactive(self, row)
    end
    local ok
    ok, err = self:refuse_mounted(row, "commit")
    if not ok then
        return nil, err
    end
    local below
    below, err = choose_parent(self, ns, row, parent)
    if below == nil then
        return nil, err
    end
    rows.commit(self, row, name, below or nil, valid.kept(labels), lease ~= nil)
    self:move_held(ns, key, name)
    ok, err = self:hold_by(ns, lease, name)
    if not ok then
        return nil, err
    end
    self:tell("/snapshot/commit", row, { key = key, name = name, labels = row.labels })
    return true
end

local DURABILITIES = { metadata = true, layer = true, full = true }

function M:commit(ns, name, key, parent, labels, durability, _, lease)
    self:open()
    local wrong = valid.key("namespace", ns) or valid.key("name", name) or valid.key("key", key)
        or rows.wrong_parent(parent) or valid.labels(labels)
    if not wrong and durability and not DURABILITIES[durability] then
        wrong = ("durability '%s': it is metadata, layer or full"):format(durability)
    end
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    local doing = ("commit '%s'"):format(name:sub(1, 60))
    local ok, err = self:write(doing, function() return commit_inside(self, ns, name, key, parent, labels, lease) end)
    if err and err.kind == "already_exists" and lease then
        local held, why = self:write(doing, function() return self:hold_by(ns, lease, name) end)
        err = held and err or why
    end
    return ok, err
end

--- What the labels that change were; what is new was null.
local function before(old, new)
    local was = setmetatable({}, { __jsontype = "object" })
    for name, value in pairs(old) do
        was[name] = value ~= new[name] and value or nil
    end
    for name in pairs(new) do
        was[name] = old[name] == nil and dkjson.null or was[name]
    end
    return was
end

function M:update(ns, name, labels, paths)
    self:open()
    local wrong = valid.key("namespace", ns) or valid.key("key", name) or valid.labels(labels)
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    return self:write(("update '%s'"):format(name:sub(1, 60)), function()
        local row, err = find(self, ns, name)
        if not row then
            return nil, err
        end
        local result, path = valid.masked(row.labels, labels or {}, paths or {})
        if not result then
            return self:fail("invalid_argument", valid.NO_FIELD, path:sub(1, 80))
        end
        local was = before(row.labels, result)
        self:set(row, "labels", result)
        self:set(row, "updated", self:now())
        self:tell("/moonsnap/update", row, { key = name, labels = result, data = { was = was } })
        return rows.info(row)
    end)
end

function M:touch(ns, key)
    self:open()
    return self:write(nil, function()
        local row, err = find(self, ns, key)
        if not row then
            return nil, err
        end
        rows.used(self, row, self:now())
        return true
    end)
end

--- Import: a stage that nothing fills, and the committed row that it becomes.
local Stage = {}
Stage.__index = Stage
Stage.__close = function() end
Stage.close = Stage.__close

function Stage.step()
    return false
end

function Stage.done()
    return { entries = 0, bytes = 0 }
end

function Stage.summary()
    return { entries = 0, bytes = 0, whiteouts = 0, squashed_owners = 0, skipped_devices = 0, skipped_xattrs = 0,
        skipped_mounts = 0, note = "" }
end

function Stage:import()
    return self
end

--- Nothing has to reach a disk.
function Stage.seal()
    return true
end

function M:stage(ns, parent)
    self:open()
    local _, err = find_parent(self, ns, parent)
    if err then
        return nil, err
    end
    return setmetatable({}, Stage)
end

function M:adopt(ns, _, name, parent, labels)
    self:open()
    local wrong = valid.key("namespace", ns) or valid.key("name", name) or valid.labels(labels)
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    return self:write(("import '%s'"):format(name:sub(1, 60)), function()
        local below, err = find_parent(self, ns, parent)
        if err then
            return nil, err
        end
        local row
        row, err = insert(self, { ns = ns, key = name, kind = "committed", parent = below, labels = valid.kept(labels),
            size = LAYER.size, inodes = LAYER.inodes })
        if not row then
            return nil, err
        end
        if below then
            rows.used(self, below, row.created)
        end
        self:tell("/snapshot/commit", row, { name = name, parent = parent, labels = row.labels })
        return true
    end)
end

return M
