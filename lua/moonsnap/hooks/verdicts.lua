--- Verdicts: what a hook answers. Plain values, so that they cross into and out of the sandbox; nil is no opinion.
---
---     deny(kind, text)     the caller gets nil, err of that kind
---     defer(seconds)       the caller gets unavailable, and err.retry_after
---     exists(name)         already_exists, when that snapshot is there and fits the request
---     rewrite{labels=, parent=}   mutate only: the request goes on changed

local M = {}

--- Refuses the request.
---@param kind moonsnap.ErrorKind  "resource_exhausted", "permission_denied", ...
---@param text string              the caller reads it
---@return moonsnap.Verdict
function M.deny(kind, text)
    return { verdict = "deny", kind = kind, text = text }
end

--- Not now: come again.
---@param seconds number
---@return moonsnap.Verdict
function M.defer(seconds)
    return { verdict = "defer", seconds = seconds }
end

--- What is asked for is there already: a committed snapshot of that name, on the request's parent, with its label
--- containerd.io/snapshot.ref. Where there is none it is no opinion.
---@param name string
---@return moonsnap.Verdict
function M.exists(name)
    return { verdict = "exists", name = name }
end

--- Changes the request: for hooks of phase mutate that declare the effects.
---@param changes {labels?: table<string, string|false>, parent?: string}  false takes a label away
---@return moonsnap.Verdict
function M.rewrite(changes)
    return { verdict = "rewrite", labels = changes.labels, parent = changes.parent }
end

--- By verdict: its fields with their types; "?" may be missing.
local FIELDS = {
    deny = { kind = "string", text = "string" },
    defer = { seconds = "number" },
    exists = { name = "string" },
    rewrite = { labels = "table?", parent = "string?" },
}

--- Verbs whose labels and whose parent a rewrite may change.
local LABELS = { prepare = true, view = true, commit = true, import = true, update = true, lease = true }
local PARENT = { prepare = true, view = true }

local function wrong_labels(labels)
    for name, value in pairs(labels) do
        if type(name) ~= "string" or type(value) ~= "string" and value ~= false then
            return "rewrite: labels are strings by their names, or false"
        end
    end
end

local function wrong_rewrite(verdict, entry, verb)
    if entry.phase ~= "mutate" then
        return "rewrite: only hooks of phase mutate change a request"
    elseif verdict.labels and not entry.effects.labels or verdict.parent and not entry.effects.parent then
        return ("rewrite: effect \"%s\" is not declared"):format(
            verdict.labels and not entry.effects.labels and "labels" or "parent")
    elseif verdict.labels and not LABELS[verb] then
        return ("rewrite: a request to %s has no labels to change"):format(verb)
    elseif verdict.parent and not PARENT[verb] then
        return ("rewrite: a request to %s has no parent to change"):format(verb)
    end
    return verdict.labels and wrong_labels(verdict.labels)
end

local function wrong_fields(verdict, fields)
    for name in pairs(verdict) do
        if name ~= "verdict" and not fields[name] then
            return ("%s: there is no field '%s' in it"):format(verdict.verdict, tostring(name):sub(1, 40))
        end
    end
    for name, wanted in pairs(fields) do
        local value, plain = verdict[name], wanted:gsub("?", "")
        if type(value) ~= plain and not (value == nil and plain ~= wanted) then
            return ("%s: %s: %s expected, got %s"):format(verdict.verdict, name, plain, type(value))
        end
    end
end

--- Says what is wrong with what a hook answered, or nil. nil is no opinion and right.
---@param verdict any
---@param entry   moonsnap.hooks.Entry
---@param verb    moonsnap.hooks.Verb
---@return string? wrong
function M.wrong(verdict, entry, verb)
    if verdict == nil then
        return nil
    elseif type(verdict) ~= "table" then
        return ("it answered %s, which is no verdict: nil, deny(), defer(), exists() or rewrite()"):format(
            type(verdict) == "boolean" and tostring(verdict) or "a " .. type(verdict))
    end
    local word = verdict.verdict
    local fields = FIELDS[word]
    if not fields then
        return ("it answered a table that is no verdict (verdict = %s)"):format(tostring(word):sub(1, 40))
    end
    local wrong = wrong_fields(verdict, fields)
    if wrong then
        return wrong
    elseif word == "rewrite" then
        return wrong_rewrite(verdict, entry, verb)
    elseif not entry.effects[word] then
        return ("%s: effect \"%s\" is not declared"):format(word, word)
    elseif word == "defer" and not (verdict.seconds > 0 and verdict.seconds < math.huge) then
        return "defer: seconds must be more than 0"
    end
end

return M
