--- Hooks of phase after as readers of the outbox: what events/delivery.lua hands events to, again and again until they
--- take them.

local sandboxes = require "moonsnap.sandbox"

local M = {}

--- Verbs by the event's topic.
local VERBS = {
    ["/snapshot/prepare"] = "prepare", ["/snapshot/commit"] = "commit", ["/snapshot/remove"] = "remove",
    ["/moonsnap/view"] = "view", ["/moonsnap/update"] = "update", ["/moonsnap/lease"] = "lease",
    ["/moonsnap/pin"] = "pin", ["/moonsnap/unpin"] = "pin",
    ["/moonsnap/mount"] = "mount", ["/moonsnap/unmount"] = "unmount",
}

--- What is made or was, by verb.
local KINDS = { prepare = "active", view = "view", commit = "committed", import = "committed" }

--- The verb behind an event. An import is a commit without a key.
local function verb_of(event)
    local verb = VERBS[event.topic]
    return verb == "commit" and event.key == "" and "import" or verb
end

--- Fields that requests have and events do not.
local function is_missing(term)
    return term.place == "current" or term.path:find("^caller%.") or term.path == "lease"
end

--- What is wrong with a hook as one of phase after: it would never be called.
---@param entry moonsnap.hooks.Entry
---@return string? wrong
function M.wrong(entry)
    if entry.phase ~= "after" then
        return nil
    end
    local told, silent = entry.verbs.import, {}
    for _, verb in pairs(VERBS) do
        told = told or entry.verbs[verb]
    end
    for verb in pairs(entry.verbs) do
        silent[#silent + 1] = verb
    end
    if not told then
        table.sort(silent)
        return "phase after: there are no events of " .. table.concat(silent, ", ")
    end
    for _, terms in ipairs(entry.match and entry.match.alternatives or {}) do
        for _, term in ipairs(terms) do
            if is_missing(term) then
                return ("phase after: match: an event has no field '%s' (it has action, key, kind, labels.NAME, name, "
                    .. "namespace, parent, topic, verb)"):format(term.path)
            end
        end
    end
end

--- An event as hooks see it.
local function shown(event)
    local copy = {}
    for name, value in pairs(event) do
        copy[name] = value
    end
    copy.labels = copy.labels or {}
    copy.verb = verb_of(event)
    copy.kind, copy.action = KINDS[copy.verb], event.data and event.data.action
    return copy
end

local function matches(entry)
    return function(event)
        local verb = verb_of(event)
        if not verb or not entry.verbs[verb] and not (verb == "import" and entry.verbs.commit) then
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
    local why = tostring(err)
    counts.failures, entry.breaker.last = counts.failures + 1, why
    return nil, hooks.failure("internal", ("policy %s: it failed: %s"):format(entry.name, why))
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
