--- A request on its way through its hooks, and how one of them is run: in its sandbox, as a function of the host, or
--- plainly.

local requests = require "moonsnap.hooks.request"
local sandboxes = require "moonsnap.sandbox"

local M = {}

local run_in = sandboxes.run

--- A request under way.
---@class moonsnap.hooks.Chain
---@field hooks   moonsnap.Hooks
---@field store   moonsnap.Store
---@field request moonsnap.Request
---@field frames  table<moonsnap.Sandbox, moonsnap.sandbox.Frame>  the request in each sandbox
---@field view?   moonsnap.Request   the request as functions of the host see it
---@field counted? table<moonsnap.hooks.Entry, true>  hooks that have counted this request already
---@field again?  true                the hook that is asked just now is one of them

---@return moonsnap.hooks.Chain
function M.new(hooks, store, request, counted)
    return { hooks = hooks, store = store, request = request, frames = {}, counted = counted }
end

--- What is kept in a sandbox from one request to the next.
---@class moonsnap.hooks.Place
---@field frame? moonsnap.sandbox.Frame  empty, for the next request; nil while a chain has it
---@field kept   table<table, moonsnap.sandbox.Frame>  who acts where nobody says: the same in all requests
---@field next?  moonsnap.sandbox.Function  asks for the word next: what it asks is another in each call

---@param hooks   moonsnap.Hooks
---@param sandbox moonsnap.Sandbox
---@return moonsnap.hooks.Place
function M.place_of(hooks, sandbox)
    local place = hooks.places[sandbox]
    if not place then
        place = { kept = { [hooks.own_caller] = sandbox:frame(hooks.own_caller) }, frame = sandbox:frame {} }
        hooks.places[sandbox] = place
    end
    return place
end

--- The request in a sandbox: made once for all hooks there.
---@param chain   moonsnap.hooks.Chain
---@param sandbox moonsnap.Sandbox
---@return moonsnap.sandbox.Frame?
---@return moonsnap.Error? err
function M.frame_of(chain, sandbox)
    local frame = chain.frames[sandbox]
    if frame then
        return frame
    end
    local err
    local place = M.place_of(chain.hooks, sandbox)
    frame, place.frame = place.frame, nil
    if frame then
        frame, err = frame:fill(chain.request, place.kept)
    else
        frame, err = sandbox:frame(chain.request, place.kept)
    end
    chain.frames[sandbox] = frame
    return frame, err
end

--- The request is in a sandbox already, in the frame that is kept there.
---@param chain   moonsnap.hooks.Chain
---@param sandbox moonsnap.Sandbox
function M.filled(chain, sandbox)
    local place = chain.hooks.places[sandbox]
    chain.frames[sandbox], place.frame = place.frame, nil
end

--- Lets go of the copies at once: left to the collector of this state they would fill the sandbox's.
---@param chain moonsnap.hooks.Chain
function M.close(chain)
    local frames, places = chain.frames, chain.hooks.places
    for sandbox, frame in next, frames do
        frame:clear()
        frames[sandbox], places[sandbox].frame = nil, frame
    end
end

--- The function next of a sandbox, which asks for the word of that name.
local function next_of(hooks, sandbox)
    local place, err = hooks.places[sandbox], nil
    if not place.next then
        place.next, err = sandbox:word("next")
    end
    return place.next, err
end

--- Instructions, seconds and bytes of the call in a sandbox that has just ended, with what it asked of the store.
function M.spent(hooks, sandbox)
    local instructions, seconds, bytes = sandbox:spent()
    return instructions, seconds + hooks.asked, bytes
end

--- In the sandbox: ok, verdict or text, instructions, seconds, bytes. go_on is what is inside of it, of phase around.
local function run_sandboxed(chain, entry, go_on)
    local sandbox, hooks = entry.sandbox, chain.hooks
    local frame, err = M.frame_of(chain, sandbox)
    local words, word = hooks:handlers_of(entry), nil
    if frame and go_on then
        words = setmetatable({ next = go_on }, { __index = words })
        word, err = next_of(hooks, sandbox)
    end
    if not frame or go_on and not word then
        return false, err.message, 0, 0.0, 0
    end
    local verdict
    verdict, err = run_in(sandbox, entry.run, entry.budget, words, frame, word)
    if err ~= nil then
        return false, type(err) == "table" and err.message or tostring(err), M.spent(hooks, sandbox)
    end
    return true, verdict, M.spent(hooks, sandbox)
end

local function run_trusted(chain, entry)
    local clock = chain.hooks.clock
    local began = clock()
    local ok, verdict = pcall(entry.run, chain.request, chain.store)
    if not ok then
        verdict = tostring(verdict)
    end
    return ok, verdict, 0, clock() - began
end

--- Runs a hook: ok, verdict or what was wrong, instructions, seconds, bytes.
---@param chain moonsnap.hooks.Chain
---@param entry moonsnap.hooks.Entry
---@param go_on? function  of phase around: what is inside of it
---@param now_running? fun(runner: moonsnap.hooks.Runner)  is told the runner of a function of the host
function M.run(chain, entry, go_on, now_running)
    local hooks = chain.hooks
    hooks.entry, hooks.asked = entry, 0.0
    if entry.sandbox then
        return run_sandboxed(chain, entry, go_on)
    end
    if entry.trusted then
        return run_trusted(chain, entry)
    end
    local view = chain.view or requests.view(chain.request)
    chain.view = view
    if go_on then
        return hooks.host:run(entry, view, go_on, chain.store, now_running)
    end
    return hooks.host:run(entry, view, chain.store)
end

return M
