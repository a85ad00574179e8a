--- The outbox behind a service's socket.

local dkjson = require "dkjson"

local M = {}

--- An event out of a message: what it does not have is left out.
local function event_of(message)
    message.data = message.data ~= "" and dkjson.decode(message.data) or nil
    if message.to == 0 then
        message.from, message.to = nil, nil
    end
    return message
end

--- A filter as the service takes it.
local function filters_of(filter)
    if type(filter) == "string" then
        return { filter }
    elseif filter ~= nil and type(filter) ~= "table" then
        error("events: filter: over a socket it is a string, or a list of strings", 4)
    end
    return filter
end

--- Pages of events, one after the other; what is wrong with the request is answered, what goes wrong later raised.
---@param wire    moonsnap.client.Wire
---@param options moonsnap.events.WatchOptions
---@param stop_fd? integer  once it is readable or hung up, it ends (kind canceled)
---@return (fun(): (string|moonsnap.Event[])?)? pages
---@return moonsnap.Error? err
function M.pages(wire, options, stop_fd)
    local lines = options.form == "lines"
    local ok, next_reply, stream, _, closing = pcall(wire.replies, wire, "events", {
        since = options.since, filters = filters_of(options.filter), namespace = options.namespace,
        follow = options.follow, form = lines and "lines" or "messages",
    }, stop_fd)
    if not ok then
        if type(next_reply) == "table" and next_reply.kind then
            return nil, next_reply
        end
        error(next_reply, 0)
    end
    return function()
        local reply = next_reply(stream)
        if not reply then
            return nil
        elseif lines then
            return reply.line
        end
        for _, message in ipairs(reply.events) do
            event_of(message)
        end
        return reply.events
    end, stream, nil, closing
end

--- The events that are there, oldest first; called again at its end it asks for more.
---@param store   moonsnap.client.Store
---@param options moonsnap.EventOptions
---@return (fun(): moonsnap.Event?)? iterator
---@return moonsnap.Error? err
function M.iterate(store, options)
    local asked = { since = options.since, filter = options.filter, namespace = options.namespace, form = "events" }
    local pages, stream, _, closing = store:event_pages(asked)
    if not pages then
        return nil, stream
    end
    local page, at = {}, 0
    return function()
        while page[at + 1] == nil do
            if not pages then
                local err
                pages, err = store:event_pages(asked)
                if not pages then
                    error(err, 0)
                end
            end
            page, at = pages(), 0
            if not page then
                pages, page = nil, {}
                return nil
            end
        end
        at = at + 1
        asked.since = page[at].cursor
        return page[at]
    end, nil, nil, closing
end

return M
