--- Hands the events of a store's outbox to readers, each in order, until they take them.
---
---     reader takes an event      its cursor moves, and is kept in the store
---     fails (nil, err, raises)   the same event again after 1, 2, 4, ... 60 s; other readers go on meanwhile
---     has failed ten times       it is given up: counted, told as /moonsnap/given_up, and the next one is tried
---
--- A reader that was never seen begins where mark says, or behind the newest event. One process at a time delivers the
--- events of a store: who holds ROOT/delivery, which a service does as long as it lives. Cursors are written after a
--- turn, so that an event may come twice when the process dies in between: at least once, never less.
---
--- A turn does a bounded amount. In a service each reader has a coroutine of its own, and may yield.

local places = require "moonsnap.events.places"
local reader_of = require "moonsnap.events.reader"

local M = {}

local ATTEMPTS = 10
local LONGEST = 60           -- seconds between two attempts
local SECOND = 1000000000
local FAR = 1000             -- events that a reader has passed over until its cursor is kept for that alone
local GIVEN_UP, LOST = "/moonsnap/given_up", "/moonsnap/lost"
local ERROR_MAX = 500        -- bytes of an error that are kept

---@class moonsnap.events.Reader
---@field name   string
---@field match? fun(event: moonsnap.Event): boolean
---@field run    fun(event: moonsnap.Event, store?: table): true?, any  nil, err: it comes again

---@class moonsnap.events.DeliveryOptions
---@field engine  moonsnap.core.Store              reads
---@field readers fun(): moonsnap.events.Reader[]  as they are now; asked at each turn
---@field write   fun(fn: fun(engine: moonsnap.core.Store): true?, moonsnap.Error?): any, moonsnap.Error?  runs fn in
---               a transaction
---@field now     fun(): integer                   nanoseconds since 1970
---@field store?  table | fun(): table?            what a reader's run gets
---@field spawn?  fun(fn: fun())                   runs fn in a coroutine that readers and write may yield: each
---               reader has one of its own, so that one that waits holds up no other
---@field again?  fun()                            with spawn: there may be more to do at once
---@field broken? fun(trace: string)               with spawn: told of a bug
---@field failed? fun(reader: string, event: moonsnap.Event, why: string, attempts: integer, given_up: boolean)

---@class moonsnap.events.Delivery
---@field counts {delivered: integer, failed: integer, given_up: integer}
local Delivery = {}
Delivery.__index = Delivery

---@param options moonsnap.events.DeliveryOptions
---@return moonsnap.events.Delivery
function M.new(options)
    return setmetatable({
        options = options, engine = options.engine, places = places.new(options.engine, options.write),
        active = {}, running = false,
        counts = { delivered = 0, failed = 0, given_up = 0 },
    }, Delivery)
end

--- True when this process is the one that delivers.
local function holds(self)
    if not self.held then
        self.held = self.engine:deliver() -- nil: another process does, or the file cannot be had; asked again later
        self.places:forget() -- others have moved them
    end
    return self.held ~= nil
end

local function text_of(why)
    local text = type(why) == "table" and why.message or tostring(why)
    return (text:gsub("%z.*", "")):sub(1, ERROR_MAX)
end

--- Hands one event over. False: it is to come again.
local function hand_over(self, reader, cursor, event)
    local store = self.options.store
    local ran, ok, err = pcall(reader.run, event, type(store) == "function" and store() or store)
    if ran and ok then
        cursor.attempts, cursor.due, cursor.error, cursor.dirty = 0, 0, "", true
        self.counts.delivered = self.counts.delivered + 1
        return true
    end
    local why = text_of(not ran and ok or err)
    local attempts = cursor.attempts + 1
    local give_up = attempts >= ATTEMPTS
    self.counts.failed = self.counts.failed + 1
    cursor.error, cursor.dirty = why, true
    if give_up then
        self.counts.given_up = self.counts.given_up + 1
        cursor.attempts, cursor.due, cursor.given_up = 0, 0, cursor.given_up + 1
        cursor.lost = cursor.lost or {}
        table.insert(cursor.lost, { event = event, why = why })
    else
        cursor.attempts = attempts
        cursor.due = self.options.now() + math.min(LONGEST, 1 << (attempts - 1)) * SECOND
    end
    if self.options.failed then
        self.options.failed(reader.name, event, why, attempts, give_up)
    end
    return give_up
end

local function concerns(reader, event)
    if event.topic == GIVEN_UP and event.data and event.data.reader == reader.name then
        return false -- it would fail on that one too
    end
    return not reader.match or reader.match(event)
end

--- The reader came too late: counted and told as those that are given up.
local function count_lost(self, reader, cursor, event)
    local count = event.to - event.from + 1
    cursor.given_up, cursor.dirty = cursor.given_up + count, true
    self.counts.given_up = self.counts.given_up + count
    if self.options.failed then
        local why = ("events %d to %d were not kept until it took them"):format(event.from, event.to)
        self.options.failed(reader.name, event, why, 0, true)
    end
end

--- Gives a reader up to budget events. True: there may be more.
local function feed(self, reader, cursor, budget)
    local events, since = self.engine:events(cursor.sequence, budget)
    if not events then
        return false -- the store says why to whoever asks it next
    end
    for _, event in ipairs(reader_of.told(events)) do
        if event.topic == LOST then
            count_lost(self, reader, cursor, event)
        elseif concerns(reader, event) and not hand_over(self, reader, cursor, event) then
            return false
        end
        cursor.sequence = event.sequence
    end
    cursor.sequence = math.max(cursor.sequence, since)
    cursor.dirty = cursor.dirty or cursor.sequence - cursor.kept >= FAR
    return #events >= budget
end

--- Whether a reader is to be fed now.
local function is_due(self, reader, now)
    local cursor = not self.active[reader.name] and self.places:of(reader.name, self.begin)
    return cursor and cursor.due <= now and cursor
end

--- All readers in turn, a share of the budget each, and one transaction for all. True: there may be more.
local function go_round(self, readers, share)
    local now, more, names = self.options.now(), false, {}
    for _, reader in ipairs(readers) do
        local cursor = is_due(self, reader, now)
        more = cursor and feed(self, reader, cursor, share) or more
        names[#names + 1] = reader.name
    end
    self.places:keep(names)
    return more
end

--- One reader, in a coroutine of its own.
local function feed_alone(self, reader, cursor, share)
    local name = reader.name
    local ok, more = xpcall(feed, debug.traceback, self, reader, cursor, share)
    local kept, why = xpcall(self.places.keep, debug.traceback, self.places, { name })
    self.active[name] = nil
    if not ok or not kept then
        self.options.broken(not ok and more or why)
    elseif more and not self.closed then
        self.options.again()
    end
end

--- Sets where a reader begins that was never seen, until this is called again: behind this event, or the newest one.
--- Whoever is about to change the store calls it, so that a new reader is told of that change.
---@param sequence? integer
function Delivery:mark(sequence)
    self.begin = sequence or self.engine:last_event()
end

--- Delivers some of what is there. Does nothing within itself, without readers, and where another process delivers.
---@param budget? integer  events to look at; 256
---@return boolean more  there may be more to do at once; with spawn again() tells
function Delivery:turn(budget)
    if self.running or self.closed then
        return false
    end
    local readers, spawn = self.options.readers(), self.options.spawn
    if #readers == 0 or not holds(self) then
        return false
    end
    local share = math.max(1, (budget or 256) // #readers)
    if not spawn then
        self.running = true
        local ok, more = pcall(go_round, self, readers, share)
        self.running = false
        return ok and more or not ok and error(more, 0)
    end
    local now = self.options.now()
    for _, reader in ipairs(readers) do
        local cursor = is_due(self, reader, now)
        if cursor then
            self.active[reader.name] = true
            spawn(function() feed_alone(self, reader, cursor, share) end)
        end
    end
    return false
end

--- When the first failed delivery is to be tried again: nanoseconds since 1970; nil for none.
---@return integer?
function Delivery:due()
    return self.places:due()
end

--- Leaves delivering to others.
function Delivery:close()
    self.closed = true
    if self.held then
        self.held:close()
        self.held = nil
    end
end

return M
