--- The known word that somebody most likely meant.
---
---     suggest.nearest("hok", { "hook", "label" })      "hook"
---     suggest.unknown("word", "hok", words)            "unknown word 'hok': did you mean 'hook'?"

local M = {}

local LONGEST = 64 -- bytes; longer words are no slip of the finger

--- How many letters must be put in, taken out, changed, or swapped with their neighbour to make a into b.
---@param a string
---@param b string
---@return integer
function M.distance(a, b)
    local before, last, row
    row = {}
    for j = 0, #b do
        row[j] = j
    end
    for i = 1, #a do
        before, last, row = last, row, { [0] = i }
        for j = 1, #b do
            local same = a:byte(i) == b:byte(j)
            row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same and 0 or 1))
            if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
                row[j] = math.min(row[j], before[j - 2] + 1)
            end
        end
    end
    return row[#b]
end

--- The names of a table that has them as keys, or holds them.
local function names_of(known)
    local names = {}
    for key, value in pairs(known) do
        names[#names + 1] = type(key) == "string" and key or type(value) == "string" and value or nil
    end
    table.sort(names)
    return names
end

--- The nearest known word, when it is near: a third of its letters differ at most, case aside.
---@param word string
---@param known string[] | table<string, any>  words, or a table with them as keys
---@return string?
function M.nearest(word, known)
    if #word > LONGEST then
        return nil
    end
    local best, least
    for _, name in ipairs(names_of(known)) do
        local away = #name <= LONGEST and M.distance(word:lower(), name:lower()) or LONGEST
        if away <= math.max(1, math.max(#word, #name) // 3) and (not least or away < least) then
            best, least = name, away
        end
    end
    return best
end

--- ": did you mean 'hook'?" as the end of a message, or "" where nothing is near.
---@param word string
---@param known string[] | table<string, any>
---@return string
function M.hint(word, known)
    local near = M.nearest(word, known)
    return near and (": did you mean '%s'?"):format(near) or ""
end

--- "unknown WHAT 'word': did you mean 'other'?"
---@param what string
---@param word string
---@param known string[] | table<string, any>
---@return string
function M.unknown(what, word, known)
    return ("unknown %s '%s'"):format(what, word) .. M.hint(word, known)
end

return M
