--- Pins: what stays, until when, and why.

local rfc3339 = require "moonsnap.rfc3339"

local rows = require "moonsnap.testing.memory.rows"

local M = {}

local REASON_MAX = 1024

local function holds(self, pin)
    return pin.until_ == nil or pin.until_ > self.clock()
end

function M:refuse_pinned(row, doing)
    local pin = row.pin
    if not pin or not holds(self, pin) then
        return true
    end
    local till = pin.until_ and " until " .. rfc3339.format(pin.until_) or ""
    return self:fail("failed_precondition", "cannot %s a snapshot that is pinned%s%s; unpin it first", doing, till,
        pin.reason ~= "" and ": " .. pin.reason or "")
end

function M:pin(ns, key, reason, until_)
    self:open()
    reason = reason or ""
    until_ = until_ ~= 0 and until_ or nil
    if #reason > REASON_MAX or not utf8.len(reason) then
        return self:fail("invalid_argument", "pin '%s': a reason is UTF-8 of at most %d bytes", key, REASON_MAX)
    end
    return self:write(("pin '%s'"):format(key:sub(1, 60)), function()
        local row, err = rows.find(self, ns, key)
        if not row then
            return nil, err
        end
        self:set(row, "pin", { reason = reason, created = self:now(), until_ = until_ })
        self:tell("/moonsnap/pin", row,
            { key = key, labels = row.labels, data = { reason = reason, ["until"] = until_ } })
        return true
    end)
end

function M:unpin(ns, key)
    self:open()
    return self:write(("unpin '%s'"):format(key:sub(1, 60)), function()
        local row, err = rows.find(self, ns, key)
        if not row then
            return nil, err
        elseif not row.pin then
            return self:fail("not_found", "it is not pinned")
        end
        self:set(row, "pin", nil)
        self:tell("/moonsnap/unpin", row, { key = key, labels = row.labels })
        return true
    end)
end

function M:pins(ns)
    self:open()
    local list = {}
    for number = 1, self.state.counters.number do
        local row = self.state.rows[number]
        if row and row.ns == ns and row.pin then
            local pin = row.pin
            list[#list + 1] = { key = row.key, reason = pin.reason, created = pin.created, until_ = pin.until_,
                ended = not holds(self, pin) or nil }
        end
    end
    return list
end

return M
