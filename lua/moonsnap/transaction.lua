--- One transaction around a function.
---
---     fn                        the transaction
---     returns                   commits; what it returned is returned
---     returns nil, err          rolls back; nil, err is returned
---     raises                    rolls back; the same value is raised again
---     yields                    rolls back; raises: nothing may wait while the store is locked
---
--- fn runs in a coroutine of its own, so that a yield cannot leave the transaction open.

local M = {}

--- Ends fn's coroutine, which closes what it left open, and passes the store's guard on.
local function resume(fn, store)
    local thread = coroutine.create(fn)
    local results = table.pack(coroutine.resume(thread, store))
    local yielded = coroutine.status(thread) ~= "dead"
    coroutine.close(thread)
    if not results[1] then
        error(results[2], 0)
    end
    if yielded then
        error("transaction: the function yielded", 0)
    end
    return results
end

---@param engine moonsnap.core.Store
---@param fn fun(store: moonsnap.Store): any, any
---@param store moonsnap.Store
function M.run(engine, fn, store)
    local guard <close> = engine:transaction() -- rolls back when it is closed before commit
    local begun, err = guard:begin()
    if not begun then
        return nil, err
    end
    local results = resume(fn, store)
    if results.n >= 3 and results[2] == nil and results[3] ~= nil then
        return nil, results[3]
    end
    local ok, why = guard:commit()
    if not ok then
        return nil, why
    end
    return table.unpack(results, 2, results.n)
end

return M
