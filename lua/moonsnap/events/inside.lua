--- Delivery within the process that changed the store: after its own verbs, where no service does it.

local delivery = require "moonsnap.events.delivery"
local transaction = require "moonsnap.transaction"

local M = {}

--- Delivers some events to the after-hooks of a store, if it has any and no transaction is open. What fails comes again
--- behind a later verb, or in the process that delivers then.
---@param store moonsnap.Store
function M.after(store)
    local shared = store.shared
    local hooks = shared.hooks
    if not hooks or store.engine:depth() > 0 then
        return
    end
    if not shared.delivery then
        shared.delivery = delivery.new {
            engine = store.engine, now = store.core.sys.now, store = store,
            readers = function() return shared.hooks and shared.hooks:readers() or {} end,
            write = function(fn)
                return transaction.run(store.engine, function() return fn(store.engine) end, store)
            end,
        }
    end
    shared.delivery:turn()
end

return M
