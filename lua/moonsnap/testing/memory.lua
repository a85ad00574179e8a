--- A store without a disk: the engine's rows, events, leases, pins and transactions as Lua tables, to test policies.
---
---     local engine = memory.new { core = moonsnap, clock = function() return 0 end }
---     local store = snapshotter.new(moonsnap, engine, "default")     everything above the engine is the real one
---
--- What it refuses, and in which words, the engine refuses too: the contract suite and random calls against a real
--- store hold it to that. It has no files: mounts are only recorded, usage is what a test says (`engine:set_usage`),
--- import makes a row and reads nothing, diff and run are unimplemented.
---
---     state.rows[number]   everything of a snapshot      state.names[namespace][key]   its number
---     state.journal        what to write back when a transaction is rolled back

local M = {}

---@class moonsnap.testing.Engine: moonsnap.core.Store
---@field failure fun(kind: string, message: string): moonsnap.Error
---@field clock   fun(): integer  nanoseconds
---@field state   table
local Engine = {}
local meta = { __index = Engine, __name = "moonsnap.testing.engine" }

for _, part in ipairs { "making", "removing", "looking", "leases", "pins", "mounting", "events", "survey", "plans",
    "spaces" } do
    for name, verb in pairs(require("moonsnap.testing.memory." .. part)) do
        Engine[name] = verb
    end
end

---@class moonsnap.testing.MemoryOptions
---@field core   table            error, filter: the module moonsnap will do
---@field clock? fun(): integer   nanoseconds since 1970; the core's own without
---@field root?  string           what it says its root is; "/memory"
---@field alive? fun(pid: integer): boolean  is a process that owns something still there; without: yes

--- An empty store.
---@param options moonsnap.testing.MemoryOptions
---@return moonsnap.testing.Engine
function M.new(options)
    local core = options.core
    return setmetatable({
        failure = core.error, filter = core.filter, clock = options.clock or core.sys.now,
        root = options.root or "/memory", alive = options.alive or function() return true end,
        opened = true, marks = {}, writing = 0, disk = { size = 1 << 40, free = 1 << 39 },
        state = {
            rows = {}, names = {}, children = {}, events = {}, leases = {}, held = {}, records = {}, mounts = {},
            cursors = {}, plans = {}, tenants = {}, counters = { number = 0, sequence = 0, at = 0 }, journal = {},
        },
    }, meta)
end

--- nil and an error of ours; context goes before the text.
function Engine:fail(kind, text, ...)
    return nil, self.failure(kind, select("#", ...) > 0 and text:format(...) or text)
end

--- Raises when it is closed, as every verb of the engine does.
function Engine:open()
    if not self.opened then
        error("store is closed", 3)
    end
end

--- Writes a field of a table of the state, so that it can be taken back.
function Engine:set(where, name, value)
    local journal = self.state.journal
    journal[#journal + 1] = { where, name, where[name] }
    where[name] = value
end

--- The time, in nanoseconds; later at each call, as an engine's clock is.
function Engine:now()
    local counters = self.state.counters
    counters.at = math.max(self.clock(), counters.at + 1)
    return counters.at
end

local function roll_back(self, mark)
    local journal = self.state.journal
    for at = #journal, mark + 1, -1 do
        local entry = journal[at]
        entry[1][entry[2]] = entry[3]
        journal[at] = nil
    end
end

--- Runs a verb in a transaction of its own, or in a savepoint of the one that is open.
---@param doing string   goes before the text of an error
---@param fn fun(): any, moonsnap.Error?
function Engine:write(doing, fn)
    local mark = #self.state.journal
    self.writing = self.writing + 1
    local value, err = fn()
    self.writing = self.writing - 1
    if value == nil then
        roll_back(self, mark)
        return nil, doing and self.failure(err.kind, doing .. ": " .. err.message) or err
    end
    if #self.marks == 0 and self.writing == 0 then
        self.state.journal = {} -- nothing is left that could be taken back
    end
    return value
end

local guard = { __name = "moonsnap.testing.transaction" }
guard.__index = guard

function guard:begin()
    self.depth = #self.engine.marks + 1
    self.engine.marks[self.depth] = #self.engine.state.journal
    return true
end

guard.try = guard.begin

local function ends(self)
    local marks = self.engine.marks
    if #marks ~= self.depth then
        error("transaction: an inner one is open", 3)
    end
    self.depth = nil
    return table.remove(marks)
end

function guard:commit()
    ends(self)
    if #self.engine.marks == 0 then
        self.engine.state.journal = {}
    end
    return true
end

function guard:rollback()
    if self.depth then
        roll_back(self.engine, ends(self))
    end
end

guard.__close = guard.rollback

function Engine:transaction()
    self:open()
    return setmetatable({ engine = self }, guard)
end

function Engine:depth()
    return #self.marks
end

function Engine:is_open()
    return self.opened
end

function Engine:close()
    if self.opened then
        roll_back(self, 0)
        self.opened = false
    end
end

function Engine:facts()
    return { root = self.root, driver = "overlay", xattrs = "trusted", durability = "layer", other_world = false }
end

--- Another object on the same rows, which only looks.
function Engine:looking()
    local looker = { close = function() end }
    function looker.write(_, doing)
        local before = doing and doing .. ": " or ""
        return self:fail("failed_precondition", "%sthe store was opened for looking only", before)
    end
    return setmetatable(looker, { __index = self, __name = meta.__name })
end

--- One state of the rows for several reads: there is always one.
function Engine.hold()
    return true
end

Engine.release = Engine.hold

return M
