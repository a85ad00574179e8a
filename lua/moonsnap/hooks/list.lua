--- Lists of hooks in the order in which they are asked, as an index has them. A sealed one is changed by nobody: it is
--- handed out as it is, and what is asked of all its hooks at once has been worked out.

local matching = require "moonsnap.hooks.match"

local M = {}

local all_hold = matching.all_hold

---@class moonsnap.hooks.List
---@field [integer]  moonsnap.hooks.Entry
---@field sealed?    true
---@field sure?      boolean                       sealed: whoever comes to it matches them all
---@field asked_in?  moonsnap.Sandbox              sealed: all are asked together, in there
---@field questions? moonsnap.sandbox.Question[]   by which they are
---@field trouble?   {is: boolean?}                of their breakers
---@field with?      table<moonsnap.hooks.List, moonsnap.hooks.List>  what comes of it and another sealed one

--- Seals a list.
---@param list moonsnap.hooks.List
---@return moonsnap.hooks.List list
function M.seal(list)
    local first = list[1]
    local box, trouble = first and first.asked_in, first and first.breaker.trouble
    list.sealed, list.sure, list.questions, list.with = true, true, {}, {}
    for i, entry in ipairs(list) do
        list.questions[i] = entry.question
        list.sure = list.sure and (entry.sure or not entry.match) and true or false
        box = entry.asked_in == box and entry.breaker.trouble == trouble and box or nil
    end
    list.asked_in, list.trouble = box, trouble
    return list
end

--- Those of a sealed list that match: itself when all do, nil when none does.
---@param list    moonsnap.hooks.List
---@param request moonsnap.Request
---@param scratch table?
---@return moonsnap.hooks.List?
function M.matching(list, request, scratch)
    local kept -- only when one does not
    for i = 1, #list do
        local entry = list[i]
        local match, left = entry.match, entry.left
        if left and all_hold(left, request) or not left and (not match or match:matches(request, scratch)) then
            if kept then
                kept[#kept + 1] = entry
            end
        elseif not kept then
            kept = table.move(list, 1, i - 1, 1, {})
        end
    end
    return not kept and list or kept[1] and kept or nil
end

--- Both lists as one, each hook once.
---@param left   moonsnap.hooks.List
---@param right  moonsnap.hooks.List
---@param places table<moonsnap.hooks.Entry, integer>
---@return moonsnap.hooks.List
function M.merge(left, right, places)
    local both, i, j = {}, 1, 1
    while left[i] or right[j] do
        local a, b = left[i], right[j]
        local at, bt = a and places[a] or math.huge, b and places[b] or math.huge
        both[#both + 1] = at <= bt and a or b
        i, j = i + (at <= bt and 1 or 0), j + (bt <= at and 1 or 0)
    end
    return both
end

return M
