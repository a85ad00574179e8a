--- Removals where the disk is full: what fails for want of room is done once more, with the store's reserve.

local M = {}

--- fn(), and again when it failed as the disk is full and the store has something in reserve. What it does is in a
--- transaction, so of the first time nothing is left.
---@param engine moonsnap.core.Store
---@param fn fun(): any, moonsnap.Error?
---@return any
---@return moonsnap.Error? err
function M.retry(engine, fn)
    local result, err = fn()
    if result == nil and err and err.kind == "resource_exhausted" and engine:spend_reserve() then
        return fn()
    end
    return result, err
end

return M
