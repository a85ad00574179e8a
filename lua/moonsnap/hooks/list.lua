--- Lists of hooks in the order in which they are asked, as an index has them. A sealed one is changed by nobody: it is
--- handed out as it is, and what is asked of all its hooks at once has been worked out.

local matching = require "moonsnap.hooks.match"

local M = {}

local all_hold = matching.all_hold

---@class moonsnap.hooks.List
---@field [integer] moonsnap.hooks.Entry
---@field sealed?   true
---@field sure?     boolean                sealed: whoever comes to it matches them all
---@field parts?    moonsnap.hooks.Part[]  sealed: how they are asked, where all can be asked together
---@field with?     table<moonsnap.hooks.List, moonsnap.hooks.List>  what comes of it and another sealed one

--- Hooks of one sandbox, which are asked in one call.
---@class moonsnap.hooks.Part
---@field sandbox   moonsnap.Sandbox
---@field questions moonsnap.sandbox.Question[]
---@field before    integer         hooks of the list that stand before these
---@field trouble   {is: boolean?}  of their breakers

--- The parts of a list; nil where a hook is asked by itself, or a sandbox would be come to twice.
---@param list moonsnap.hooks.List
---@return moonsnap.hooks.Part[]?
function M.parts(list)
    local parts, seen, part = {}, {}, nil
    for i = 1, #list do
        local entry = list[i]
        local box = entry.asked_in
        if not part or part.sandbox ~= box then
            if not box or seen[box] then
                return nil
            end
            part = { sandbox = box, questions = {}, before = i - 1, trouble = entry.breaker.trouble }
            parts[#parts + 1], seen[box] = part, true
        end
        part.questions[i - part.before] = entry.question
    end
    return parts
end

--- Seals a list.
---@param list moonsnap.hooks.List
---@return moonsnap.hooks.List list
function M.seal(list)
    list.sealed, list.sure, list.with, list.parts = true, true, {}, M.parts(list)
    for _, entry in ipairs(list) do
        list.sure = list.sure and (entry.sure or not entry.match) and true or false
    end
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
