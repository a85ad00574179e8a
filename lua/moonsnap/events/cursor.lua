--- Where a reader of a store's events is, as text: "<store id>-<sequence>", "4f0a1c22b3d4e5f6-1207".
---
--- A cursor says of which store it is, so that one kept for a store that was made anew, rebuilt or restored from a
--- backup is refused: what it pointed at is another event there, or none.

local M = {}

--- The cursor of a sequence number.
---@param id string
---@param sequence integer
---@return string
function M.format(id, sequence)
    return ("%s-%d"):format(id, sequence)
end

local function check_newest(sequence, newest, failure)
    if sequence <= newest then
        return sequence
    end
    return nil, failure("failed_precondition", ("events since %d: the newest event of this store is %d: the store was "
        .. "restored from a backup, or the cursor is not one of its; read from the beginning"):format(sequence, newest))
end

local function parse(text, id, failure)
    local of, digits = text:match("^(%x+)%-(%d+)$")
    if not of or #of ~= 16 or #digits > 18 then
        return nil, failure("invalid_argument", ("cursor '%s': it is no cursor; one looks like %s"):format(
            text:sub(1, 80), M.format(id, 7)))
    end
    if of ~= id then
        return nil, failure("failed_precondition", ("cursor '%s': it is of the store %s and this one is %s: the store "
            .. "was made anew or rebuilt, or it is another one; read from the beginning"):format(text, of, id))
    end
    return math.tointeger(tonumber(digits))
end

--- The sequence number that a reader goes on behind: -1 for nil, before all that are kept; "now": the newest.
---@param engine  moonsnap.core.Store
---@param since   string|integer|nil
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return integer? sequence
---@return moonsnap.Error? err  invalid_argument: no cursor; failed_precondition: of another store, or ahead of it
function M.place(engine, since, failure)
    if since == nil then
        return -1
    end
    local newest, err = engine:last_event()
    if not newest then
        return nil, err
    end
    if since == "now" then
        return newest
    elseif type(since) == "string" then
        local id
        id, err = engine:store_id()
        if not id then
            return nil, err
        end
        since, err = parse(since, id, failure)
        if not since then
            return nil, err
        end
    elseif since < 0 then
        return nil, failure("invalid_argument", ("events since %d: a number from 0 on expected"):format(since))
    end
    return check_newest(since, newest, failure)
end

--- The cursor of the newest event: a reader that begins there gets what comes from now on.
---@param engine moonsnap.core.Store
---@return string? cursor
---@return moonsnap.Error? err
function M.newest(engine)
    local id, err = engine:store_id()
    local newest
    if id then
        newest, err = engine:last_event()
    end
    if not newest then
        return nil, err
    end
    return M.format(id, newest)
end

return M
