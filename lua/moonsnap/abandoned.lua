--- What belongs to processes that are gone: removed by cleanup, in the engine; where hooks of evict are, they are
--- asked about each, and what they refuse stays.

local M = {}

---@class moonsnap.Spared
---@field namespace string
---@field key       string
---@field text      string  why it stays

--- Removes those that hooks let go, within the transaction that is open. What has children, is mounted or pinned stays
--- as it does without hooks.
local function remove(store)
    local engine, hooks, done = store.engine, store.shared.hooks, { removed = 0, spared = {} }
    local gone, err = engine:abandoned()
    for _, one in ipairs(gone or {}) do
        local may, why = hooks:ask(store:namespace(one.namespace), { verb = "evict", key = one.key })
        local ok
        if may then
            ok, why = engine:remove(one.namespace, one.key, true)
        else
            done.spared[#done.spared + 1] = { namespace = one.namespace, key = one.key, text = why.message }
        end
        if ok then
            done.removed = done.removed + 1
        elseif may and why.kind ~= "failed_precondition" then
            return nil, why
        end
    end
    return gone and done, err
end

--- What goes before cleanup, which then spares what is left of them. Nothing where no hook is to be asked.
---@param store moonsnap.Store
---@param write fun(fn: fun(): table?, moonsnap.Error?): table?, moonsnap.Error?  runs fn in a transaction
---@return {removed: integer, spared: moonsnap.Spared[]}? done
---@return moonsnap.Error? err
function M.first(store, write)
    local hooks = store.shared.hooks
    if not (hooks and hooks.verbs.evict) then
        return nil
    end
    return write(function() return remove(store) end)
end

--- The answer of cleanup, with what has gone before it.
---@param cleaned moonsnap.Cleaned
---@param done?   {removed: integer, spared: moonsnap.Spared[]}
---@return moonsnap.Cleaned
function M.add(cleaned, done)
    if done then
        cleaned.abandoned = cleaned.abandoned + done.removed
        cleaned.spared = done.spared[1] and done.spared or nil
    end
    return cleaned
end

return M
