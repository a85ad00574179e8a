--- Numbers about the service, as Prometheus reads them: counters and histograms that are counted while it works,
--- and gauges that are asked for when somebody looks.
---
--- Text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/

local M = {}

M.CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

--- Upper bounds in seconds of everything that takes time.
M.SECONDS = { 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 }

--- One thing that is measured.
---@class moonsnap.service.Family
---@field name   string
---@field help   string
---@field kind   "counter" | "gauge" | "histogram"
---@field labels string[]
---@field write  fun(family: moonsnap.service.Family, out: string[])

---@class moonsnap.service.Metrics
---@field families moonsnap.service.Family[]
local Metrics = {}
Metrics.__index = Metrics

local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

local function escaped(value)
    return (value:gsub('[\\"\n]', ESCAPES))
end

local function labelled(names, values)
    local parts = {}
    for at, name in ipairs(names) do
        parts[at] = ('%s="%s"'):format(name, escaped(tostring(values[at])))
    end
    return table.concat(parts, ",")
end

local function number(value)
    if value == math.huge then
        return "+Inf"
    elseif value == -math.huge then
        return "-Inf"
    elseif value ~= value then
        return "NaN"
    end
    local short = ("%.15g"):format(value)
    return math.type(value) == "integer" and tostring(value) or tonumber(short) == value and short
        or ("%.17g"):format(value)
end

local function sample(out, name, labels, value)
    out[#out + 1] = labels == "" and ("%s %s\n"):format(name, number(value))
        or ("%s{%s} %s\n"):format(name, labels, number(value))
end

local function sorted_keys(values)
    local keys = {}
    for key in pairs(values) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

---@return moonsnap.service.Metrics
function M.new()
    return setmetatable({ families = {}, names = {} }, Metrics)
end

local function add(metrics, family)
    assert(family.name:find("^[%a_:][%w_:]*$"), family.name)
    assert(not metrics.names[family.name], family.name)
    metrics.names[family.name] = true
    metrics.families[#metrics.families + 1] = family
    return family
end

---@class moonsnap.service.Counter: moonsnap.service.Family
---@field values table<string, number>  by the labels' text
local Counter = {}
Counter.__index = Counter

function Counter:write(out)
    for _, labels in ipairs(sorted_keys(self.values)) do
        sample(out, self.name, labels, self.values[labels])
    end
end

--- A series of it, as the key for values: `counter.values[series] = counter.values[series] + 1`.
---@param ... string  a value for each label
---@return string series
function Counter:series(...)
    local series = labelled(self.labels, { ... })
    self.values[series] = self.values[series] or 0
    return series
end

---@param amount number
---@param ... string
function Counter:add(amount, ...)
    local series = self:series(...)
    self.values[series] = self.values[series] + amount
end

---@param name string  ending in _total
---@param help string
---@param labels? string[]
---@return moonsnap.service.Counter
function Metrics:counter(name, help, labels)
    return add(self, setmetatable({ name = name, help = help, kind = "counter", labels = labels or {}, values = {} },
        Counter)) --[[@as moonsnap.service.Counter]]
end

--- Buckets as text: counts of each, the last one of what is above all bounds.
local function write_buckets(out, name, labels, bounds, counts, sum)
    local comma, total = labels == "" and "" or ",", 0
    for at, bound in ipairs(bounds) do
        total = total + counts[at]
        sample(out, name .. "_bucket", ('%s%sle="%s"'):format(labels, comma, ("%.14g"):format(bound)), total)
    end
    total = total + counts[#bounds + 1]
    sample(out, name .. "_bucket", labels .. comma .. 'le="+Inf"', total)
    sample(out, name .. "_sum", labels, sum)
    sample(out, name .. "_count", labels, total)
end

local Asked = {}
Asked.__index = Asked

function Asked:write(out)
    local value = self.ask()
    if type(value) == "number" then
        sample(out, self.name, "", value)
    end
    for _, labels in ipairs(type(value) == "table" and sorted_keys(value) or {}) do
        sample(out, self.name, labelled(self.labels, { labels }), value[labels])
    end
end

--- What is asked for at each look: ask answers a number, nil (unknown now), or with a label numbers by its value.
---@param kind "gauge" | "counter"
---@param name string
---@param help string
---@param ask fun(): number | table<string, number> | nil
---@param label? string
function Metrics:asked(kind, name, help, ask, label)
    add(self, setmetatable({ name = name, help = help, kind = kind, labels = { label }, ask = ask }, Asked))
end

--- Counts of one series of a histogram; the last one is of what is above all bounds.
---@class moonsnap.service.Series
---@field counts integer[]
---@field sum    number

---@class moonsnap.service.Histogram: moonsnap.service.Family
---@field bounds number[]
---@field values table<string, moonsnap.service.Series>
local Histogram = {}
Histogram.__index = Histogram

function Histogram:write(out)
    for _, labels in ipairs(sorted_keys(self.values)) do
        local series = self.values[labels]
        write_buckets(out, self.name, labels, self.bounds, series.counts, series.sum)
    end
end

---@param ... string  a value for each label
---@return moonsnap.service.Series
function Histogram:series(...)
    local labels = labelled(self.labels, { ... })
    local series = self.values[labels]
    if not series then
        series = { counts = {}, sum = 0.0 }
        for at = 1, #self.bounds + 1 do
            series.counts[at] = 0
        end
        self.values[labels] = series
    end
    return series
end

---@param series moonsnap.service.Series
---@param value number
function Histogram:observe(series, value)
    local bounds, counts, at = self.bounds, series.counts, 1
    local bound = bounds[1]
    while bound and value > bound do
        at = at + 1
        bound = bounds[at]
    end
    counts[at] = counts[at] + 1
    series.sum = series.sum + value
end

---@param name string
---@param help string
---@param bounds number[]  rising
---@param labels? string[]
---@return moonsnap.service.Histogram
function Metrics:histogram(name, help, bounds, labels)
    return add(self, setmetatable({
        name = name, help = help, kind = "histogram", labels = labels or {}, bounds = bounds, values = {},
    }, Histogram)) --[[@as moonsnap.service.Histogram]]
end

local AskedHistogram = {}
AskedHistogram.__index = AskedHistogram

function AskedHistogram:write(out)
    local counts, sum = self.ask()
    if counts then
        write_buckets(out, self.name, "", self.bounds, counts, sum)
    end
end

--- A histogram that somebody else keeps: ask answers the buckets' counts (one more than bounds) and the sum.
---@param name string
---@param help string
---@param bounds number[]
---@param ask fun(): integer[]?, number?
function Metrics:asked_histogram(name, help, bounds, ask)
    add(self, setmetatable({ name = name, help = help, kind = "histogram", labels = {}, bounds = bounds, ask = ask },
        AskedHistogram))
end

--- Everything, as text.
---@return string
function Metrics:text()
    local out = {}
    for _, family in ipairs(self.families) do
        out[#out + 1] = ("# HELP %s %s\n"):format(family.name, (family.help:gsub("[\\\n]", ESCAPES)))
        out[#out + 1] = ("# TYPE %s %s\n"):format(family.name, family.kind)
        family:write(out)
    end
    return table.concat(out)
end

return M
