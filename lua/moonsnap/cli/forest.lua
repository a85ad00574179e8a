--- Chains as trees: who stands below whom, in drawing order, with the lines to draw. Pure.

local M = {}

---@class moonsnap.cli.Branch
---@field info  moonsnap.Info
---@field depth integer
---@field lead  string        lines to draw before the name

--- Siblings in the order they were made.
local function by_age(a, b)
    return a.number < b.number
end

--- Infos by the name of their parent; those whose parent is not among them under "".
local function children_of(infos)
    local known, children = {}, { [""] = {} }
    for _, info in ipairs(infos) do
        known[info.name] = true
    end
    for _, info in ipairs(infos) do
        local parent = known[info.parent] and info.parent or ""
        children[parent] = children[parent] or {}
        table.insert(children[parent], info)
    end
    for _, siblings in pairs(children) do
        table.sort(siblings, by_age)
    end
    return children
end

local function draw(branches, children, siblings, depth, lead)
    for number, info in ipairs(siblings) do
        local last = number == #siblings
        local here = depth == 0 and "" or lead .. (last and "└─ " or "├─ ")
        branches[#branches + 1] = { info = info, depth = depth, lead = here }
        local below = children[info.name]
        if below then
            draw(branches, children, below, depth + 1, depth == 0 and "" or lead .. (last and "   " or "│  "))
        end
    end
end

--- All infos in drawing order; with top, that one and what stands on it.
---@param infos moonsnap.Info[]
---@param top? string
---@return moonsnap.cli.Branch[]
function M.branches(infos, top)
    local children = children_of(infos)
    local roots = children[""]
    if top then
        roots = {}
        for _, info in ipairs(infos) do
            roots[#roots + 1] = info.name == top and info or nil
        end
    end
    local branches = {}
    draw(branches, children, roots, 0, "")
    return branches
end

return M
