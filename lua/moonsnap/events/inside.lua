--- Delivery within the process that changed the store: after its own verbs, where no service does it.

local delivery = require "moonsnap.events.delivery"
local transaction = require "moonsnap.transaction"

local M = {}

--- Whether there is an after-hook at all; found out anew when the hooks have changed, which makes their list a new one.
local function has_any(shared)
    local hooks = shared.hooks
    if not hooks then
        return false
    end
    local entries = hooks.entries or hooks:all()
    if shared.entries ~= entries then
        shared.entries, shared.has_any = entries, #hooks:readers() > 0
    end
    return shared.has_any
end

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
    if has_any(store.shared) and store.engine:depth() == 0 then
        delivery_of(store):mark()
    end
end

--- Behind a change: delivers some events to the after-hooks, unless a transaction is open. What fails comes again
--- behind a later verb, or in the process that delivers then.
---@param store moonsnap.Store
function M.after(store)
    if has_any(store.shared) and store.engine:depth() == 0 then
        delivery_of(store):turn()
    end
end

return M
