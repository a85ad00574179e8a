--- Does a stored plan: exactly its items, leaf first, and of these only what is still as it was.
---
---     removed   its row is gone; cleanup frees its layer           vetoed    a hook of evict said no
---     busy      held, mounted or has a child by now                changed   another snapshot, or used since
---     gone      somebody else has removed it                       failed    the store said no
---
--- A few items a transaction, and with them how far the plan is done: whoever is killed leaves no item half done, and
--- the next one to apply the plan goes on behind the last that is.

local facts = require "moonsnap.gc.facts"
local readable = require "moonsnap.readable"

local M = {}

local CHUNK = 200
local SECOND = 1000000000
local SCAN_AGAIN = 5 * SECOND -- until what is mounted is looked at anew

--- Is it mounted, as far as can be seen?
local function mounted(in_use, item)
    if in_use.sure[item.number] then
        return "mounted"
    elseif in_use.maybe[item.number] or in_use.unknown > 0 then
        return "may be mounted"
    end
end

local OUTCOMES = { not_found = "gone", aborted = "changed", failed_precondition = "busy" }

--- Removes one item, or says what came of it instead.
---@return string outcome
---@return string? text
local function remove(store, item, state)
    local engine, name_space, key = store.engine, store.name_space, item.key
    local why = mounted(state.in_use, item)
    if why then
        return "busy", why
    end
    local hooks = store.shared and store.shared.hooks
    local ok, err
    if hooks and hooks:listens("evict") then -- they are asked about what would go
        ok, err = engine:evict(name_space, key, item, true)
        if ok then
            ok, err = hooks:ask(store, { verb = "evict", key = key })
            if not ok then
                return "vetoed", err.message
            end
        end
        if not ok then
            return OUTCOMES[err.kind] or "failed", err.message
        end
    end
    ok, err = engine:evict(name_space, key, item)
    if not ok then
        return OUTCOMES[err.kind] or "failed", err.message
    end
    return "removed"
end

---@class moonsnap.gc.Applied
---@field removed integer
---@field size    integer  bytes of what was removed
---@field gone    integer
---@field vetoed  integer
---@field busy    integer
---@field changed integer
---@field failed  integer
---@field left    integer  items that the pace left for the next time
---@field skipped {key: string, outcome: string, text: string}[]  of those that were not removed, the first hundred

local SHOWN = 100

local function note(done, item)
    local outcome = item.outcome
    done[outcome] = done[outcome] + 1
    if outcome == "removed" then
        done.size = done.size + item.size
    elseif #done.skipped < SHOWN then
        done.skipped[#done.skipped + 1] = { key = item.key, outcome = outcome, text = item.outcome_text }
    end
end

--- Has the pace allowed all that it allows?
local function enough(pace, done, count, began, now)
    return pace.items and count >= pace.items or pace.bytes and done.size >= pace.bytes
        or pace.seconds and now - began >= pace.seconds * SECOND or false
end

--- A few items in the transaction that is open: looked up in it, or another process that applies the same plan would
--- have done some of them meanwhile.
---@param store moonsnap.Store
---@param id    string
---@param place integer  behind which to begin
---@param most  integer
---@param state table
---@return table[]? items  done: with their outcome and outcome_text
---@return moonsnap.Error? err
function M.chunk(store, id, place, most, state)
    local engine, name_space = store.engine, store.name_space
    local items, err = engine:plan_items(name_space, id, "", place, most)
    if not items or #items == 0 then
        return items, err
    end
    local others = {}
    for _, item in ipairs(items) do
        item.outcome, item.outcome_text = remove(store, item, state)
        if item.outcome ~= "removed" then
            item.outcome_text = readable.repaired(item.outcome_text or "") -- a hook's word may be any bytes
            others[#others + 1] = { place = item.place, outcome = item.outcome, text = item.outcome_text }
        end
    end
    local ok
    ok, err = engine:plan_done(name_space, id, items[#items].place, others)
    if not ok then
        return nil, err
    end
    return items
end

---@class moonsnap.gc.Applying
---@field engine   moonsnap.core.Store          for reading
---@field name_space string
---@field now      fun(): integer
---@field write    fun(fn: fun(store: moonsnap.Store)): any, moonsnap.Error?  in a transaction; may wait
---@field chunk?   integer
---@field unseen?  boolean
---@field pace?    {items?: integer, bytes?: integer, seconds?: number}
---@field progress? fun(done: {entries: integer, total: integer, bytes: integer}): false?  false: enough

--- Does what is not done yet of a plan.
---@param id string
---@param total integer  items that are not done yet
---@param with moonsnap.gc.Applying
---@return moonsnap.gc.Applied? applied
---@return moonsnap.Error? err
function M.run(id, total, with)
    local done = { removed = 0, size = 0, gone = 0, vetoed = 0, busy = 0, changed = 0, failed = 0, skipped = {} }
    local pace, began, count, place, state = with.pace or {}, with.now(), 0, 0, {}
    while not enough(pace, done, count, began, with.now()) do
        local most = math.tointeger(math.min(with.chunk or CHUNK, (pace.items or math.huge) - count) // 1)
        local err
        if not state.in_use or with.now() - state.scanned > SCAN_AGAIN then
            state.in_use, err = facts.in_use(with.engine, with.unseen)
            state.scanned = with.now()
            if not state.in_use then
                return nil, err
            end
        end
        local items
        items, err = with.write(function(store) return M.chunk(store, id, place, most, state) end)
        if not items then
            return nil, err
        elseif #items == 0 then
            total = count -- others that applied it have done the rest
            break
        end
        for _, item in ipairs(items) do
            note(done, item)
        end
        count, place = count + #items, items[#items].place
        if with.progress and with.progress { entries = count, total = total, bytes = done.size } == false then
            break
        end
    end
    done.left = total - count
    return done
end

return M
