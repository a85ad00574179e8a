--- The verbs of moonsnap.v1.Control about the outbox:
---
---     events {since, filters, namespace, follow, form}   pages of events; with follow it waits for more, for ever
---     cursor {}                                          where the newest event is
---
--- since is a cursor, a sequence number, or "now". form is "lines" (JSON, in line) or "messages" (in events). Pages are
--- encoded in C and sent when the client has room for them: a client that does not read costs one page. Both take
--- {snapshotter} too.

local cursor = require "moonsnap.events.cursor"

local M = {}

local PAGE = 512 -- events that are looked at in one go; PAGE_BYTES of bind/event.c bounds what they become

local KNOWN = {
    snapshotter = "string", since = "any", filters = "table", namespace = "string", follow = "boolean", form = "string",
}
local FORMS = { lines = "event_lines", messages = "event_message" }

local function is_list_of_strings(value)
    for key, element in pairs(value) do
        if math.type(key) ~= "integer" or type(element) ~= "string" then
            return false
        end
    end
    return true
end

--- Says what is wrong with arguments, or nil.
local function wrong_in(arguments)
    for name, value in pairs(arguments) do
        local wanted = KNOWN[name]
        if not wanted then
            return ("there is no argument '%s'"):format(tostring(name):sub(1, 80))
        elseif wanted ~= "any" and type(value) ~= wanted then
            return ("argument %s: %s expected"):format(name, wanted)
        elseif type(value) == "string" and value:find("\0", 1, true) then
            return ("argument %s: it has a NUL byte"):format(name)
        end
    end
    local since = arguments.since
    if since ~= nil and type(since) ~= "string" and math.type(since) ~= "integer" then
        return "argument since: a cursor or a number expected"
    elseif arguments.filters and not is_list_of_strings(arguments.filters) then
        return "argument filters: it holds strings"
    elseif arguments.form and not FORMS[arguments.form] then
        return "argument form: lines or messages"
    end
end

--- Sends a page. False: nobody reads any more.
local function send(context, form, page)
    if page == "" then
        return context:alive()
    elseif form == "lines" then
        return context:send { line = page }
    end
    return context:send(page)
end

--- Sends what is there and, when it follows, what comes.
local function stream(self, engine, arguments, since, filter, context)
    local form = arguments.form or "lines"
    local read = engine[FORMS[form]]
    while true do
        local page, at, more = read(engine, since, PAGE, arguments.namespace, filter)
        if not page then
            return nil, at
        end
        since = at
        if not send(context, form, page) then
            return true
        elseif not more then
            local exchange = self.snapshotters.exchange
            if not arguments.follow or not context:pause(function(wake) exchange:wait(engine, since, wake) end) then
                return true
            end
        end
    end
end

local function events(self)
    return function(arguments, context)
        local engine, err = self:engine("events", arguments)
        if not engine then
            return nil, err
        end
        local since, filter
        since, err = cursor.place(engine, arguments.since, self.failure)
        if since and arguments.filters and #arguments.filters > 0 then
            filter, err = self.filter(arguments.filters)
        end
        if err then
            return nil, err
        end
        return stream(self, engine, arguments, since, filter, context)
    end
end

local function newest(self)
    return function(arguments, _, emit)
        local engine, err = self:engine("cursor", arguments)
        local text
        if engine then
            text, err = cursor.newest(engine)
        end
        if not text then
            return nil, err
        end
        emit(text)
        return true
    end
end

local Verbs = {}
Verbs.__index = Verbs

--- The store that arguments mean, for reading.
function Verbs:engine(verb, arguments)
    local wrong = wrong_in(arguments)
    local name = arguments.snapshotter or self.snapshotters.default
    local backend = not wrong and self.snapshotters:find(name, "default")
    if not backend then
        return nil, self.failure("invalid_argument", ("%s: %s"):format(verb,
            wrong or ("no snapshotter '%s'"):format(name)))
    end
    return backend.reader.engine
end

--- The verbs by name, each as moonsnap.service.ControlVerb.
---@param snapshotters moonsnap.service.Snapshotters
---@param failure fun(kind: string, message: string): moonsnap.Error
---@param filter  fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?
---@return table<string, moonsnap.service.ControlVerb>
function M.new(snapshotters, failure, filter)
    local self = setmetatable({ snapshotters = snapshotters, failure = failure, filter = filter }, Verbs)
    return { events = events(self), cursor = newest(self) }
end

return M
