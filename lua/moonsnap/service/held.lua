--- Writes under a lease: what already exists is refused and yet held from then on, in one transaction.

local M = {}

--- batch:write(fn), which keeps what fn wrote when it answers already_exists under a lease.
---@param batch moonsnap.service.Batch
---@param lease string?
---@param fn fun(): any, moonsnap.Error?
---@param alive? fun(): boolean
function M.write(batch, lease, fn, alive)
    if not lease then
        return batch:write(fn, alive)
    end
    local exists
    local result, err = batch:write(function()
        local made, wrong = fn()
        if made == nil and wrong and wrong.kind == "already_exists" then
            exists = wrong
            return true
        end
        return made, wrong
    end, alive)
    if result and exists then
        return nil, exists
    end
    return result, err
end

return M
