--- What a rule's keep holds: counts, windows and calendar buckets over one group, newest first.
---
---     last = 3                       the newest three
---     within = "7d"                  made within seven days; used_within: used within
---     daily = 7                      one of each of the newest seven days that have any (hourly ... yearly alike)
---     daily = { min = 2, max = 7 }   two for sure, seven as long as no bound needs the room
---     daily = { within = "30d" }     one a day for thirty days; { span = 14 }: of today and fourteen days before it;
---                                    { span = 14, all = true }: all of these days
---     frequently = { every = "15m", n = 4 }
---     tagged = { "v*" }, label = { important = "yes", base = "*" }
---     both = { keep, keep }          held only by both; what stands side by side holds each by itself
---
--- And how to read these: choose = "newest" | "oldest" of a bucket, zone = "UTC" | "+02:00", day_starts = "4h",
--- week_starts = "monday", from = "now" | "newest" (what within counts back from), oldest = true (the oldest of all as
--- long as a count is not used up), cascade = true (months choose among what weeks chose, years among months; a week is
--- of the month that it begins in).

local buckets = require "moonsnap.gc.buckets"
local match = require "moonsnap.gc.match"
local units = require "moonsnap.units"

local M = {}

local SECOND = 1000000000
local SOFT, ELASTIC = 2, 1

local function nanoseconds(duration)
    return math.floor(units.parse_duration(duration) * SECOND)
end

--- What a count says: {min, max, within, span}.
local function count_of(spec)
    if spec == "all" then
        return { min = math.huge, max = math.huge, shown = "all" }
    elseif type(spec) == "number" then
        return { min = spec, max = spec, shown = tostring(spec) }
    end
    local most = spec.max or spec.n or math.huge
    return {
        min = spec.min or most, max = most, span = spec.span,
        within = spec.within and nanoseconds(spec.within), all = spec.all,
        shown = spec.min and ("%d to %d"):format(spec.min, most) or spec.n and tostring(spec.n)
            or spec.span and ("%d back"):format(spec.span) or spec.within,
    }
end

--- How firmly a count holds the n-th one.
local function level_of(count, n)
    return n <= count.min and SOFT or n <= count.max and ELASTIC or 0
end

---@class moonsnap.gc.Marks
---@field level integer[]  by fact: 2 kept, 1 kept as long as no bound needs it, else nil
---@field why   string[]

local function mark(marks, i, level, why)
    if level > (marks.level[i] or 0) then
        marks.level[i], marks.why[i] = level, why
    end
end

--- One of each run with the same bucket: the newest, or the oldest.
local function picks_of(list, facts, bucket, oldest)
    local picks, numbers, last = {}, {}, nil
    for _, i in ipairs(list) do
        local number = bucket(facts[i].created // SECOND)
        if number ~= last then
            picks[#picks + 1], numbers[#numbers + 1], last = i, number, number
        elseif oldest then
            picks[#picks] = i
        end
    end
    return picks, numbers
end

--- Marks the picks that a count holds.
local function mark_picks(rule, word, count, picks, numbers, today, group)
    local since = count.within and group.from - count.within
    local facts, marks = group.facts, group.marks
    local n = 0
    for at, i in ipairs(picks) do
        local inside = (not since or facts[i].created > since) and (not count.span or today - numbers[at] <= count.span)
        if inside then
            n = n + 1
            local level = level_of(count, n)
            if level == 0 then
                return
            end
            mark(marks, i, level, ("%s %d of %s"):format(word, n, count.shown))
        end
    end
    if rule.oldest and n < count.max and #group.list > 0 then
        mark(marks, group.list[#group.list], SOFT, ("oldest, %s %d of %s"):format(word, n + 1, count.shown))
    end
end

--- Marks whatever lies in the last buckets.
local function mark_all(word, count, bucket, today, group)
    for _, i in ipairs(group.list) do
        if today - bucket(group.facts[i].created // SECOND) <= count.span then
            mark(group.marks, i, SOFT, ("%s, all of %s"):format(word, count.shown))
        end
    end
end

local CASCADE = { monthly = "weekly", yearly = "monthly" }

local function bucketed(self, group)
    local chosen, now = {}, group.now // SECOND
    for _, name in ipairs(buckets.NAMES) do
        local count = self.counts[name]
        if count or (self.cascade and (name == "weekly" or name == "monthly")) then
            local bucket = self.buckets[name]
            local list = self.cascade and chosen[CASCADE[name]] or group.list
            local picks, numbers = picks_of(list, group.facts, bucket, self.choose_oldest)
            chosen[name] = picks
            if count and count.all then
                mark_all(name, count, bucket, self.today[name](now), group)
            elseif count then
                mark_picks(self, name, count, picks, numbers, self.today[name](now), group)
            end
        end
    end
end

local function windows(self, group)
    local facts, marks = group.facts, group.marks
    local within = self.within and group.from - self.within
    local used = self.used_within and group.now - self.used_within
    for _, i in ipairs(group.list) do
        local fact = facts[i]
        if within and fact.created > within then
            mark(marks, i, SOFT, self.within_why)
        elseif used and match.last_use(fact) > used then
            mark(marks, i, SOFT, self.used_why)
        end
    end
end

local function has_tag(patterns, fact)
    for word in match.tags(fact) do
        for _, pattern in ipairs(patterns) do
            if word:find(pattern) then
                return word
            end
        end
    end
end

local function has_label(wanted, fact)
    for name, value in pairs(wanted) do
        local own = fact.labels[name]
        if own and (value == "*" or value == true or own == value) then
            return name
        end
    end
end

local function marked(self, group)
    for _, i in ipairs(group.list) do
        local tag = self.tagged and has_tag(self.tagged, group.facts[i])
        local label = not tag and self.label and has_label(self.label, group.facts[i])
        if tag then
            mark(group.marks, i, SOFT, "tagged " .. tag)
        elseif label then
            mark(group.marks, i, SOFT, ("label %s=%s"):format(label, group.facts[i].labels[label]))
        end
    end
end

--- Held by each of several keeps.
local function of_both(self, group)
    local all = group.marks
    local found = {}
    for at, keep in ipairs(self.both) do
        found[at] = { level = {}, why = {} }
        group.marks = found[at]
        M.apply(keep, group)
    end
    group.marks = all
    for _, i in ipairs(group.list) do
        local level, why = SOFT, {}
        for at, marks in ipairs(found) do
            level = math.min(level, marks.level[i] or 0)
            why[at] = marks.why[i]
        end
        if level > 0 then
            mark(all, i, level, table.concat(why, " and "))
        end
    end
end

---@class moonsnap.gc.Group
---@field list  integer[]            facts of the group, newest first
---@field facts moonsnap.gc.Fact[]
---@field now   integer              nanoseconds
---@field marks moonsnap.gc.Marks    where apply puts what it holds
---@field from? integer              inside

--- Marks what a compiled keep holds of a group.
---@param self moonsnap.gc.Keep
---@param group moonsnap.gc.Group
function M.apply(self, group)
    local newest = group.list[1]
    group.from = self.from_newest and newest and group.facts[newest].created or group.now
    if self.last then
        for n, i in ipairs(group.list) do
            local level = level_of(self.last, n)
            if level == 0 then
                break
            end
            mark(group.marks, i, level, ("last %d of %s"):format(n, self.last.shown))
        end
    end
    if self.within or self.used_within then
        windows(self, group)
    end
    if self.every then
        local every = self.every
        local function bucket(seconds) return seconds // every end
        local picks, numbers = picks_of(group.list, group.facts, bucket, self.choose_oldest)
        mark_picks(self, "frequently", self.frequent, picks, numbers, bucket(group.now // SECOND), group)
    end
    if self.counts then
        bucketed(self, group)
    end
    if self.tagged or self.label then
        marked(self, group)
    end
    if self.both then
        of_both(self, group)
    end
end

local function compile_counts(self, keep)
    for _, name in ipairs(buckets.NAMES) do
        if keep[name] then
            self.counts = self.counts or {}
            self.counts[name] = count_of(keep[name])
        end
    end
    if self.counts then
        local offset = buckets.offset(keep.zone or "UTC")
        self.buckets = buckets.new {
            offset = offset, week_starts = keep.week_starts, whole_weeks = keep.cascade,
            day_starts = keep.day_starts and math.floor(units.parse_duration(keep.day_starts)),
        }
        self.today = self.buckets
        if keep.cascade then -- now is in the month that the calendar shows, whatever its week
            local plain = buckets.new { offset = offset }
            self.today = setmetatable({ monthly = plain.monthly, yearly = plain.yearly }, { __index = self.buckets })
        end
    end
end

---@class moonsnap.gc.Keep  a compiled one

--- Compiles a keep that check found well formed.
---@param keep table
---@return moonsnap.gc.Keep
function M.compile(keep)
    local self = { oldest = keep.oldest, cascade = keep.cascade, choose_oldest = keep.choose == "oldest",
        from_newest = keep.from == "newest" }
    compile_counts(self, keep)
    self.last = keep.last and count_of(keep.last)
    if keep.within then
        self.within, self.within_why = nanoseconds(keep.within), "made within " .. keep.within
    end
    if keep.used_within then
        self.used_within, self.used_why = nanoseconds(keep.used_within), "used within " .. keep.used_within
    end
    if keep.frequently then
        self.every = math.floor(units.parse_duration(keep.frequently.every))
        self.frequent = count_of(keep.frequently.n)
    end
    if keep.tagged then
        self.tagged = {}
        for at, glob in ipairs(type(keep.tagged) == "table" and keep.tagged or { keep.tagged }) do
            self.tagged[at] = match.glob(glob)
        end
    end
    self.label = keep.label
    if keep.both then
        self.both = {}
        for at, one in ipairs(keep.both) do
            self.both[at] = M.compile(one)
        end
    end
    return self
end

return M
