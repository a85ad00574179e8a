--- Plans of a collection for people: what goes and why, what stays and why, and what cannot be reached.

local json = require "moonsnap.cli.json"
local text = require "moonsnap.cli.text"

local M = {}

local function words(reason)
    return (reason:gsub("_", " "))
end

local function totals_line(plan, verdict)
    local parts = {}
    for _, total in ipairs(plan.totals) do
        if total.verdict == verdict then
            parts[#parts + 1] = ("%s %s (%s)"):format(text.count(total.count), words(total.reason),
                text.size(total.size))
        end
    end
    return #parts > 0 and table.concat(parts, ", ") or "nothing"
end

local LEVELS = { crit = "red", critical = "red" }

--- What a plan says besides its items.
---@param out  moonsnap.cli.Output
---@param plan table
function M.summary(out, plan)
    local count, size = plan.before.count - plan.after.count, plan.before.size - plan.after.size
    out:say(("goes:  %s of %s, %s of %s"):format(text.count(count), text.several(plan.before.count, "snapshot"),
        text.size(size), text.size(plan.before.size)))
    if count > 0 then
        out:say("       " .. totals_line(plan, "remove"))
    end
    out:say("stays: " .. totals_line(plan, "keep"))
    for _, total in ipairs(plan.totals) do
        if total.reason == "maybe_mounted" then
            out:say("maybe mounted: what cannot be looked into may have it; --unseen counts such namespaces as empty")
        end
    end
    for _, unmet in ipairs(plan.unmet) do
        out:say(out:paint("yellow", ("rule %s: %s"):format(text.plain(unmet.rule), text.plain(unmet.text))))
    end
    for _, one in ipairs(plan.monitors) do
        out:say(out:paint(LEVELS[one.level] or "yellow", ("%s: %s"):format(text.plain(one.level),
            text.plain(one.text))))
    end
end

--- The snapshots that a plan removes.
---@param out   moonsnap.cli.Output
---@param items table[]
---@param done? boolean  with what came of each
function M.items(out, items, done)
    local rows = {}
    for _, item in ipairs(items) do
        if item.verdict ~= "keep" then
            local row = { text.plain(item.key), text.size(item.size), words(item.reason), text.plain(item.text) }
            if done then
                row[#row + 1] = item.outcome and item.outcome ~= "" and item.outcome or "-"
            end
            rows[#rows + 1] = row
        end
    end
    if out.quiet then
        for _, row in ipairs(rows) do
            out:line(row[1])
        end
    elseif #rows > 0 then
        out:table({ "KEY", "SIZE", "REASON", "WHY", done and "OUTCOME" or nil }, rows, { [2] = true })
    end
end

--- A plan as --json prints it: with all its items, which of a stored plan are those that it removes.
---@param plan table
---@param items table[]
---@return table
function M.object(plan, items)
    local list = {}
    for i, item in ipairs(items) do
        list[i] = {
            key = item.key, verdict = item.verdict, reason = item.reason, rule = item.rule, message = item.text,
            size = item.size, outcome = item.outcome ~= "" and item.outcome or nil,
            note = item.outcome_text ~= "" and item.outcome_text or nil,
        }
    end
    return {
        id = plan.id, namespace = plan.namespace, at = text.instant(plan.at), rules = plan.rules,
        before = plan.before, after = plan.after, totals = json.array(plan.totals), unmet = json.array(plan.unmet),
        monitors = json.array(plan.monitors), items = json.array(list),
    }
end

--- What came of applying, in words.
---@param out  moonsnap.cli.Output
---@param done moonsnap.gc.Applied
function M.applied(out, done)
    local parts = {}
    for _, name in ipairs { "gone", "vetoed", "busy", "changed", "failed" } do
        if done[name] > 0 then
            parts[#parts + 1] = ("%s %s"):format(text.count(done[name]), name)
        end
    end
    if done.left > 0 then
        parts[#parts + 1] = text.count(done.left) .. " left for the next time"
    end
    local rest = #parts > 0 and "; " .. table.concat(parts, ", ") or ""
    out:say(("removed %s, %s%s"):format(text.several(done.removed, "snapshot"), text.size(done.size), rest))
    for _, one in ipairs(done.skipped) do
        local why = one.text and ": " .. text.plain(one.text) or ""
        out:say(("  %s: %s%s"):format(text.plain(one.key), one.outcome, why))
    end
end

return M
