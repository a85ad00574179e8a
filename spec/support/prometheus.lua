--- A strict reader of Prometheus' text format 0.0.4: anything it does not expect raises.
---
--- Also what makes sense of it: a TYPE before samples, no series twice, histograms whose buckets rise to +Inf, which
--- is their count, and whose sum is there.

local M = {}

local KINDS = { counter = true, gauge = true, histogram = true }

local function fail(number, line, why)
    error(("line %d: %s: %q"):format(number, why, line), 0)
end

local VALUES = { ["+Inf"] = math.huge, ["-Inf"] = -math.huge, NaN = 0 / 0 }
local UNESCAPED = { ["\\\\"] = "\\", ['\\"'] = '"', ["\\n"] = "\n" }

--- Labels in the order in which they stand.
local function labels_of(text, number, line)
    local labels, at = {}, 1
    while at <= #text do
        local name, value, after = text:match('^([%a_][%w_]*)="(.-)"()', at)
        while name and value:match("\\*$"):len() % 2 == 1 do -- the quote was escaped
            local more, behind = text:match('^(.-)"()', after)
            if not more then
                fail(number, line, "a label without end")
            end
            value, after = value .. '"' .. more, behind
        end
        if not name or labels[name] then
            fail(number, line, "bad labels")
        end
        local rest = value:gsub("\\[\\\"n]", "")
        if rest:find("[\\\n]") or not utf8.len(value) then
            fail(number, line, "a bad escape")
        end
        labels[name] = value:gsub("\\.", UNESCAPED)
        local comma = text:match("^,()", after)
        if not comma and after <= #text then
            fail(number, line, "no comma between labels")
        end
        at = comma or after
    end
    return labels
end

local function family_of(families, name)
    local family = families[name]
    if family then
        return family, ""
    end
    local base, suffix = name:match("^(.*)(_%a+)$")
    family = families[base]
    if family and family.kind == "histogram" and (suffix == "_bucket" or suffix == "_sum" or suffix == "_count") then
        return family, suffix
    end
end

local function key_of(labels)
    local parts = {}
    for name, value in pairs(labels) do
        if name ~= "le" then
            parts[#parts + 1] = ("%s=%q"):format(name, value)
        end
    end
    table.sort(parts)
    return table.concat(parts, ",")
end

local function check_histogram(name, family)
    local series = {}
    for _, sample in ipairs(family.samples) do
        local key = key_of(sample.labels)
        local one = series[key] or { total = 0, bound = -math.huge }
        series[key] = one
        if sample.suffix == "_bucket" then
            local bound = VALUES[sample.labels.le] or tonumber(sample.labels.le)
            assert(bound and bound > one.bound, name .. ": bounds must rise")
            assert(sample.value >= one.total, name .. ": buckets must not fall")
            one.bound, one.total = bound, sample.value
        else
            one[sample.suffix] = sample.value
        end
    end
    for key, one in pairs(series) do
        assert(one.bound == math.huge and one.total == one._count and one._sum, name .. ": incomplete: " .. key)
    end
end

--- Reads a whole answer.
---@param text string
---@return table<string, {kind: string, help: string, samples: {labels: table<string, string>, value: number}[]}>
function M.parse(text)
    assert(text:sub(-1) == "\n", "the last line has no end")
    local families, current, number, seen = {}, nil, 0, {}
    for line in text:gmatch("([^\n]*)\n") do
        number = number + 1
        local helped, help = line:match("^# HELP ([%a_:][%w_:]*) (.+)$")
        local typed, kind = line:match("^# TYPE ([%a_:][%w_:]*) (%a+)$")
        if helped then
            current = { help = help, samples = {} }
            if families[helped] then
                fail(number, line, "twice")
            end
            families[helped] = current
        elseif typed then
            if families[typed] ~= current or not KINDS[kind] then
                fail(number, line, "bad TYPE")
            end
            current.kind = kind
        else
            local name, inside, value = line:match("^([%a_:][%w_:]*){(.*)} (%S+)$")
            if not name then
                name, value = line:match("^([%a_:][%w_:]*) (%S+)$")
            end
            local family, suffix = family_of(families, name or "")
            local parsed = value and (VALUES[value] or tonumber(value))
            if not family or family ~= current or not family.kind or not parsed then
                fail(number, line, "no sample of this family")
            end
            local labels = labels_of(inside or "", number, line)
            local id = name .. key_of(labels) .. (labels.le or "")
            if seen[id] then
                fail(number, line, "a series twice")
            end
            seen[id] = true
            family.samples[#family.samples + 1] = { labels = labels, value = parsed, suffix = suffix }
        end
    end
    for name, family in pairs(families) do
        if family.kind == "histogram" then
            check_histogram(name, family)
        end
    end
    return families
end

--- The value of the one sample of a family with these labels; nil when there is none.
---@param families table
---@param name string
---@param labels? table<string, string>
---@param suffix? string  "_count", "_sum" of a histogram
---@return number?
function M.value(families, name, labels, suffix)
    for _, sample in ipairs(families[name] and families[name].samples or {}) do
        local same = (suffix or "") == sample.suffix
        for label, value in pairs(labels or {}) do
            same = same and sample.labels[label] == value
        end
        if same then
            return sample.value
        end
    end
end

return M
