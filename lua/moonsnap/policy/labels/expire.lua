--- label.expire { TTL, default = "6h", max = "2d" }: writes moonsnap/expires, a time, from a label that says how long.
---
--- The end is counted from when the snapshot is made; a caller who asks for more than max, or writes
--- moonsnap/expires himself, gets max at most. Retention rules do what the end asks: expire = { at_label = ... }.

local rfc3339 = require "moonsnap.rfc3339"
local units = require "moonsnap.units"
local words = require "moonsnap.policy.labels.words"

local M = {
    phase = "mutate", order = 1, exact = true,
    verbs = { "prepare", "view", "commit", "import", "update" },
    fields = { default = "any", max = "any" },
    LABEL = "moonsnap/expires",
}

local SECOND = 1000000000

function M.prepare(policy, context)
    for _, name in ipairs { "default", "max" } do
        if policy[name] ~= nil then
            local seconds, wrong = units.parse_duration(policy[name])
            if not seconds then
                return name .. ": " .. wrong
            end
            policy[name .. "_seconds"] = seconds
        end
    end
    if policy.label == M.LABEL then
        return M.LABEL .. " is what it writes: name the label that says how long"
    elseif policy.default_seconds and policy.max_seconds and policy.default_seconds > policy.max_seconds then
        return ("default %s is longer than max %s"):format(policy.default, policy.max)
    end
    policy.now = context.now
end

--- So many seconds behind a moment; what lies beyond all that can be written is the last that can.
local function behind(begin, seconds)
    return seconds < (rfc3339.LAST - begin) / SECOND and begin + math.floor(seconds * SECOND) or rfc3339.LAST
end

--- The moment that a snapshot with these labels ends: nil without one.
local function end_of(policy, view, begin)
    local ttl = view:after(policy.label)
    local seconds = ttl and units.parse_duration(ttl)
    local wished = not seconds and rfc3339.parse(view.given[M.LABEL] or "")
    seconds = seconds or policy.default_seconds
    local last = policy.max_seconds and behind(begin, policy.max_seconds)
    local at = wished or seconds and behind(begin, seconds) or last
    return at and last and math.min(at, last) or at
end

--- Whether an update is about the end of its snapshot.
local function concerns(policy, view)
    return view.request.verb ~= "update" or view.given[policy.label] or view.taken[policy.label]
        or view.given[M.LABEL] or view.taken[M.LABEL]
end

--- The labels to set, or nil; a ttl that nobody can read is told, not guessed.
function M.change(policy, view)
    if not concerns(policy, view) then
        return nil
    end
    local given = view.given[policy.label]
    if given and not units.parse_duration(given) then
        local _, wrong = units.parse_duration(words.shown(given))
        return nil, ("label '%s': %s"):format(policy.label, wrong or "it is no duration")
    end
    local current = view.request.verb == "update" and view.request.current
    local at = end_of(policy, view, current and current.created or policy.now())
    local written = at and rfc3339.format(at)
    if written == view:after(M.LABEL) then
        return nil
    end
    return written and { [M.LABEL] = written } or { [M.LABEL] = false }
end

return M
