--- Where readers of an outbox are, as long as this process delivers: read once, moved in memory, written when told to.

local dkjson = require "dkjson"

local readable = require "moonsnap.readable"

local M = {}

local GIVEN_UP = "/moonsnap/given_up"

---@class moonsnap.events.Place
---@field sequence integer  of the last event that the reader is done with
---@field kept     integer  what stands in the store
---@field attempts integer  that failed on the one that follows
---@field due      integer  when to try that one again; 0: at once
---@field given_up integer
---@field error    string
---@field dirty    boolean  it is to be written
---@field lost?    {event: moonsnap.Event, why: string}[]  given up since it was written

---@class moonsnap.events.Places
---@field known table<string, moonsnap.events.Place>
local Places = {}
Places.__index = Places

---@param engine moonsnap.core.Store  reads
---@param write  fun(fn: fun(engine: moonsnap.core.Store): true?, moonsnap.Error?): any, moonsnap.Error?
---@return moonsnap.events.Places
function M.new(engine, write)
    return setmetatable({ engine = engine, write = write, known = {} }, Places)
end

--- Forgets all: others have moved them.
function Places:forget()
    self.known = {}
end

--- Where a reader is; one that was never seen begins behind the event begin, or behind the newest one.
---@param name string
---@param begin? integer
---@return moonsnap.events.Place? place
---@return moonsnap.Error? err
function Places:of(name, begin)
    if self.known[name] then
        return self.known[name]
    end
    local place, err = self.engine:cursor_get(name)
    if not place and not err and not begin then
        begin, err = self.engine:last_event()
    end
    if err then
        return nil, err
    end
    place = place or { sequence = begin, attempts = 0, due = 0, given_up = 0, error = "", dirty = true }
    place.kept = place.sequence
    self.known[name] = place
    return place
end

--- Writes one place, and what its reader could not be told.
local function keep_one(engine, name, place)
    for _, lost in ipairs(place.lost or {}) do
        local event = lost.event
        local ok, err = engine:add_event(event.namespace ~= "" and event.namespace or "default", GIVEN_UP, event.key,
            dkjson.encode { reader = name, sequence = event.sequence, topic = event.topic,
                error = readable.repaired(lost.why) })
        if not ok then
            return nil, err
        end
    end
    return engine:cursor_set(name, place.sequence, place.attempts, place.due, place.given_up, place.error)
end

--- Writes the places of these readers that moved, in one transaction. When that fails they are written another time.
---@param names string[]
function Places:keep(names)
    local moved = {}
    for _, name in ipairs(names) do
        local place = self.known[name]
        moved[#moved + 1] = place and place.dirty and name or nil
    end
    if #moved == 0 then
        return
    end
    local ok = self.write(function(engine)
        for _, name in ipairs(moved) do
            local kept, err = keep_one(engine, name, self.known[name])
            if not kept then
                return nil, err
            end
        end
        return true
    end)
    for _, name in ipairs(ok and moved or {}) do
        local place = self.known[name]
        place.dirty, place.lost, place.kept = false, nil, place.sequence
    end
end

--- When the first failed delivery is to be tried again; nil for none.
---@return integer?
function Places:due()
    local first
    for _, place in pairs(self.known) do
        if place.due > 0 and (not first or place.due < first) then
            first = place.due
        end
    end
    return first
end

return M
