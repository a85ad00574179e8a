--- One request on its way through its hooks.
---
---     validate -> mutate -> before -> around( the engine's call )
---
--- All of it is one transaction, so a hook sees what the call will see, and a denial leaves nothing.

local requests = require "moonsnap.hooks.request"
local sandboxes = require "moonsnap.sandbox"
local under_way = require "moonsnap.hooks.under_way"
local verdicts = require "moonsnap.hooks.verdicts"

local M = {}

local run_in, frame_of = sandboxes.run, under_way.frame_of

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

--- A hook has failed: what that means for the request.
local function failed(chain, entry, text)
    entry.counts.failures = entry.counts.failures + 1
    entry.breaker:failed(text)
    if entry.fail == "closed" then
        return M.refusal(chain, entry, "internal", "it failed: " .. text)
    end
end

local function good(entry, instructions, seconds)
    local counts = entry.counts
    counts.calls = counts.calls + 1
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

--- By verdict: what it does, or the error that the request ends with.
local ACTS = {
    deny = function(chain, entry, verdict)
        local known, err = pcall(M.refusal, chain, entry, verdict.kind, verdict.text)
        if not known then
            return failed(chain, entry, ("deny: there is no error kind '%s'"):format(verdict.kind:sub(1, 40)))
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
        entry.counts.rewrites = entry.counts.rewrites + 1
        requests.rewrite(chain.request, verdict)
        under_way.close(chain)
        chain.view, chain.rewritten = nil, true
    end,
}

--- Whether the breaker lets a hook run; else the error that the request ends with, if any.
local function let_run(chain, entry)
    entry.counts.matches = entry.counts.matches + 1
    if entry.removed or not entry.breaker:runs() then
        entry.counts.skipped = entry.counts.skipped + 1
        local off = not entry.removed and entry.fail == "closed"
        return false, off and M.refusal(chain, entry, "internal", entry.breaker:text()) or nil
    end
    return true
end

--- A hook has answered: what that means for the request.
local function answered(chain, entry, verdict)
    local wrong = verdicts.wrong(verdict, entry, chain.request.verb)
    if wrong then
        return failed(chain, entry, wrong)
    end
    entry.breaker:good()
    if verdict ~= nil then
        return ACTS[verdict.verdict](chain, entry, verdict)
    end
end

--- Asks one hook. Answers the error that the request ends with, or nothing.
local function ask(chain, entry)
    local runs, err = let_run(chain, entry)
    if not runs then
        return err
    end
    local ok, verdict, instructions, seconds = under_way.run(chain, entry)
    good(entry, instructions, seconds)
    if not ok then
        return failed(chain, entry, verdict)
    end
    return answered(chain, entry, verdict)
end

--- The same for a hook in the sandbox that says nothing, which most do: ten of them must cost next to nothing. False
--- when it is not that simple.
local function quick(chain, entry)
    local sandbox, breaker = entry.sandbox, entry.breaker
    if not sandbox or entry.removed or breaker.until_ then
        return false
    end
    local hooks, counts = chain.hooks, entry.counts
    hooks.entry = entry
    local verdict, err = run_in(sandbox, entry.run, entry.budget, entry.words and hooks:handlers_of(entry)
        or hooks.handlers, chain.frames[sandbox] or frame_of(chain, sandbox))
    local instructions, seconds = sandbox:spent()
    counts.matches, counts.calls = counts.matches + 1, counts.calls + 1
    counts.instructions, counts.seconds = counts.instructions + instructions, counts.seconds + seconds
    if verdict == nil and err == nil then
        return true
    elseif err ~= nil then
        return true, failed(chain, entry, type(err) == "table" and err.message or tostring(err))
    end
    return true, answered(chain, entry, verdict)
end

--- What matches now and comes behind a hook.
local function behind(index, chain, rank)
    local rest = {}
    for _, entry in ipairs(index:find(chain.request) or rest) do
        if entry.rank > rank then
            rest[#rest + 1] = entry
        end
    end
    return rest
end

--- Asks all of validate, mutate and before. Answers the error that the request ends with, or nil and the hooks around.
---@param chain moonsnap.hooks.Chain
---@param index moonsnap.hooks.Index
---@param found moonsnap.hooks.Entry[]
---@return moonsnap.Error? err
---@return moonsnap.hooks.Entry[]? arounds
function M.decide(chain, index, found)
    local i = 1
    while found[i] and found[i].phase ~= "around" do
        local entry = found[i]
        local done, err = quick(chain, entry)
        if not done then
            err = ask(chain, entry)
        end
        if err then
            return err
        end
        i = i + 1
        if chain.rewritten then
            chain.rewritten = nil
            found, i = behind(index, chain, entry.rank), 1
        end
    end
    return nil, found[i] and table.move(found, i, #found, 1, {}) or nil
end

--- Around ---------------------------------------------------------------------------------------

--- What an around-hook ends with: its verdict, or what was behind it.
local function ended(chain, entry, ok, verdict, behind_it)
    local wrong = not ok and verdict or verdicts.wrong(verdict, entry, chain.request.verb)
    if not wrong and verdict == nil and not behind_it then
        wrong = "it neither called next() nor answered a verdict"
    end
    local err
    if wrong then
        err = failed(chain, entry, wrong)
    else
        entry.breaker:good()
        err = verdict and ACTS[verdict.verdict](chain, entry, verdict)
    end
    return err
end

--- The engine's call inside hook i and all behind it.
---@param chain   moonsnap.hooks.Chain
---@param arounds moonsnap.hooks.Entry[]
---@param i       integer
---@param act     fun(request: moonsnap.Request): any, moonsnap.Error?
function M.around(chain, arounds, i, act)
    local entry = arounds[i]
    if not entry then
        return act(chain.request)
    end
    local runs, err = let_run(chain, entry)
    if not runs then
        if err then
            return nil, err
        end
        return M.around(chain, arounds, i + 1, act)
    end
    local behind_it, running
    local function go_on()
        if behind_it then
            error("next: it was called already", 2)
        end
        local clock = chain.hooks.clock
        local began = clock()
        behind_it = table.pack(M.around(chain, arounds, i + 1, act))
        running:forgive(clock() - began)
        return table.unpack(behind_it, 1, behind_it.n)
    end
    local ok, verdict, instructions, seconds = under_way.run(chain, entry, go_on, function(runner) running = runner end)
    good(entry, instructions, seconds)
    err = ended(chain, entry, ok, verdict, behind_it)
    if err then
        return nil, err
    elseif not behind_it then
        return M.around(chain, arounds, i + 1, act)
    end
    return table.unpack(behind_it, 1, behind_it.n)
end

return M
