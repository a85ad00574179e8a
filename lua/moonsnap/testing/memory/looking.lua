--- The verbs that look.

local rows = require "moonsnap.testing.memory.rows"
local valid = require "moonsnap.testing.memory.valid"

local M = {}

function M:stat(ns, key)
    self:open()
    local row, err = rows.find(self, ns, key)
    if not row then
        return nil, err
    end
    return rows.info(row)
end

local Walk = { __name = "moonsnap.testing.walk" }
Walk.__index = Walk

--- The next row by number that is there now and matches.
function Walk:next()
    local state = self.engine.state
    while self.at < state.counters.number do
        self.at = self.at + 1
        local row = state.rows[self.at]
        local info = row and row.ns == self.ns and rows.info(row)
        if info and (not self.filter or self.filter:match(info)) then
            return info
        end
    end
end

Walk.__close = function() end

function M:walk(ns, filter)
    self:open()
    return setmetatable({ engine = self, ns = ns, filter = filter, at = 0 }, Walk)
end

--- Rows of all namespaces.
function M:count()
    self:open()
    local counts = { view = 0, active = 0, committed = 0 }
    for _, row in pairs(self.state.rows) do
        counts[row.kind] = counts[row.kind] + 1
    end
    return counts
end

--- How many rows match, and what they are known to take: of an active nothing is known yet.
function M:sum(ns, filter)
    local count, size, inodes = 0, 0, 0
    local walk = self:walk(ns, filter)
    local info = walk:next()
    while info do
        local row = self.state.rows[info.number]
        local known = row.kind == "committed"
        count, size, inodes = count + 1, size + (known and row.size or 0), inodes + (known and row.inodes or 0)
        info = walk:next()
    end
    return count, size, inodes
end

--- What a test says of the file system, or a large and empty one.
function M:filesystem()
    self:open()
    return { size = self.disk.size, free = self.disk.free }
end

function M:explain()
    self:open()
    return "every row, in memory"
end

function M:check_namespace(name)
    local wrong = valid.key("namespace", name)
    if wrong then
        return self:fail("invalid_argument", wrong)
    end
    return true
end

function M:namespaces()
    self:open()
    local seen, names = {}, {}
    for _, row in pairs(self.state.rows) do
        if not seen[row.ns] then
            seen[row.ns], names[#names + 1] = true, row.ns
        end
    end
    table.sort(names)
    return names
end

function M:layers(ns, key)
    self:open()
    local row, err = rows.find(self, ns, key)
    if not row then
        return nil, err
    end
    local own = row.kind ~= "view" or row.parent == nil
    local layers = { own = own }
    for _, each in ipairs(rows.chain(own and row or row.parent)) do
        layers[#layers + 1] = ("%s/layers/%d"):format(self.root, each.number)
    end
    return layers
end

--- Work that is done at once, which is what steps come to without files.
local Done = { __name = "moonsnap.testing.work", __close = function() end }
Done.__index = Done
Done.close = Done.__close

function Done.step()
    return false
end

function Done.done()
    return { entries = 0, bytes = 0 }
end

function Done:usage()
    return self.value
end

Done.result = Done.usage

local function done(value)
    return setmetatable({ value = value }, Done)
end

function M:usage(ns, key)
    self:open()
    local row, err = rows.find(self, ns, key)
    if not row then
        return nil, err
    end
    return done { size = row.size, inodes = row.inodes }
end

--- Says what the layer of a snapshot takes.
---@param ns string
---@param key string
---@param size integer    bytes
---@param inodes? integer
function M:set_usage(ns, key, size, inodes)
    local row, err = rows.find(self, ns, key)
    if not row then
        return nil, err
    end
    self:set(row, "size", size)
    self:set(row, "inodes", inodes or row.inodes)
    return true
end

function M:seal(ns, key)
    self:open()
    local row, err = rows.find(self, ns, key)
    if row and row.kind ~= "active" then
        row, err = rows.inactive(self, row)
    end
    if not row then
        return nil, self.failure(err.kind, ("seal '%s': %s"):format(key:sub(1, 60), err.message))
    end
    return done { size = row.size, inodes = row.inodes }
end

function M:diff(ns, key)
    self:open()
    local row, err = rows.find(self, ns, key)
    if not row then
        return nil, err
    end
    return self:fail("unimplemented", "diff '%s': a store in memory has no files", key)
end

function M:run(ns, key)
    self:open()
    local row, err = rows.find(self, ns, key)
    if not row then
        return nil, err
    end
    return self:fail("unimplemented", "run in '%s': a store in memory has no files", key)
end

--- What belongs to processes that are gone.
function M:abandoned()
    self:open()
    local numbers, list = {}, {}
    for number, row in pairs(self.state.rows) do
        if row.owner and not self.alive(row.owner) then
            numbers[#numbers + 1] = number
        end
    end
    table.sort(numbers)
    for i, number in ipairs(numbers) do
        local row = self.state.rows[number]
        list[i] = { namespace = row.ns, key = row.key }
    end
    return list
end

--- Removes what belongs to processes that are gone, unless that is to be spared; there is nothing else to free.
function M:cleanup(_, spare)
    self:open()
    local abandoned = 0
    for _, one in ipairs(spare and {} or self:abandoned()) do
        local stays = self:leased_by(one.namespace, one.key)
        abandoned = abandoned + (not stays and self:remove(one.namespace, one.key) and 1 or 0)
    end
    return done { orphans = 0, abandoned = abandoned, quarantined = 0, stages = 0, entries = 0, kept = 0 }
end

--- There is nothing to sweep: a removed layer is gone.
function M:sweep()
    self:open()
    return done {}
end

--- Rows and directories cannot disagree.
function M:check()
    self:open()
    return {}
end

return M
