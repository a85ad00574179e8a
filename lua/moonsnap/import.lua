--- Imports a tree as a committed snapshot: stage, fill, publish.

local work = require "moonsnap.work"

local M = {}

--- The engine's stage is thrown away unless it was published.
---@param store moonsnap.Store
---@param name string
---@param source string | file*
---@param options moonsnap.ImportOptions
---@param around? fun(publish: fun(labels: table?): true?, moonsnap.Error?): true?, moonsnap.Error?  what publishes
---@return moonsnap.Imported? imported
---@return moonsnap.Error? err
function M.run(store, name, source, options, around)
    local core, engine, ns = store.core, store.engine, store.name_space
    local doing = ("import '%s'"):format(name)
    local taken = engine:stat(ns, name)
    if taken then -- said now, not after the whole tree was read
        return nil, core.error("already_exists", doing .. ": the name is taken")
    end
    local stage <close>, err = engine:stage(ns, options.parent)
    if not stage then
        return nil, err
    end
    local ok
    ok, err = work.drive(core, stage, doing, options.progress)
    if not ok then
        return nil, err
    end
    local filling <close>, why = stage:import(source, (options.parent or "") ~= "", options.strict)
    if not filling then
        return nil, why
    end
    ok, err = work.drive(core, filling, doing, options.progress)
    if not ok then
        return nil, err
    end
    local summary = filling:summary()
    filling:close() -- lets go of the stage before it is sealed and renamed
    local function publish(labels)
        return engine:adopt(ns, stage, name, options.parent, labels, options.durability)
    end
    if around then
        ok, err = stage:seal(options.durability) -- before the transaction: it is what takes long
        if ok then
            ok, err = around(publish)
        end
    else
        ok, err = publish(options.labels)
    end
    if not ok then
        return nil, err
    end
    return summary
end

return M
