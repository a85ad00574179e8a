--- Delivery within the process that changed the store: after its own verbs, where no service does it.

local delivery = require "moonsnap.events.delivery"
local transaction = require "moonsnap.transaction"

local M = {}

local function delivery_of(store)
    local shared = store.shared
    if not shared.delivery then
        shared.delivery = delivery.new {
            engine = store.engine, now = store.core.sys.now, store = store,
            readers = function() return shared.hooks and shared.hooks:readers() or {} end,
            write = function(fn)
                return transaction.run(store.engine, function() return fn(store.engine) end, store)
            end,
        }
    end
    return shared.delivery
end

--- Before a change of a store that has hooks: after-hooks that were never seen begin here.
---@param store moonsnap.Store
function M.before(store)
    if store.engine:depth() == 0 then
        delivery_of(store):mark()
    end
end

--- Behind a change: delivers some events to the after-hooks, unless a transaction is open. What fails comes again
--- behind a later verb, or in the process that delivers then.
---@param store moonsnap.Store
function M.after(store)
    if store.shared.hooks and store.engine:depth() == 0 then
        delivery_of(store):turn()
    end
end

return M
