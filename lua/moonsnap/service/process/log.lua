--- Structured logs: a line an entry, aligned for people on a terminal, JSON for everything else.
---
---     log:info("ready", { address = path })
---     2026-05-04T03:02:01.042Z info   ready  address=/run/moonsnap/moonsnap.sock
---     {"time":"2026-05-04T03:02:01.042Z","level":"info","msg":"ready","address":"/run/moonsnap/moonsnap.sock"}
---
--- Control characters and bytes that are no UTF-8 never reach the stream. A level that is off costs a call of an
--- empty function; where the fields cost something, ask log.on.debug first. What cannot be written is lost.

local readable = require "moonsnap.readable"

local M = {}

M.LEVELS = { "error", "warn", "info", "debug" }
local RANK = { error = 1, warn = 2, info = 3, debug = 4 }

local COLOURS = { error = "31", warn = "33", info = "32", debug = "2" }

--- Fields in this order, then the others by name.
local ORDER = { "request", "method", "code", "error", "duration_us", "uid", "pid", "namespace" }
local PLACE = {}
for at, name in ipairs(ORDER) do
    PLACE[name] = at
end

---@class moonsnap.service.Log
---@field on    table<string, boolean>  which levels are written
---@field error fun(self: moonsnap.service.Log, message: string, fields?: table<string, string|number|boolean>)
---@field warn  fun(self: moonsnap.service.Log, message: string, fields?: table<string, string|number|boolean>)
---@field info  fun(self: moonsnap.service.Log, message: string, fields?: table<string, string|number|boolean>)
---@field debug fun(self: moonsnap.service.Log, message: string, fields?: table<string, string|number|boolean>)
local Log = {}
Log.__index = Log

---@class moonsnap.service.LogOptions
---@field stream    {write: function}           a moonsnap.service.Sink, or such as io.stderr
---@field format    "text" | "json"
---@field level     "error" | "warn" | "info" | "debug"
---@field now       fun(): integer              nanoseconds since 1970
---@field coloured? boolean

local SHORT = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escaped(character)
    return SHORT[character] or ("\\u%04x"):format(utf8.codepoint(character))
end

local LINE = 3900                     -- bytes: such a line fits into a pipe that has room
local LONGEST = { 2000, 500, 120, 30 } -- bytes of a value, before it is escaped; the less the longer the line is

--- The text between quotes, as JSON has it.
---@param text string
---@param longest integer
---@return string
local function inside(text, longest)
    if #text > longest then
        text = text:sub(1, (utf8.offset(text, 0, longest + 1) or longest + 1) - 1) .. "..."
    end
    if not text:find('[%c\x7f-\xff"\\]') then
        return text
    elseif not utf8.len(text) then
        text = readable.repaired(text)
    end
    return (text:gsub('[%c\x7f"\\]', escaped):gsub("\xc2[\x80-\x9f]", escaped))
end

local function plain(value)
    return math.type(value) == "float" and ("%.14g"):format(value) or tostring(value)
end

local function json_value(value, longest)
    if type(value) == "string" then
        return '"' .. inside(value, longest) .. '"'
    elseif value ~= value or value == math.huge or value == -math.huge then
        return "null"
    end
    return plain(value)
end

--- A word as it is, anything else in quotes.
local function text_value(value, longest)
    if type(value) == "string" and (#value > longest or not value:find('^[^%c\x7f-\xff" =\\]+$')) then
        return '"' .. inside(value, longest) .. '"'
    end
    return plain(value)
end

local function before(a, b)
    local x, y = PLACE[a], PLACE[b]
    if x and y then
        return x < y
    end
    return x ~= nil or not y and a < b
end

local function names_of(fields)
    local names = {}
    for name in pairs(fields) do
        names[#names + 1] = name
    end
    table.sort(names, before)
    return names
end

--- The moment to the millisecond; the second's part is made once a second.
local function instant(log)
    local ns = log.now()
    local second = ns // 1000000000
    if second ~= log.second then
        log.second, log.date = second, os.date("!%Y-%m-%dT%H:%M:%S", second)
    end
    return ("%s.%03dZ"):format(log.date, ns // 1000000 % 1000)
end

local function as_json(log, level, message, fields, longest)
    local parts = { ('{"time":"%s","level":"%s","msg":"%s"'):format(instant(log), level, inside(message, longest)) }
    for _, name in ipairs(names_of(fields)) do
        parts[#parts + 1] = (',"%s":%s'):format(inside(name, longest), json_value(fields[name], longest))
    end
    parts[#parts + 1] = "}\n"
    return table.concat(parts)
end

local function paint(log, colour, words)
    return log.coloured and ("\27[%sm%s\27[0m"):format(colour, words) or words
end

local function as_text(log, level, message, fields, longest)
    local parts = { paint(log, "2", instant(log)), " ", paint(log, COLOURS[level], ("%-5s"):format(level)), "  ",
        inside(message, longest) }
    for at, name in ipairs(names_of(fields)) do
        parts[#parts + 1] = (at == 1 and "  " or " ") .. paint(log, "36", inside(name, longest) .. "=")
            .. text_value(fields[name], longest)
    end
    parts[#parts + 1] = "\n"
    return table.concat(parts)
end

local FORMATS = { text = as_text, json = as_json }
local NONE = {}

local function nothing() end

local function line_of(log, level, message, fields)
    local line
    for _, longest in ipairs(LONGEST) do
        line = log.format(log, level, message, fields or NONE, longest)
        if #line <= LINE then
            break
        end
    end
    return line
end

local function writer(level)
    return function(log, message, fields) log.stream:write(line_of(log, level, message, fields), log.lost) end
end

local WRITERS = { error = writer("error"), warn = writer("warn"), info = writer("info"), debug = writer("debug") }

--- Which entries are written from now on: those of level and the graver ones.
---@param level "error" | "warn" | "info" | "debug"
function Log:set_level(level)
    for _, name in ipairs(M.LEVELS) do
        self.on[name] = RANK[name] <= RANK[level]
        self[name] = self.on[name] and WRITERS[name] or nothing
    end
end

---@param options moonsnap.service.LogOptions
---@return moonsnap.service.Log
function M.new(options)
    local self = setmetatable({
        stream = options.stream, format = FORMATS[options.format], now = options.now,
        coloured = options.coloured and options.format == "text" or false, on = {},
    }, Log)
    self.lost = function(count) return line_of(self, "warn", "lines of the log were lost", { count = count }) end
    self:set_level(options.level)
    return self
end

return M
