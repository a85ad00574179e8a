--- Where a verb writes: text or JSON on standard output, progress on a terminal's standard error.

local clock = require "posix.time"
local signal = require "posix.signal"
local unistd = require "posix.unistd"

local json = require "moonsnap.cli.json"
local text = require "moonsnap.cli.text"

local M = {}

local COLOURS = { bold = "1", dim = "2", red = "31", green = "32", yellow = "33", blue = "34", cyan = "36" }
local ERASE = "\r\27[K"

---@class moonsnap.cli.Output
---@field json?     "whole" | "lines"
---@field quiet     boolean
---@field coloured  boolean
---@field live      boolean   standard error is a terminal that may see progress
---@field out       file*
---@field errors    file*
---@field drawn     boolean   a line of progress stands on the terminal
local Output = {}
Output.__index = Output

---@param settings {json?: "whole" | "lines", quiet?: boolean}
---@return moonsnap.cli.Output
function M.new(settings)
    local dumb = os.getenv("TERM") == "dumb"
    local quiet, plain = settings.quiet or false, settings.json ~= nil
    return setmetatable({
        json = settings.json,
        quiet = quiet,
        coloured = not plain and not dumb and (os.getenv("NO_COLOR") or "") == "" and unistd.isatty(1) == 1,
        live = not plain and not quiet and not dumb and unistd.isatty(2) == 1,
        out = io.stdout,
        errors = io.stderr,
        drawn = false,
    }, Output)
end

--- The text in a colour, where colours are shown.
---@param colour string
---@param words string
---@return string
function Output:paint(colour, words)
    return self.coloured and ("\27[%sm%s\27[0m"):format(COLOURS[colour], words) or words
end

function Output:erase()
    if self.drawn then
        self.errors:write(ERASE)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.drawn = false
    end
end

--- Does this process ignore ^C, as what a script starts in the background does?
local function ignores_interrupt()
    local file <close> = io.open("/proc/self/status")
    local ignored = file and file:read("a"):match("\nSigIgn:%s*(%x+)")
    return ignored ~= nil and tonumber(ignored, 16) >> (signal.SIGINT - 1) & 1 == 1
end

--- ^C ends the command as ever, but takes the line of progress along.
function Output:erase_on_interrupt()
    if not ignores_interrupt() then
        signal.signal(signal.SIGINT, function()
            self:erase()
            signal.raise(signal.SIGINT)
        end)
    end
end

--- One line of text.
---@param words string
function Output:line(words)
    self:erase()
    self.out:write(words, "\n")
end

--- One line for people, which --quiet and --json leave out.
---@param words string
function Output:say(words)
    if not self.quiet and not self.json then
        self:line(words)
    end
end

--- Aligned columns below bold headings.
---@param headings string[]
---@param rows string[][]
---@param right? table<integer, true>
function Output:table(headings, rows, right)
    local head = {}
    for column, heading in ipairs(headings) do
        head[column] = self:paint("bold", heading)
    end
    for _, line in ipairs(text.columns({ head, table.unpack(rows) }, right)) do
        self:line(line)
    end
end

--- One JSON value on a line.
---@param value any
function Output:value(value)
    self:line(json.encode(value))
end

--- A list: an array, or with --json=lines an element a line. Elements are written as they come.
---@param elements fun(): any?
function Output:list(elements)
    self:erase()
    if self.json == "lines" then
        for element in elements do
            self:value(element)
        end
        return
    end
    local before = "["
    for element in elements do
        self.out:write(before, "\n", json.encode(element))
        before = ","
    end
    self.out:write(before == "[" and "[]\n" or "\n]\n")
end

--- The elements of a table, for list.
---@param elements any[]
---@return fun(): any?
function M.each(elements)
    local at = 0
    return function()
        at = at + 1
        return elements[at]
    end
end

local function now()
    local time = clock.clock_gettime(clock.CLOCK_MONOTONIC)
    return time.tv_sec + time.tv_nsec / 1e9
end

--- What to pass as progress: draws from the first second on, ten times a second. Nil where nobody looks.
---@param doing string  "importing base"
---@return moonsnap.Progress?
function Output:progress(doing)
    if not self.live then
        return nil
    end
    local due = now() + 1
    return function(done)
        if now() < due then
            return
        end
        due = now() + 0.1
        local of = done.total and done.total > 0 and " of " .. text.count(done.total) or ""
        if not self.drawn then
            self:erase_on_interrupt()
        end
        self.drawn = true
        self.errors:write(("%s%s: %s%s entries, %s"):format(ERASE, doing, text.count(done.entries), of,
            text.size(done.bytes)))
    end
end

return M
