--- What a planner asks of a namespace, in memory.

local rows = require "moonsnap.testing.memory.rows"

local M = {}

local Survey = { __name = "moonsnap.testing.survey", __close = function() end }
Survey.__index = Survey
Survey.close = Survey.__close

function Survey:count()
    return #self.facts
end

--- The next facts, count at most; nothing at the end.
function Survey:take(count)
    local list = table.move(self.facts, self.at, math.min(#self.facts, self.at + count - 1), 1, {})
    self.at = self.at + #list
    return #list > 0 and list or nil
end

local function owner_of(self, row)
    if not row.owner then
        return nil
    end
    return self.alive(row.owner) and "alive" or "dead"
end

local function pinned(self, row)
    local pin = row.pin
    if pin and (pin.until_ == nil or pin.until_ > self.clock()) then
        return { reason = pin.reason, until_ = pin.until_ }
    end
end

--- Facts of every snapshot of a namespace, by number.
function M:survey(ns)
    self:open()
    local facts = {}
    for number = 1, self.state.counters.number do
        local row = self.state.rows[number]
        if row and row.ns == ns then
            local fact = rows.info(row)
            fact.size = row.kind == "committed" and row.size or 0
            fact.inodes = row.kind == "committed" and row.inodes or 0
            fact.depth, fact.pinned, fact.owner = #rows.chain(row), pinned(self, row), owner_of(self, row)
            fact.leased, fact.leased_flat = self:leased_by(ns, row.key)
            fact.mounted = self:mounted_on(row)
            facts[#facts + 1] = fact
        end
    end
    return setmetatable({ facts = facts, at = 1 }, Survey)
end

--- Which layers are mounted: what this store mounted; nothing is unknown.
function M:in_use()
    self:open()
    local sure = {}
    for _, mount in ipairs(self.state.mounts) do
        sure[mount.number] = true
    end
    return { sure = sure, maybe = {}, unknown = 0 }
end

return M
