--- The verbs that remove rows.

local rows = require "moonsnap.testing.memory.rows"
local valid = require "moonsnap.testing.memory.valid"

local M = {}

--- Does a child, a pin or a mount keep a row?
local function refuse_kept(self, row)
    if rows.refuse(self, row) then
        return self:fail("failed_precondition", "cannot remove a snapshot that has children: remove them first")
    end
    local ok, err = self:refuse_pinned(row, "remove")
    if not ok then
        return nil, err
    end
    return self:refuse_mounted(row, "remove")
end

local function remove_row(self, ns, row)
    self:let_go(ns, row.key)
    rows.delete(self, row)
    self:tell("/snapshot/remove", row, { key = row.key, labels = row.labels })
    return true
end

function M:remove(ns, key)
    self:open()
    local wrong = valid.key("namespace", ns) or valid.key("key", key)
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    return self:write(("remove '%s'"):format(key:sub(1, 60)), function()
        local row, err = rows.find(self, ns, key)
        if not row then
            return nil, err
        end
        local ok
        ok, err = refuse_kept(self, row)
        if not ok then
            return nil, err
        end
        return remove_row(self, ns, row)
    end)
end

--- Why a row is not what somebody saw, or nil.
local function changed(row, seen)
    if row.number ~= seen.number then
        return "another snapshot has its name by now"
    elseif row.used ~= seen.used or row.use_count ~= seen.use_count then
        return "used since it was looked at"
    elseif row.updated ~= seen.updated then
        return "changed since it was looked at"
    end
end

--- Removes what is still as it was seen; with look only says what would come of that.
function M:evict(ns, key, seen, look)
    self:open()
    return self:write(nil, function()
        local row, err = rows.find(self, ns, key)
        if not row then
            return nil, err
        end
        local why = changed(row, seen)
        if why then
            return self:fail("aborted", why)
        end
        local ok
        ok, err = refuse_kept(self, row)
        if not ok then
            return nil, err
        end
        local lease = self:leased_by(ns, key)
        if lease then
            return self:fail("failed_precondition", "held by lease '%s'", lease)
        end
        return look or remove_row(self, ns, row)
    end)
end

--- There is no disk that could be full.
function M.spend_reserve()
    return false
end

return M
