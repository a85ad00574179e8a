--- Random stores and random rules, for what must be so of every plan.
local facts = require "spec.support.facts"

local M = {}

local HELD = { "pinned", "leased", "mounted", "owned" }
local CLASSES = { "cache", "nightly", "scratch" }

local function some(list)
    return list[math.random(#list)]
end

--- Snapshots as facts.lua takes them: forests of committed ones, actives and views on top, a few held.
---@param count integer
---@return table[]
function M.words(count)
    local words = {}
    for i = 1, count do
        local parent = i > 1 and math.random() < 0.7 and words[math.random(math.max(1, i - 20), i - 1)] or nil
        if parent and parent.kind ~= "committed" then
            parent = nil
        end
        words[i] = {
            "s" .. i, parent = parent and parent[1],
            kind = math.random() < 0.8 and "committed" or some { "active", "view" },
            age = math.random(1, 400 * 86400), idle = math.random(1, 90 * 86400), uses = math.random(0, 9),
            size = math.random(0, 1000), inodes = math.random(0, 50), depth = (parent and parent.depth or 0) + 1,
            held = math.random() < 0.05 and some(HELD) or nil,
            labels = { class = some(CLASSES), project = "p" .. math.random(3),
                ["moonsnap/cost"] = tostring(math.random(100)),
                important = math.random() < 0.1 and "yes" or nil },
        }
    end
    return words
end

--- A random count: 3, or { min = 1, max = 3 }.
local function count()
    local most = math.random(0, 6)
    return math.random() < 0.3 and { min = math.random(0, most), max = most } or most
end

---@return table
function M.keep()
    local keep = {}
    for _ = 1, math.random(1, 3) do
        local name = some { "last", "within", "used_within", "daily", "weekly", "monthly", "label" }
        if name == "within" or name == "used_within" then
            keep[name] = math.random(1, 200) .. "d"
        elseif name == "label" then
            keep.label = { important = "yes" }
        else
            keep[name] = count()
        end
    end
    keep.choose = math.random() < 0.3 and "oldest" or nil
    return keep
end

local MATCHES = { "labels.class==cache", "labels.class==nightly", "kind==active", "age>30d", "labels.project!=p1",
    "idle>10d,size>100" }

local function bounds()
    local found = {}
    found[some { "max_used", "max_count", "max_inodes", "min_free", "max_depth" }] = math.random(0, 3000)
    if found.max_used then
        found.reserved = math.random() < 0.3 and math.random(0, found.max_used) or nil
    elseif found.max_depth then
        found.max_depth = math.random(1, 8)
    end
    return found
end

--- One to five rules; with_bounds: some ask for room.
---@param with_bounds boolean
---@return moonsnap.gc.Rule[]
function M.rules(with_bounds)
    local rules = {}
    for i = 1, math.random(1, 5) do
        local rule = { name = "r" .. i, match = math.random() < 0.8 and some(MATCHES) or nil }
        rule.keep = math.random() < 0.7 and M.keep() or nil
        rule.group_by = rule.keep and math.random() < 0.4 and "project" or nil
        rule.expire = math.random() < 0.4 and { [some { "ttl", "idle" }] = math.random(1, 300) .. "d" } or nil
        rule.min_age = math.random() < 0.3 and math.random(1, 100) .. "h" or nil
        rule.bounds = with_bounds and math.random() < 0.6 and bounds() or nil
        rule.order = rule.bounds and some { "lru", "lfu", "mixed", "oldest", "largest", "cheapest" } or nil
        rule.hard = rule.bounds and rule.keep and math.random() < 0.5 or nil
        rule.containerd = not rule.keep and math.random() < 0.05 and true or nil
        if not (rule.keep or rule.expire or rule.bounds or rule.containerd) then
            rule.min_age = "1h"
        end
        rules[i] = rule
    end
    return rules
end

--- The facts that are left when a plan was applied.
---@param list moonsnap.gc.Fact[]
---@param plan moonsnap.gc.Plan
---@return moonsnap.gc.Fact[]
function M.after(list, plan)
    local gone, left = {}, {}
    for _, key in ipairs(facts.removed(plan)) do
        gone[key] = true
    end
    for _, fact in ipairs(list) do
        left[#left + 1] = not gone[fact.name] and fact or nil
    end
    return left
end

return M
