--- Hooks of phase after as readers of the outbox: what events/delivery.lua hands events to, again and again until they
--- take them.


local sandboxes = require "moonsnap.sandbox"

local M = {}

--- Verbs by the event's topic.
local VERBS = {
    ["/snapshot/prepare"] = "prepare", ["/snapshot/commit"] = "commit", ["/snapshot/remove"] = "remove",
    ["/moonsnap/view"] = "view", ["/moonsnap/update"] = "update", ["/moonsnap/lease"] = "lease",
    ["/moonsnap/pin"] = "pin", ["/moonsnap/unpin"] = "pin", ["/moonsnap/import"] = "import",
}
M.VERBS = VERBS

--- An event as hooks see it.
local function shown(event)
    local copy = {}
    for name, value in pairs(event) do
        copy[name] = value
    end
    copy.labels = copy.labels or {}
    copy.verb = VERBS[event.topic]
    return copy
end

local function matches(entry)
    return function(event)
        local verb = VERBS[event.topic]
        if not verb or not entry.verbs[verb] then
            return false
        end
        return not entry.match or entry.match:matches(shown(event), {})
    end
end

--- In the sandbox: true, or nil and what was wrong.
local function run_sandboxed(hooks, entry, event)
    local _, err = sandboxes.run(entry.sandbox, entry.run, entry.budget, hooks:handlers_of(entry), event)
    entry.counts.instructions = entry.counts.instructions + (entry.sandbox:spent())
    return err == nil or nil, err
end

local function run_plainly(_, entry, event, store)
    local ok, result, err = pcall(entry.run, event, store)
    if not ok then
        return nil, result
    end
    return (result ~= nil or err == nil) or nil, err
end

--- Calls run; what it raises, or answers as nil, err, is a failure, and the event comes again. A function of the host
--- may wait: nobody stands behind it.
local function run(hooks, entry, event, store)
    local counts, began = entry.counts, hooks.clock()
    counts.calls, counts.matches = counts.calls + 1, counts.matches + 1
    local call = entry.sandbox and run_sandboxed or run_plainly
    local ok, err = call(hooks, entry, shown(event), store)
    counts.seconds = counts.seconds + (hooks.clock() - began)
    if ok then
        return true
    end
    counts.failures = counts.failures + 1
    return nil, hooks.failure("internal", ("policy %s: it failed: %s"):format(entry.name, tostring(err)))
end

---@param hooks moonsnap.Hooks
---@return {name: string, match: (fun(event: table): boolean)?, run: function}[]
function M.readers(hooks)
    local readers = {}
    for _, entry in ipairs(hooks:all()) do
        if entry.phase == "after" then
            readers[#readers + 1] = {
                name = entry.file and entry.name .. "@" .. entry.file:match("^[^:]*") or entry.name,
                match = matches(entry),
                run = function(event, store) return run(hooks, entry, event, store) end,
            }
        end
    end
    return readers
end

return M
