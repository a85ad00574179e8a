--- One request on its way through its hooks.
---
---     validate -> mutate -> before -> around( the engine's call )
---
--- All of it is one transaction, so a hook sees what the call will see, and a denial leaves nothing.

local lists = require "moonsnap.hooks.list"
local outcome = require "moonsnap.hooks.outcome"
local requests = require "moonsnap.hooks.request"
local sandboxes = require "moonsnap.sandbox"
local under_way = require "moonsnap.hooks.under_way"

local M = {}

local frame_of, place_of, go_on = under_way.frame_of, under_way.place_of, sandboxes.go_on
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
--- with, if any. at is the place of the one that said something, or asks for a word first.
local function came(chain, found, at, ...)
    local entry, hooks = found[at], chain.hooks
    local sandbox, counts = entry.sandbox, entry.counts
    hooks.entry, hooks.asked = entry, 0.0
    local verdict, err = go_on(sandbox, nil, entry.words and hooks:handlers_of(entry) or hooks.handlers, ...)
    local instructions, seconds = under_way.spent(hooks, sandbox)
    counts.matches = counts.matches + 1
    good(chain, entry, instructions, seconds)
    if err ~= nil then
        return at + 1, failed(chain, entry, type(err) == "table" and err.message or tostring(err), instructions,
            seconds)
    end
    return at + 1, answered(chain, entry, verdict)
end

local ask_parts

--- What has come of part k.
local function told(hooks, parts, request, k, at, ...)
    if at == nil then
        if parts[k + 1] then
            return ask_parts(hooks, parts, request, k + 1)
        end
        return nil
    elseif not at then
        return parts[k].before + 1
    end
    return parts[k].before + at, ...
end

--- Asks the parts from k on.
function ask_parts(hooks, parts, request, k)
    local part = parts[k]
    local sandbox, questions = part.sandbox, part.questions
    local place = place_of(hooks, sandbox)
    if part.trouble.is or not place.frame then
        return part.before + 1 -- perhaps one of them is off, or gone
    end
    return told(hooks, parts, request, k, sandbox:ask(questions, 1, #questions, place.frame, request, place.kept))
end

--- Asks all that were found before there is a chain, in one call for each sandbox: most say nothing, and ten of them
--- must cost next to nothing. Answers nothing when none has said anything; else what decide goes on with: the place of
--- the one that has, and what; or the place alone from which on they are to be asked as others are.
---@param hooks   moonsnap.Hooks
---@param found   moonsnap.hooks.List
---@param request moonsnap.Request
---@return integer? at
---@return any ...
function M.at_once(hooks, found, request)
    local parts = found.parts or not found.sealed and lists.parts(found)
    if not parts then
        return 1
    end
    return ask_parts(hooks, parts, request, 1)
end

--- The hooks from place i on that live in one sandbox, as they are asked there.
local function questions_from(found, i, sandbox)
    local questions = {}
    for at = i, #found do
        local entry = found[at]
        if entry.asked_in ~= sandbox or entry.breaker.until_ then
            break
        end
        questions[#questions + 1] = entry.question
    end
    return questions
end

--- Asks hooks from place i on that live in one sandbox, in one call. Answers the place behind them and the error that
--- the request ends with, if any; nothing when the hook there is to be asked by itself.
local function together(chain, found, i)
    local sandbox = not chain.counted and found[i].asked_in
    local questions = sandbox and questions_from(found, i, sandbox)
    local frame = questions and questions[1] and frame_of(chain, sandbox)
    if not frame then
        return nil
    end
    local function behind(at, ...)
        if not at then
            return i + #questions
        end
        return came(chain, found, i + at - 1, ...)
    end
    return behind(sandbox:ask(questions, 1, #questions, frame))
end

--- What matches now and comes behind a place of the index, but for the script's hooks that have rewritten the request
--- already.
local function behind(index, chain, place)
    local rest = {}
    for _, entry in ipairs(index:find(chain.request) or rest) do
        if index.places[entry] > place and not chain.done[entry] then
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
        return behind(index, chain, index.places[entry])
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
---@param i     integer  what at_once has answered for these
---@param what? string
---@param ...   any
---@return moonsnap.Error? err
---@return moonsnap.hooks.Entry[]? arounds
function M.decide(chain, index, found, i, what, ...)
    local err
    if what then
        under_way.filled(chain, found[i].asked_in)
        i, err = came(chain, found, i, what, ...)
    end
    while not err do
        if chain.rewritten then
            found, i = next_ones(index, chain, found[i - 1]), 1
        end
        local entry = found[i]
        if not entry or entry.phase == "around" then
            return nil, entry and table.move(found, i, #found, 1, {}) or nil
        end
        local behind_it
        behind_it, err = together(chain, found, i)
        if not behind_it then
            behind_it, err = i + 1, ask(chain, entry)
        end
        i = behind_it
    end
    return err
end

return M
