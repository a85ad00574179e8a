--- Who stands on whom, and who is gone: leaf first, never a parent before its children.

local M = {}

---@class moonsnap.gc.Tree
---@field facts  moonsnap.gc.Fact[]
---@field parent table<integer, integer>  position of the parent; nil without, or when it is not there
---@field live   integer[]   children that are still there
---@field order  integer[]   children before parents
---@field gone   table<integer, true>
---@field want   table<integer, moonsnap.gc.Wish>  who would go as soon as no child stands on it
---@field hold   table<integer, any>  who does not go, whatever is wished
---@field count  integer     that are still there
---@field size   integer
---@field watch? fun(i: integer)  told of everyone that goes

---@class moonsnap.gc.Wish
---@field reason string
---@field rule   string
---@field text   string

local Tree = {}
Tree.__index = Tree

--- Layers below, by position; what runs in a circle (a damaged store) counts as a root.
local function depths_of(facts, parent)
    local depth, path = {}, {}
    for i = 1, #facts do
        local at, n = i, 0
        while at and not depth[at] do
            depth[at] = 0
            n = n + 1
            path[n] = at
            at = parent[at]
        end
        local below = at and depth[at] or 0
        for step = n, 1, -1 do
            below = below + 1
            depth[path[step]] = below
        end
    end
    return depth
end

local function children_first(depth)
    local levels, deepest = {}, 0
    for i = 1, #depth do
        local level = depth[i]
        local list = levels[level]
        if not list then
            list = {}
            levels[level] = list
            deepest = level > deepest and level or deepest
        end
        list[#list + 1] = i
    end
    local order = {}
    for level = deepest, 1, -1 do
        local list = levels[level] or {}
        table.move(list, 1, #list, #order + 1, order)
    end
    return order
end

---@param facts moonsnap.gc.Fact[]
---@return moonsnap.gc.Tree
function M.new(facts)
    local at, parent, live, size = {}, {}, {}, 0
    for i = 1, #facts do
        at[facts[i].name] = i
        live[i] = 0
        size = size + facts[i].size
    end
    for i = 1, #facts do
        local name = facts[i].parent
        local above = name ~= "" and at[name] or nil
        if above and above ~= i then
            parent[i] = above
            live[above] = live[above] + 1
        end
    end
    return setmetatable({
        facts = facts, parent = parent, live = live, order = children_first(depths_of(facts, parent)), gone = {},
        want = {}, hold = {}, count = #facts, size = size,
    }, Tree)
end

--- One goes; and with it, upwards, whoever only waited for that.
---@param i integer
---@param wish moonsnap.gc.Wish
function Tree:take(i, wish)
    self.want[i] = wish
    repeat
        self.gone[i] = true
        self.count, self.size = self.count - 1, self.size - self.facts[i].size
        if self.watch then
            self.watch(i)
        end
        i = self.parent[i]
        if i then
            self.live[i] = self.live[i] - 1
        end
    until not i or self.live[i] > 0 or not self.want[i] or self.hold[i]
end

--- All that want to go and may.
function Tree:settle()
    for _, i in ipairs(self.order) do
        if self.want[i] and self.live[i] == 0 and not self.gone[i] and not self.hold[i] then
            self:take(i, self.want[i])
        end
    end
end

--- For everyone that is still there and has a child that is: one of those that stay for a reason of their own.
---@return table<integer, integer>
function Tree:needers()
    local needed = {}
    for _, i in ipairs(self.order) do
        local above = self.parent[i]
        if above and not self.gone[i] and not needed[above] then
            needed[above] = needed[i] or i
        end
    end
    return needed
end

return M
