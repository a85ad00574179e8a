--- What comes of a hook's answer, or of its failure: for the request and for the hook.

local requests = require "moonsnap.hooks.request"
local under_way = require "moonsnap.hooks.under_way"
local verdicts = require "moonsnap.hooks.verdicts"

local M = {}

local REF = "containerd.io/snapshot.ref"

--- The error that a request ends with because of a hook. containerd's collector goes on past a failed_precondition
--- and past nothing else.
function M.refusal(chain, entry, kind, text, seconds)
    local request = chain.request
    local from = request.caller
    if request.verb == "remove" and from and from.endpoint == "proxy" then
        kind = "failed_precondition"
    end
    local err = chain.hooks.failure(kind, ("%s '%s': policy %s: %s"):format(request.verb,
        request.name or request.key, entry.name, text))
    err.retry_after, err.policy = seconds, entry.name
    return err
end

--- Whether a failure has cost the request about what the hook may cost.
local function costly(budget, instructions, seconds)
    return seconds and seconds >= budget.seconds / 2 or instructions and instructions >= budget.instructions / 2
end

--- A hook has failed: what that means for the request. Whoever makes a closed hook raise is denied himself: only what
--- is costly switches it off, for everybody.
---@param instructions? integer  that it took to fail
---@param seconds?      number
function M.failed(chain, entry, text, instructions, seconds)
    entry.counts.failures = entry.counts.failures + 1
    if entry.fail == "open" or costly(entry.budget, instructions, seconds) then
        entry.breaker:failed(text)
    else
        entry.breaker:good(text)
    end
    if entry.fail == "closed" then
        return M.refusal(chain, entry, "internal", "it failed: " .. text)
    end
end

--- Counts a call: once where the same request is asked about twice.
function M.good(chain, entry, instructions, seconds)
    local counts = entry.counts
    counts.calls = counts.calls + (chain.again and 0 or 1)
    counts.instructions = counts.instructions + instructions
    counts.seconds = counts.seconds + seconds
end

--- Whether what exists() names is there and fits.
function M.fits(chain, name)
    local request, store = chain.request, chain.store
    local ref = request.labels[REF]
    local info = ref and store.engine:stat(store.name_space, name)
    return info and info.kind == "committed" and info.parent == request.parent and info.labels[REF] == ref
end

--- What the caller gives, before anything is rewritten.
local function given_of(request)
    return { labels = request.labels, parent = request.parent, fieldpaths = request.fieldpaths }
end

--- By verdict: what it does, or the error that the request ends with.
local ACTS = {
    deny = function(chain, entry, verdict)
        local known, err = pcall(M.refusal, chain, entry, verdict.kind, verdict.text)
        if not known then
            return M.failed(chain, entry, ("deny: there is no error kind '%s'"):format(verdict.kind:sub(1, 40)))
        end
        entry.counts.denials = entry.counts.denials + 1
        return err
    end,
    defer = function(chain, entry, verdict)
        entry.counts.defers = entry.counts.defers + 1
        return M.refusal(chain, entry, "unavailable", ("not now: come again in %g s"):format(verdict.seconds),
            verdict.seconds)
    end,
    exists = function(chain, entry, verdict)
        if M.fits(chain, verdict.name) then
            entry.counts.exists = entry.counts.exists + 1
            return M.refusal(chain, entry, "already_exists", ("'%s' is there already"):format(verdict.name))
        end
    end,
    rewrite = function(chain, entry, verdict)
        entry.counts.rewrites = entry.counts.rewrites + (chain.again and 0 or 1)
        chain.given, chain.done = chain.given or given_of(chain.request), chain.done or {}
        requests.rewrite(chain.request, verdict)
        under_way.close(chain)
        chain.view, chain.rewritten = nil, verdict
    end,
}

--- Whether the breaker lets a hook run; else the error that the request ends with, if any.
function M.let_run(chain, entry)
    local counted = chain.counted
    if counted then
        chain.again, counted[entry] = counted[entry], true
    end
    entry.counts.matches = entry.counts.matches + (chain.again and 0 or 1)
    if entry.removed or not entry.breaker:runs() then
        entry.counts.skipped = entry.counts.skipped + 1
        local off = not entry.removed and entry.fail == "closed"
        return false, off and M.refusal(chain, entry, "internal", entry.breaker:text()) or nil
    end
    return true
end

--- A hook has answered: what that means for the request.
function M.answered(chain, entry, verdict)
    local wrong = verdicts.wrong(verdict, entry, chain.request.verb)
    if wrong then
        return M.failed(chain, entry, wrong)
    end
    entry.breaker:good()
    if verdict ~= nil then
        return ACTS[verdict.verdict](chain, entry, verdict)
    end
end

return M
