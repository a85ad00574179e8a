--- label.protect { KEY, peer = { uid = 0 }, doors = { "command" }, snapshot = true }: who may set, change or take away
--- the label; with snapshot, what carries it is not removed. KEY may have *.
---
--- The label is taken away first, by one of the peers, where the snapshot shall go.

local words = require "moonsnap.policy.labels.words"

local M = {
    phase = "validate", order = 4, raw = true, permits = true,
    verbs = { "prepare", "view", "commit", "import", "update", "remove", "evict" },
    fields = { doors = "strings", snapshot = "boolean", text = "string" },
}

local DOORS = { module = true, command = true, service = true }

function M.prepare(policy)
    for _, door in ipairs(policy.doors or {}) do
        if not DOORS[door] then
            return ("doors has '%s': it is module, command or service"):format(words.shown(door))
        end
    end
    policy.doors = policy.doors and words.set(policy.doors)
    if not policy.peer and not policy.doors and not policy.snapshot then
        return "it protects from nobody: give it peer, doors or snapshot = true"
    end
    if not policy.peer and not policy.doors then
        policy.peer = {} -- nobody
    end
end

--- A protected label that will be another than it was.
local function changed(policy, view)
    local after = view:all()
    for name, value in pairs(after) do
        if policy.names(name) and view.old[name] ~= value then
            return name
        end
    end
    for name in pairs(view.old) do
        if policy.names(name) and after[name] == nil then
            return name
        end
    end
end

local ENDING = { remove = true, evict = true }

function M.check(policy, view)
    local request = view.request
    if ENDING[request.verb] then
        for name in pairs(policy.snapshot and view.old or {}) do
            if policy.names(name) then
                return policy.text or ("label '%s' protects it: take the label away first"):format(words.shown(name)),
                    "failed_precondition"
            end
        end
        return nil
    end
    local name = not words.is_peer(policy, request.caller) and changed(policy, view)
    if name then
        return policy.text or ("label '%s' is protected: uid %d may not set, change or take it away (door %s)")
            :format(words.shown(name), request.caller.uid or -1, request.caller.door or "?"), "permission_denied"
    end
end

return M
