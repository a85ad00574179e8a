--- The event exchange: what is published goes to everybody who subscribed at that moment.
---
--- A store's own events come from its outbox, rows written in the transaction of the change, so that changes of
--- other processes are told too. Nobody who listens slows anything down: a subscriber that falls too far behind
--- is cut off, and told so.

local M = {}

local TOPICS = { -- of the outbox, those that containerd knows
    ["/snapshot/prepare"] = { "containerd.events.SnapshotPrepare", { "key", "parent" } },
    ["/snapshot/commit"] = { "containerd.events.SnapshotCommit", { "key", "name" } },
    ["/snapshot/remove"] = { "containerd.events.SnapshotRemove", { "key" } },
}
local PAGE = 256                          -- events that are read in one go
local BEHIND_MAX = 10000                  -- envelopes that wait for one subscriber
local BEHIND_BYTES_MAX = 64 * 1024 * 1024 -- and their bytes

---@class moonsnap.service.Envelope
---@field timestamp integer
---@field namespace string
---@field topic     string
---@field event     {type_url: string, value: string}

---@class moonsnap.service.Subscriber
---@field queue  moonsnap.service.Envelope[]
---@field first  integer
---@field last   integer
---@field bytes  integer    of what is in the queue
---@field lost   boolean    it fell behind: what waits is sent, and nothing more is added
---@field wake?  function   set while it waits

---@class moonsnap.service.Exchange
---@field subscribers table<moonsnap.service.Subscriber, true>
---@field outboxes    table[]
---@field waiting     table<function, table>  what wakes streams that read the outbox themselves
---@field ticks       function[]              called with each pump: deliveries
local Exchange = {}
Exchange.__index = Exchange

---@param message moonsnap.core.Message
---@return moonsnap.service.Exchange
function M.new(message)
    return setmetatable({ message = message, subscribers = {}, outboxes = {}, waiting = {}, ticks = {}, count = 0,
        published = 0 }, Exchange)
end

--- Tells of a store's changes from now on; for a snapshotter that is followed already, of this store's instead.
---@param engine moonsnap.core.Store  the reading side
---@param snapshotter string          its name in the events
---@param name_space? string          only this namespace's
function Exchange:follow(engine, snapshotter, name_space)
    local at = #self.outboxes + 1
    for i, outbox in ipairs(self.outboxes) do
        if outbox.snapshotter == snapshotter then
            at = i
        end
    end
    local before = self.outboxes[at]
    self.outboxes[at] = {
        engine = engine, snapshotter = snapshotter, name_space = name_space,
        cursor = before and before.engine == engine and before.cursor or engine:last_event() or 0,
    }
end

--- What is followed now, for following it again.
---@return table[]
function Exchange:followed()
    return table.move(self.outboxes, 1, #self.outboxes, 1, {})
end

---@param followed table[]
function Exchange:follow_again(followed)
    self.outboxes = followed
end

--- What an event of a known type says, for filters; nothing for others.
local function add_fields(exchange, fields, event)
    local known
    for _, topic in pairs(TOPICS) do
        known = known or topic[1] == event.type_url
    end
    local content = known and exchange.message.type(event.type_url):decode(event.value)
    for name, value in pairs(content or {}) do
        if value ~= "" then
            fields["event." .. name] = value
        end
    end
end

local function matches(filter, fields)
    return not filter or filter:match_fields(fields)
end

local function size_of(envelope)
    return #envelope.topic + #envelope.event.type_url + #envelope.event.value
end

local function deliver(subscriber, envelope)
    if subscriber.lost or subscriber.last - subscriber.first >= BEHIND_MAX or subscriber.bytes > BEHIND_BYTES_MAX then
        subscriber.lost = true
    else
        subscriber.last = subscriber.last + 1
        subscriber.bytes = subscriber.bytes + size_of(envelope)
        subscriber.queue[subscriber.last] = envelope
    end
    local wake = subscriber.wake
    if wake then
        subscriber.wake = nil
        wake()
    end
end

---@param envelope moonsnap.service.Envelope
function Exchange:publish(envelope)
    self.published = self.published + 1
    local fields
    local chosen = {}
    for subscriber in pairs(self.subscribers) do
        if subscriber.filter and not fields then
            fields = { namespace = envelope.namespace, topic = envelope.topic }
            add_fields(self, fields, envelope.event)
        end
        if matches(subscriber.filter, fields) then
            chosen[#chosen + 1] = subscriber
        end
    end
    for _, subscriber in ipairs(chosen) do
        deliver(subscriber, envelope)
    end
end

local function envelope_of(exchange, outbox, row)
    local topic = TOPICS[row.topic]
    local content = { snapshotter = outbox.snapshotter }
    for _, name in ipairs(topic[2]) do
        content[name] = row[name]
    end
    return {
        timestamp = row.at, namespace = row.namespace, topic = row.topic,
        event = { type_url = topic[1], value = exchange.message.type(topic[1]):encode(content) },
    }
end

--- Calls wake once there is an event behind since. Whoever waits costs nothing but that: he reads on by himself.
---@param engine moonsnap.core.Store
---@param since integer
---@param wake function
function Exchange:wait(engine, since, wake)
    self.waiting[wake] = { engine = engine, since = since }
end

--- Hands out to those who wait, and to readers in the store.
local function wake_all(exchange)
    if next(exchange.waiting) == nil then
        return
    end
    local due
    local newest = {} -- by engine
    for wake, waits in pairs(exchange.waiting) do
        local engine = waits.engine
        newest[engine] = newest[engine] or engine:last_event() or math.maxinteger
        if newest[engine] > waits.since then
            due = due or {}
            due[#due + 1] = wake
        end
    end
    for _, wake in ipairs(due or {}) do
        exchange.waiting[wake] = nil
        wake()
    end
end

--- Publishes what was written to the outboxes since the last time. Cheap when nobody subscribes.
function Exchange:pump()
    wake_all(self)
    for _, tick in ipairs(self.ticks) do
        tick()
    end
    if next(self.subscribers) == nil then
        return
    end
    for _, outbox in ipairs(self.outboxes) do
        local more = true
        while more do
            local rows, cursor
            rows, cursor, more = outbox.engine:events(outbox.cursor, PAGE, outbox.name_space)
            if not rows then
                break -- read again at the next turn
            end
            outbox.cursor = cursor
            for _, row in ipairs(rows) do
                if TOPICS[row.topic] then
                    self:publish(envelope_of(self, outbox, row))
                end
            end
        end
    end
end

--- Begins to listen: to all, or to what a filter selects.
---@param filter? moonsnap.Filter
---@return moonsnap.service.Subscriber
function Exchange:subscribe(filter)
    if next(self.subscribers) == nil then
        for _, outbox in ipairs(self.outboxes) do
            outbox.cursor = outbox.engine:last_event() or outbox.cursor
        end
    end
    local subscriber = { filter = filter, queue = {}, first = 1, last = 0, bytes = 0, lost = false }
    self.subscribers[subscriber] = true
    self.count = self.count + 1
    return subscriber
end

---@param subscriber moonsnap.service.Subscriber
---@return moonsnap.service.Envelope?
function M.take(subscriber)
    local envelope = subscriber.queue[subscriber.first]
    if envelope then
        subscriber.queue[subscriber.first] = nil
        subscriber.first = subscriber.first + 1
        subscriber.bytes = subscriber.bytes - size_of(envelope)
    end
    return envelope
end

function Exchange:leave(subscriber)
    if self.subscribers[subscriber] then
        self.subscribers[subscriber] = nil
        self.count = self.count - 1
    end
end

return M
