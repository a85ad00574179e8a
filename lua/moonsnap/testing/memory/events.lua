--- The outbox in memory, which keeps everything; and where its readers are.

local dkjson = require "dkjson"

local M = {}

local ID = "0000000000000000" -- of the store, in cursors

--- Puts an event row behind the others.
---@param topic string
---@param row {ns: string, number: integer}
---@param fields {key?: string, name?: string, parent?: string, labels?: table<string, string>, data?: table}
function M:tell(topic, row, fields)
    local counters, events = self.state.counters, self.state.events
    self:set(counters, "sequence", counters.sequence + 1)
    self:set(events, #events + 1, {
        sequence = counters.sequence, cursor = ("%s-%d"):format(ID, counters.sequence), at = self:now(), topic = topic,
        namespace = row.ns, number = row.number, key = fields.key or "", name = fields.name or "",
        parent = fields.parent or "", labels = fields.labels or {}, data = fields.data and dkjson.encode(fields.data),
    })
end

--- An event as filters see it.
local function fields_of(event)
    local fields = {}
    for _, name in ipairs { "topic", "namespace", "key", "name", "parent" } do
        fields[name] = event[name]
    end
    for name, value in pairs(event.labels) do
        fields["labels." .. name] = value
    end
    return fields
end

local function copy_of(event)
    local copy = {}
    for name, value in pairs(event) do
        copy[name] = value
    end
    copy.labels = {}
    for name, value in pairs(event.labels) do
        copy.labels[name] = value
    end
    return copy
end

--- Of the first limit events behind since those that are asked for; the number of the last one looked at; and whether
--- there may be more.
function M:events(since, limit, ns, filter)
    self:open()
    local list, events = {}, self.state.events
    local last = math.min(#events, math.max(since, 0) + limit)
    for at = math.max(since, 0) + 1, last do -- the first one has the number 1, and none is missing
        local event = events[at]
        if (ns == nil or event.namespace == ns) and (filter == nil or filter:match_fields(fields_of(event))) then
            list[#list + 1] = copy_of(event)
        end
    end
    return list, math.max(since, last), last > math.max(since, 0)
end

function M:last_event()
    self:open()
    return self.state.counters.sequence
end

function M:store_id()
    self:open()
    return ID
end

function M:add_event(ns, topic, key, data)
    self:open()
    if not topic:find("^/moonsnap/.") then
        return self:fail("invalid_argument",
            "write an event: topic '%s': topics of one's own begin with /moonsnap/", topic:sub(1, 80))
    end
    return self:write(nil, function()
        self:tell(topic, { ns = ns, number = 0 }, { key = key, data = data and dkjson.decode(data) })
        return true
    end)
end

function M:cursor_get(name)
    self:open()
    local cursor = self.state.cursors[name]
    if cursor then
        return { sequence = cursor.sequence, updated = cursor.updated, attempts = cursor.attempts,
            due = cursor.due, given_up = cursor.given_up, error = cursor.error }
    end
end

function M:cursor_set(name, sequence, attempts, due, given_up, err)
    self:open()
    return self:write(nil, function()
        self:set(self.state.cursors, name, {
            sequence = sequence, updated = self:now(), attempts = attempts or 0, due = due or 0,
            given_up = given_up or 0, error = err or "",
        })
        return true
    end)
end

function M:cursor_drop(name)
    self:open()
    return self:write(nil, function()
        self:set(self.state.cursors, name, nil)
        return true
    end)
end

function M:cursors()
    self:open()
    local names = {}
    for name in pairs(self.state.cursors) do
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

--- Whoever has the store delivers: there is nobody else.
function M:deliver()
    self:open()
    return setmetatable({ close = function() end }, { __close = function() end })
end

return M
