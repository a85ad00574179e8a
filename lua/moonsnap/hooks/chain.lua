--- One request on its way through its hooks.
---
---     validate -> mutate -> before -> around( the engine's call )
---
--- All of it is one transaction, so a hook sees what the call will see, and a denial leaves nothing.

local outcome = require "moonsnap.hooks.outcome"
local requests = require "moonsnap.hooks.request"
local sandboxes = require "moonsnap.sandbox"
local under_way = require "moonsnap.hooks.under_way"

local M = {}

local frame_of, go_on = under_way.frame_of, sandboxes.go_on
local answered, failed, good, let_run = outcome.answered, outcome.failed, outcome.good, outcome.let_run

--- Asks one hook. Answers the error that the request ends with, or nothing.
local function ask(chain, entry)
    local runs, err = let_run(chain, entry)
    if not runs then
        return err
    end
    local ok, verdict, instructions, seconds = under_way.run(chain, entry)
    good(chain, entry, instructions, seconds)
    if not ok then
        return failed(chain, entry, verdict, instructions, seconds)
    end
    return answered(chain, entry, verdict)
end

--- What has come of hooks that were asked together: the place of the next one, and the error that the request ends
--- with, if any. at is the place of the one that said something, or asks for a word first; nil: none did.
local function came(chain, found, last, at, ...)
    if not at then
        return last + 1
    end
    local entry, hooks = found[at], chain.hooks
    local sandbox, counts = entry.sandbox, entry.counts
    hooks.entry = entry
    local verdict, err = go_on(sandbox, nil, entry.words and hooks:handlers_of(entry) or hooks.handlers, ...)
    local instructions, seconds = sandbox:spent()
    counts.matches = counts.matches + 1
    good(chain, entry, instructions, seconds)
    if err ~= nil then
        return at + 1, failed(chain, entry, type(err) == "table" and err.message or tostring(err), instructions,
            seconds)
    end
    return at + 1, answered(chain, entry, verdict)
end

--- Asks hooks from place i on that live in one sandbox, in one call: most say nothing, and ten of them must cost next
--- to nothing. Nothing when the hook there is to be asked by itself.
local function together(chain, found, i)
    local sandbox, last = not chain.counted and found[i].asked_in, i - 1
    if i == 1 and sandbox and found.asked_in == sandbox and not found.trouble.is then
        last = #found -- nobody of the whole list is off or gone
    end
    while sandbox and found[last + 1] do
        local entry = found[last + 1]
        if entry.asked_in ~= sandbox or entry.breaker.until_ then
            break
        end
        last = last + 1
    end
    local frame = last >= i and frame_of(chain, sandbox)
    if frame then
        return came(chain, found, last, sandbox:ask(found, i, last, frame))
    end
end

--- What matches now and comes behind a rank, but for the script's hooks that have rewritten the request already.
local function behind(index, chain, rank)
    local rest = {}
    for _, entry in ipairs(index:find(chain.request) or rest) do
        if entry.rank > rank and not chain.done[entry] then
            rest[#rest + 1] = entry
        end
    end
    return rest
end

--- Whether a hook is of a script, and of no policy.
local function is_scripts(chain, entry)
    for _, one in ipairs(chain.hooks.own) do
        if one == entry then
            return true
        end
    end
    return false
end

--- Who is asked behind a hook that has rewritten the request. What a script's hook makes of it is as if the caller had
--- given it: policies are asked about that from the first on, so that no script walks around them.
local function next_ones(index, chain, entry)
    local verdict = chain.rewritten
    chain.rewritten = nil
    if not is_scripts(chain, entry) then
        return behind(index, chain, entry.rank)
    end
    requests.rewrite(chain.given, verdict)
    chain.done[entry] = true
    chain.request.labels, chain.request.parent = chain.given.labels, chain.given.parent
    chain.request.fieldpaths = chain.given.fieldpaths
    return behind(index, chain, 0)
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
        local behind_it, err = together(chain, found, i)
        if not behind_it then
            behind_it, err = i + 1, ask(chain, found[i])
        end
        if err then
            return err
        end
        i = behind_it
        if chain.rewritten then
            found, i = next_ones(index, chain, found[i - 1]), 1
        end
    end
    return nil, found[i] and table.move(found, i, #found, 1, {}) or nil
end

return M
