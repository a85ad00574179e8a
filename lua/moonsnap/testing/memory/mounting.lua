--- Mounts, which are recorded and nothing else: what is mounted cannot be removed or committed.

local rows = require "moonsnap.testing.memory.rows"

local M = {}

local PID = 1 -- in whose name a store in memory mounts

function M:refuse_mounted(row, doing)
    for _, mount in ipairs(self.state.mounts) do
        if mount.number == row.number then
            return self:fail("failed_precondition",
                "cannot %s a snapshot that is mounted (on %s by process %d): unmount it first", doing, mount.target,
                PID)
        end
    end
    return true
end

local function tell(self, topic, mount)
    local row = self.state.rows[mount.number]
    self:tell(topic, row, { key = row.key, labels = row.labels,
        data = { target = mount.target, readonly = mount.readonly } })
end

local function mount_inside(self, ns, key, target, readonly)
    local row, err = rows.find(self, ns, key)
    local ok = row
    if row then
        ok, err = self:mounts(ns, key)
    end
    if not ok then
        return nil, err
    end
    for _, mount in ipairs(self.state.mounts) do
        if mount.number == row.number and not mount.readonly and row.kind == "active" and not readonly then
            return self:fail("failed_precondition", "it is mounted writable already, on %s by process %d",
                mount.target, PID)
        end
    end
    local mount = { number = row.number, target = target, readonly = readonly or row.kind == "view" }
    self:set(self.state.mounts, #self.state.mounts + 1, mount)
    rows.used(self, row, self:now())
    tell(self, "/moonsnap/mount", mount)
    return true
end

--- Where a row is mounted, or nil.
function M:mounted_on(row)
    for _, mount in ipairs(self.state.mounts) do
        if mount.number == row.number then
            return mount.target
        end
    end
end

function M:mount(ns, key, target, readonly)
    self:open()
    local doing = ("mount '%s'"):format(key:sub(1, 60))
    if self:depth() > 0 then
        return self:fail("failed_precondition",
            "%s: a mount cannot be rolled back: mount outside the transaction", doing)
    end
    return self:write(doing, function() return mount_inside(self, ns, key, target, readonly or false) end)
end

function M:unmount(target)
    self:open()
    local mounts = self.state.mounts
    for at = #mounts, 1, -1 do
        if mounts[at].target == target then
            return self:write(nil, function()
                tell(self, "/moonsnap/unmount", mounts[at])
                for next_one = at, #mounts do
                    self:set(mounts, next_one, mounts[next_one + 1])
                end
                return true
            end)
        end
    end
    return self:fail("not_found", "unmount '%s': nothing is mounted there by this store", target)
end

function M:mounted()
    self:open()
    local list = {}
    for i, mount in ipairs(self.state.mounts) do
        local row = self.state.rows[mount.number]
        list[i] = { namespace = row.ns, key = row.key, target = mount.target, pid = PID, here = true,
            readonly = mount.readonly }
    end
    return list
end

return M
