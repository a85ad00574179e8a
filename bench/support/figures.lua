--- Samples of two servers by case, and Markdown tables of their medians: a row a case, in a cell what the one and
--- the other had, with the ratio where one is wanted.
local measure = require "bench.support.measure"

local M = {}

---@class bench.Case
---@field what    string
---@field wanted  table<string, number>    by figure: how many times better ours should be
---@field ratios  table<string, number[]>  by figure: how many times better it was, round by round
---@field ours    table<string, number[]>  by figure
---@field other   table<string, number[]>

---@class bench.Figures
---@field cases bench.Case[]
local Figures = {}
Figures.__index = Figures

---@class bench.Column
---@field figure string
---@field title  string
---@field more?  true    more is better; else less is

---@param columns bench.Column[]
---@return bench.Figures
function M.new(columns)
    return setmetatable({ columns = columns, cases = {}, by_name = {} }, Figures)
end

local function keep(lists, figure, value)
    local list = lists[figure] or {}
    list[#list + 1] = value
    lists[figure] = list
end

--- Keeps one round of both.
---@param what   string
---@param wanted table<string, number>
---@param ours   table<string, number>
---@param other  table<string, number>
function Figures:add(what, wanted, ours, other)
    local case = self.by_name[what]
    if not case then
        case = { what = what, wanted = wanted, ratios = {}, ours = {}, other = {} }
        self.by_name[what] = case
        self.cases[#self.cases + 1] = case
    end
    for _, column in ipairs(self.columns) do
        local a, b = ours[column.figure], other[column.figure]
        keep(case.ours, column.figure, a)
        keep(case.other, column.figure, b)
        keep(case.ratios, column.figure, column.more and a / b or b / a)
    end
end

local function show(value)
    if value >= 1000 then
        return (("%.0f"):format(value):reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", ""))
    end
    return (value >= 100 and "%.0f" or value >= 10 and "%.1f" or "%.2f"):format(value)
end

local function cell(case, figure)
    local text = ("%s / %s"):format(show(measure.median(case.other[figure])), show(measure.median(case.ours[figure])))
    local wanted = case.wanted[figure]
    if not wanted then
        return text .. " | "
    end
    local times = measure.median(case.ratios[figure])
    return ("%s | %.2f of %g%s"):format(text, times, wanted, times < wanted and ", **short**" or "")
end

--- Prints the table.
function Figures:print()
    local titles, lines = { "what" }, { "---" }
    for _, column in ipairs(self.columns) do
        table.move({ column.title, "times better" }, 1, 2, #titles + 1, titles)
        table.move({ "---:", "---:" }, 1, 2, #lines + 1, lines)
    end
    print("| " .. table.concat(titles, " | ") .. " |")
    print("| " .. table.concat(lines, " | ") .. " |")
    for _, case in ipairs(self.cases) do
        local cells = { case.what }
        for i, column in ipairs(self.columns) do
            cells[i + 1] = cell(case, column.figure)
        end
        print("| " .. table.concat(cells, " | ") .. " |")
    end
    print()
end

return M
