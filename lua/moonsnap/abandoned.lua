--- What belongs to processes that are gone: removed by cleanup, in the engine; where hooks of evict are, they are
--- asked about each, and what they refuse stays.

local M = {}

---@class moonsnap.Spared
---@field namespace string
---@field key       string
---@field text      string  why it stays

--- Removes one that hooks let go: true; false when it stays.
local function remove_one(store, one, in_use, spared)
    local engine = store.engine
    local info, why = engine:stat(one.namespace, one.key)
    if not info then
        return nil, why
    elseif in_use.sure[info.number] or in_use.maybe[info.number] then
        return false
    end
    local may
    may, why = store.shared.hooks:ask(store:namespace(one.namespace), { verb = "evict", key = one.key })
    if not may then
        spared[#spared + 1] = { namespace = one.namespace, key = one.key, text = why.message }
        return false
    end
    local ok
    ok, why = engine:evict(one.namespace, one.key, info)
    if not ok and why.kind ~= "failed_precondition" then
        return nil, why
    end
    return ok ~= nil
end

--- Removes those that hooks let go, within the transaction that is open. What has children, is mounted (whoever mounted
--- it) or pinned stays as it does without hooks.
local function remove(store)
    local engine, done = store.engine, { removed = 0, spared = {} }
    local gone, err = engine:abandoned()
    local in_use
    if gone and gone[1] then
        in_use, err = engine:in_use()
        gone = in_use and gone
    end
    for _, one in ipairs(gone or {}) do
        local removed, why = remove_one(store, one, in_use, done.spared)
        if removed == nil then
            return nil, why
        end
        done.removed = done.removed + (removed and 1 or 0)
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
