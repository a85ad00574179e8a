--- Pages of events as they come, from a store or from the service that has it.
---
---     for page in watch.pages(store, { since = "now", follow = true, form = "lines" }, wait) do io.write(page) end

local reader = require "moonsnap.events.reader"

local M = {}

local PAGE = 512 -- events that are looked at in one go

---@class moonsnap.events.WatchOptions
---@field since?     string|integer  a cursor, a sequence, or "now"; nil: all that are kept
---@field filter?    string|string[]
---@field namespace? string
---@field follow?    boolean         goes on for ever
---@field form       "lines" | "events"  a page is JSON text, a line an event; or a list of events

--- Pages out of the store itself; "" and {} are not handed out.
local function from_engine(store, options, wait)
    local engine = store.engine
    local query, err = reader.query(store.core, engine,
        { since = options.since, filter = options.filter, namespace = options.namespace })
    if not query then
        return nil, err
    end
    local read = options.form == "lines" and engine.event_lines or engine.events
    return function()
        while true do
            local page, at, more = read(engine, query.since, PAGE, query.name_space, query.filter)
            if not page then
                error(at, 0)
            end
            query.since = at
            if #page > 0 then
                return options.form == "lines" and page or reader.told(page)
            elseif not more and (not options.follow or not wait()) then
                return nil
            end
        end
    end
end

--- Pages of events, one after the other. The iterator raises the error value of what fails under way.
---@param store   moonsnap.Store
---@param options moonsnap.events.WatchOptions
---@param wait    fun(): boolean   in-process: waits a moment; false: ends
---@param stop_fd? integer         with a service: once it is readable or hung up, it ends (kind canceled)
---@return (fun(): (string|moonsnap.Event[])?)? pages
---@return moonsnap.Error? err
function M.pages(store, options, wait, stop_fd)
    if store.engine then
        return from_engine(store, options, wait)
    end
    return store:event_pages(options, stop_fd)
end

return M
