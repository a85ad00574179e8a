--- Drives work that goes by steps, with progress and cancellation between them.

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

return M
