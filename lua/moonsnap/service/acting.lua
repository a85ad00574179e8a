--- On whose behalf a write runs: hooks are told who called.

local M = {}

--- A function that makes writes of a store such of the call that the running coroutine works for.
---@param store  moonsnap.Store  the writing one
---@param router moonsnap.service.Router
---@return fun(fn: fun(store: moonsnap.Store): any, moonsnap.Error?): function
function M.new(store, router)
    local shared = store.shared
    return function(fn)
        local context = router:context()
        if not context then
            return fn -- a timer's, or a plugin's own
        end
        local caller = shared.hooks and context.caller -- while the call is there to be asked
        return function(writer)
            local hooks = shared.hooks
            if not hooks then
                return fn(writer)
            end
            return hooks:as(caller or context.caller, fn, writer)
        end
    end
end

return M
