--- Hooks of phase around: each runs with what is inside it as a function that it calls once.

local outcome = require "moonsnap.hooks.outcome"
local under_way = require "moonsnap.hooks.under_way"

local M = {}

local answered, failed, good, let_run = outcome.answered, outcome.failed, outcome.good, outcome.let_run

--- Is it what next() answered, handed on? That is no verdict, and as good as nothing.
local function is_handed_on(verdict, behind_it)
    return behind_it and type(verdict) == type(behind_it[2]) and not (type(verdict) == "table" and verdict.verdict)
end

--- What an around-hook ends with: its verdict, or what was behind it.
local function ended(chain, entry, ok, verdict, behind_it)
    if ok and is_handed_on(verdict, behind_it) then
        verdict = nil
    end
    if not ok then
        return failed(chain, entry, verdict)
    elseif verdict == nil and not behind_it then
        return failed(chain, entry, "it neither called next() nor answered a verdict")
    end
    return answered(chain, entry, verdict)
end

--- The engine's call inside hook i and all behind it.
---@param chain   moonsnap.hooks.Chain
---@param arounds moonsnap.hooks.Entry[]
---@param i       integer
---@param act     fun(request: moonsnap.Request): any, moonsnap.Error?
function M.run(chain, arounds, i, act)
    local entry = arounds[i]
    if not entry then
        return act(chain.request)
    end
    local runs, err = let_run(chain, entry)
    if not runs then
        if err then
            return nil, err
        end
        return M.run(chain, arounds, i + 1, act)
    end
    local hooks, behind_it, running, raised = chain.hooks, nil, nil, nil
    local function go_on()
        if behind_it then
            error("next: it was called already", entry.sandbox and 0 or 2)
        end
        local began, asked = hooks.clock(), hooks.asked
        behind_it = table.pack(pcall(M.run, chain, arounds, i + 1, act))
        hooks.entry, hooks.asked = entry, asked
        if running then
            running:forgive(hooks.clock() - began)
        end
        if not behind_it[1] then
            raised = behind_it
            error(behind_it[2], 0)
        end
        return table.unpack(behind_it, 2, behind_it.n)
    end
    local ok, verdict, instructions, seconds = under_way.run(chain, entry, go_on, function(runner) running = runner end)
    good(chain, entry, instructions, seconds)
    if raised then
        error(raised[2], 0) -- misuse of the verb is the caller's, whatever a hook makes of it
    end
    err = ended(chain, entry, ok, verdict, behind_it)
    if err then
        return nil, err
    elseif not behind_it then
        return M.run(chain, arounds, i + 1, act)
    end
    return table.unpack(behind_it, 2, behind_it.n)
end

return M
