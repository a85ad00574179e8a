--- Reads a store's outbox, a page at a time: nothing is held between two events.

local dkjson = require "dkjson"

local cursor = require "moonsnap.events.cursor"

local M = {}

local PAGE = 256 -- events that are looked at in one go

--- What is asked for, compiled.
---@class moonsnap.events.Query
---@field since   integer
---@field name_space? string
---@field filter? moonsnap.Filter

--- Reads options as store:events has them.
---@param core    moonsnap.Core
---@param engine  moonsnap.core.Store
---@param options {since?: string|integer, filter?: string|string[]|moonsnap.Filter, namespace?: string}
---@return moonsnap.events.Query? query
---@return moonsnap.Error? err
function M.query(core, engine, options)
    local since, err = cursor.place(engine, options.since, core.error)
    if not since then
        return nil, err
    end
    local filter = options.filter
    if type(filter) == "string" then
        filter = { filter }
    end
    if type(filter) == "table" then
        filter, err = core.filter(filter)
        if not filter then
            return nil, err
        end
    end
    return { since = since, name_space = options.namespace, filter = filter }
end

local OBJECT = { __jsontype = "object" } -- as dkjson marks what it has decoded

--- Events as people read them: their data decoded, and labels an object in JSON where there are none. The same list.
---@param events moonsnap.Event[]
---@return moonsnap.Event[]
function M.told(events)
    for _, event in ipairs(events) do
        if next(event.labels) == nil then
            setmetatable(event.labels, OBJECT)
        end
        if event.data then
            event.data = dkjson.decode(event.data)
        end
    end
    return events
end

--- The events that are there, one after the other; called again at the end it looks for more. Raises an error value
--- when the store fails.
---@param engine moonsnap.core.Store
---@param query  moonsnap.events.Query  since moves
---@return fun(): moonsnap.Event?
function M.iterate(engine, query)
    local page, at = {}, 0
    return function()
        while page[at + 1] == nil do
            local since, more
            page, since, more = engine:events(query.since, PAGE, query.name_space, query.filter)
            if not page then
                error(since, 0)
            end
            M.told(page)
            query.since, at = since, 0
            if not more then
                return nil
            end
        end
        at = at + 1
        return page[at]
    end
end

return M
