--- Work that goes by steps, with progress and cancellation between them: seals, usage, freeing.

local abandoned = require "moonsnap.abandoned"

local M = {}

local BUDGET = 64 -- entries (or MiB) a step: milliseconds at most

--- Runs work to its end.
---@param core moonsnap.Core
---@param work moonsnap.Work
---@param doing string  what to say was canceled
---@param progress? moonsnap.Progress
---@return true? ok
---@return moonsnap.Error? err
function M.drive(core, work, doing, progress)
    while true do
        local more, err = work:step(BUDGET)
        if more == nil then
            return nil, err
        end
        if progress and progress(work:done()) == false then
            return nil, core.error("canceled", doing .. ": canceled")
        end
        if not more then
            return true
        end
    end
end

--- A seal driven to its end.
---@param store moonsnap.Store
---@param key string
---@param durability? string
---@param progress? moonsnap.Progress
---@return moonsnap.Seal? seal
---@return moonsnap.Error? err
function M.seal(store, key, durability, progress)
    local seal, err = store.engine:seal(store.name_space, key, durability)
    if not seal then
        return nil, err
    end
    local ok, why = M.drive(store.core, seal, ("seal '%s'"):format(key), progress)
    if not ok then
        seal:close()
        return nil, why
    end
    return seal
end

--- Removes a snapshot's row, then frees by steps: what is canceled, the next cleanup frees.
---@param store moonsnap.Store
---@param key string
---@param progress moonsnap.Progress
---@return true? ok
---@return moonsnap.Error? err
function M.remove(store, key, progress)
    local info = store.engine:stat(store.name_space, key)
    local ok, err = store.engine:remove(store.name_space, key, true)
    if not ok then
        return nil, err
    end
    if info then
        M.free(store, info.number, progress)
    end
    return true
end

--- Frees the layer of a snapshot whose row is gone; what fails or is canceled, the next cleanup frees.
---@param store moonsnap.Store
---@param number integer
---@param progress? moonsnap.Progress
function M.free(store, number, progress)
    local cleaning <close> = store.engine:sweep(number)
    if cleaning then
        M.drive(store.core, cleaning, "remove", progress)
    end
end

---@param store moonsnap.Store
---@param key string
---@param progress? moonsnap.Progress
---@return moonsnap.Usage? usage
---@return moonsnap.Error? err
function M.usage(store, key, progress)
    local measure <close>, err = store.engine:usage(store.name_space, key)
    if not measure then
        return nil, err
    end
    local ok, why = M.drive(store.core, measure, ("usage of '%s'"):format(key), progress)
    if not ok then
        return nil, why
    end
    return measure:usage()
end

---@param store moonsnap.Store
---@param progress? moonsnap.Progress
---@return moonsnap.Cleaned? cleaned
---@return moonsnap.Error? err
function M.cleanup(store, progress)
    local done, failed = abandoned.first(store, function(fn)
        if store.engine:depth() == 0 then -- else cleanup does not run either
            return store:transaction(fn)
        end
    end)
    if failed then
        return nil, failed
    end
    local cleaning <close>, err = store.engine:cleanup(false, done ~= nil)
    if not cleaning then
        return nil, err
    end
    local ok, why = M.drive(store.core, cleaning, "cleanup", progress)
    if not ok then
        return nil, why
    end
    return abandoned.add(cleaning:result(), done)
end

return M
