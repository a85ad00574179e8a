--- What a test is given: `test("name", function(t) ... end)`. docs/testing-policies.md is the page for authors.

local arguments = require "moonsnap.arguments"
local facts = require "moonsnap.gc.facts"
local planner = require "moonsnap.gc.plan"
local suggest = require "moonsnap.suggest"
local units = require "moonsnap.units"

local M = {}

local CALLER = { uid = "integer", gid = "integer", pid = "integer", door = "string", endpoint = "string" }
local LAYER = { labels = "table", size = "any", inodes = "integer" }
local DISK = { size = "any", free = "any" }
local ANSWERED = { append = true, post = true, spawn = true }

--- A failed expectation: raised, and told with its line.
local FAILED = { __tostring = function(failed) return failed.message end }
M.FAILED = FAILED

---@class moonsnap.testing.Case
---@field store moonsnap.Store  the policy's hooks stand before it
---@field world moonsnap.testing.World
local Case = {}
Case.__index = Case

---@param world moonsnap.testing.World
---@return moonsnap.testing.Case
function M.new(world)
    return setmetatable({ store = world.store, world = world }, Case)
end

local function fail(message, ...)
    error(setmetatable({ message = select("#", ...) > 0 and message:format(...) or message, trace = debug.traceback() },
        FAILED), 0)
end

--- A value on one line, names in order.
local function shown(value, depth)
    if type(value) == "string" then
        return ("%q"):format(value):gsub("\\\n", "\\n")
    elseif type(value) ~= "table" then
        return tostring(value)
    elseif value.kind and value.message then
        return ("%s: %s"):format(value.kind, value.message)
    elseif (depth or 0) > 4 then
        return "{...}"
    end
    local names, parts = {}, {}
    for name in pairs(value) do
        names[#names + 1] = name
    end
    table.sort(names, function(a, b)
        if type(a) == type(b) and type(a) ~= "boolean" then
            return a < b
        end
        return type(a) == "number"
    end)
    for i, name in ipairs(names) do
        local text = shown(value[name], (depth or 0) + 1)
        parts[i] = name == i and text or ("%s = %s"):format(tostring(name), text)
    end
    return #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
end

local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then
        return a == b
    end
    for name, value in pairs(a) do
        if not same(value, b[name]) then
            return false
        end
    end
    for name in pairs(b) do
        if a[name] == nil then
            return false
        end
    end
    return true
end

--- Expecting -----------------------------------------------------------------------------------

--- Both are the same, tables by what they hold.
function Case.equal(expected, got, why)
    if not same(expected, got) then
        fail("%sexpected %s, got %s", why and why .. ": " or "", shown(expected), shown(got))
    end
end

--- It is neither nil nor false.
function Case.truthy(value, why)
    if not value then
        fail("%sexpected something, got %s", why and why .. ": " or "", shown(value))
    end
    return value
end

--- fn(...) raises something whose text has the fragment in it.
function Case.throws(fragment, fn, ...)
    local ok, raised = pcall(fn, ...)
    if ok then
        fail("expected it to raise %s, and it did not", shown(fragment))
    elseif not tostring(raised):find(fragment, 1, true) then
        fail("expected it to raise %s, got %s", shown(fragment), tostring(raised))
    end
end

--- The call went through: `local mounts = t:allowed(t.store:prepare("a"))`. Answers what it answered.
function Case.allowed(_, value, err, ...)
    if value == nil and err ~= nil then
        fail("expected it to be allowed, got %s", shown(err))
    end
    return value, err, ...
end

--- The call was refused with a kind and a text: `t:denied("resource_exhausted", "10", t.store:prepare("a"))`, or with
--- a function and its arguments in place of what the call answered.
function Case.denied(_, kind, fragment, ...)
    arguments.need("t:denied", "kind", kind, "string")
    arguments.need("t:denied", "fragment", fragment, "string")
    local value, err = ...
    if type(value) == "function" then
        value, err = value(select(2, ...))
    end
    if value ~= nil or err == nil then
        fail("expected %s, and %s", kind, select("#", ...) > 0 and "it was allowed" or "no call stands there")
    elseif err.kind ~= kind or not err.message:find(fragment, 1, true) then
        fail("expected %s with %s, got %s", kind, shown(fragment), shown(err))
    end
    return err
end

--- Arranging -----------------------------------------------------------------------------------

--- Moves the clock forward: "2h", "7d", 90. Timers of automation that come due run.
function Case:advance(duration)
    local seconds, wrong = units.parse_duration(duration)
    if not seconds then
        error("t:advance: " .. wrong, 2)
    end
    self.world:advance(seconds)
end

--- The time, in nanoseconds since 1970.
function Case:now()
    return self.world.now
end

--- Whoever acts from now on: uid, gid, pid, door ("module", "command", "service"), endpoint. What is left out is root
--- in the module. With fn: for that call alone, and what it answers.
function Case:as(caller, fn, ...)
    arguments.options("t:as", caller, CALLER)
    local hooks, one = self.world.hooks, { door = "module", uid = 0, gid = 0, pid = 1 }
    for name, value in pairs(caller or {}) do
        one[name] = value
    end
    if fn then
        return hooks:as(one, fn, ...)
    end
    hooks.caller = one
end

--- A committed snapshot, in one call: options are labels, size (bytes or "10MiB"), inodes. The hooks are asked.
function Case:layer(name, parent, options)
    options = arguments.options("t:layer", options, LAYER)
    local key = "layer " .. name
    self:allowed(self.store:prepare(key, parent))
    self:allowed(self.store:commit(name, key, { labels = options.labels }))
    if options.size then
        self:usage(name, options.size, options.inodes)
    end
    return name
end

--- Says what the layer of a snapshot takes.
function Case:usage(key, size, inodes)
    local bytes, wrong = units.parse_size(size)
    if not bytes then
        error("t:usage: " .. wrong, 2)
    end
    self:allowed(self.world.engine:set_usage(self.store.name_space, key, bytes, inodes))
end

--- Says what the file system has: `t:disk{ size = "1TiB", free = "50GiB" }`.
function Case:disk(sizes)
    arguments.options("t:disk", sizes, DISK)
    for name, size in pairs(sizes) do
        local bytes, wrong = units.parse_size(size)
        if not bytes then
            error("t:disk: " .. wrong, 2)
        end
        self.world.engine.disk[name] = bytes
    end
end

--- A process ends: what it owns, and leases that are bound to it, are held no longer.
function Case:exit(pid)
    self.world.gone[pid] = true
end

--- What append, post or spawn of an automation file answers: a function of what it was asked.
function Case:answer(word, fn)
    arguments.need("t:answer", "fn", fn, "function")
    if not ANSWERED[word] then
        error("t:answer: " .. suggest.unknown("word", tostring(word), ANSWERED), 2)
    end
    self.world.answers[word] = fn
end

--- Looking -------------------------------------------------------------------------------------

--- The events so far, oldest first; with a topic, those of it.
function Case:events(topic)
    local list = {}
    for event in self.store:events() do
        list[#list + 1] = (topic == nil or event.topic == topic) and event or nil
    end
    return list
end

--- Delivers to after-hooks what is due: what is new, and what failed and is to come again by now.
function Case:deliver()
    self.world:deliver()
end

--- Deliveries that failed so far: hook, event, why, attempts, given_up.
function Case:failures()
    return table.move(self.world.failures, 1, #self.world.failures, 1, {})
end

--- What automation asked for so far, oldest first: word ("append", "post", "spawn"), and path, line, socket, body,
--- argv.
function Case:effects(word)
    local list = {}
    for _, effect in ipairs(self.world.effects) do
        list[#list + 1] = (word == nil or effect.word == word) and effect or nil
    end
    return list
end

--- What the policy has logged.
function Case:logged()
    return table.move(self.world.logged, 1, #self.world.logged, 1, {})
end

--- Collects as `moonsnap gc --force` does: makes a plan, asks hooks of evict, removes. Answers what came of it:
--- removed, vetoed, busy (how many), skipped[i].key, .outcome and .text.
function Case:collect()
    local gc = self.store:gc()
    local plan = self:allowed(gc:plan())
    if not plan.id then
        return { removed = 0, vetoed = 0, busy = 0, skipped = {} }
    end
    return self:allowed(gc:apply(plan.id, { force = true }))
end

--- What retention would do now: the plan, with `removed` and `kept`, names in order, and `why[name]`, the reason.
function Case:plan(options)
    local store, world = self.store, self.world
    local read = assert(facts.read(store.engine, store.name_space))
    local state = {
        namespace = store.name_space, now = world.now, filesystem = store.engine:filesystem(), trigger = "manual",
        filter = world.moonsnap.filter, failure = world.moonsnap.error,
    }
    for name, value in pairs(options or {}) do
        state[name] = value
    end
    local plan = self:allowed(planner.plan(read, world.policy and world.policy.retention or {}, state))
    plan.removed, plan.kept, plan.why = {}, {}, {}
    for _, item in ipairs(plan.items) do
        local list = item.verdict == "remove" and plan.removed or plan.kept
        list[#list + 1], plan.why[item.key] = item.key, item.reason
    end
    table.sort(plan.removed)
    table.sort(plan.kept)
    return plan
end

return M
