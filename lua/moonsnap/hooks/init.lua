--- Hooks: functions of whoever runs a store that are asked before it changes, and may say no.
---
---     local hooks = hooks.new { failure =, clock =, filter = }
---     local handle = assert(hooks:add { name = "quota", on = "prepare", run = function(request, store) ... end })
---     hooks:perform(store, request, act)     what the verbs of a store do
---
--- docs/hooks.md is the page for authors; policy/types.lua has the shapes.

local after = require "moonsnap.hooks.after"
local around = require "moonsnap.hooks.around"
local chains = require "moonsnap.hooks.chain"
local explain = require "moonsnap.hooks.explain"
local host = require "moonsnap.hooks.host"
local matching = require "moonsnap.hooks.match"
local registry = require "moonsnap.hooks.registry"
local requests = require "moonsnap.hooks.request"
local under_way = require "moonsnap.hooks.under_way"
local words = require "moonsnap.hooks.words"

local at_once, complete = chains.at_once, requests.complete

local M = { words = words.NAMES }

---@class moonsnap.hooks.Options
---@field failure fun(kind: string, message: string): moonsnap.Error
---@field clock   fun(): number   steady seconds
---@field filter  fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?
---@field caller? table           who acts where nobody says: {door=, uid=, gid=, pid=}
---@field log?    fun(text: string, hook?: string)

---@class moonsnap.Hooks
---@field verbs   table<string, moonsnap.hooks.Index | true>  verbs that have hooks: what a verb tests first
---@field caller  table            who acts
---@field asked   number           seconds that the call under way has waited for the store
---@field running? moonsnap.Store  the store that hooks run for just now
local Hooks = {}
Hooks.__index = Hooks
registry.add(Hooks)

---@param options moonsnap.hooks.Options
---@return moonsnap.Hooks
function M.new(options)
    local self = setmetatable({
        failure = options.failure, clock = options.clock, filter = options.filter, log = options.log,
        caller = options.caller or { door = "module" }, own = {}, used = {}, indexes = {}, verbs = {},
        filters = {}, filters_count = 0, merged = setmetatable({}, { __mode = "k" }), host = host.new(options.clock),
        trouble = {}, asked = 0.0,
    }, Hooks)
    self.own_caller, self.places = self.caller, setmetatable({}, { __mode = "k" })
    self.handlers = words.handlers(self)
    return self
end

--- The numbers of a process's user and group, as far as /proc tells them.
local function identity()
    local status <close> = io.open("/proc/self/status")
    local text = status and status:read("a") or ""
    return math.tointeger(tonumber(text:match("\nUid:%s+%d+%s+(%d+)"))),
        math.tointeger(tonumber(text:match("\nGid:%s+%d+%s+(%d+)")))
end

--- The hooks of a store; made when there are none.
---@param store moonsnap.Store
---@param door? "module" | "command"
---@return moonsnap.Hooks
function M.of(store, door)
    local shared, core = store.shared, store.core
    if not shared.hooks and shared.new_hooks then
        shared.hooks = shared.new_hooks()
    elseif not shared.hooks then
        local uid, gid = identity()
        shared.hooks = M.new {
            failure = core.error, clock = core.sys.steady, filter = core.filter,
            caller = { door = door or "module", uid = uid, gid = gid, pid = core.sys.pid() },
        }
    end
    return shared.hooks
end

--- A match, as hooks have it, as a function.
---@param match  string | string[] | table
---@param filter fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?
---@return (fun(request: moonsnap.Request): boolean)?
---@return string? wrong
function M.matcher(match, filter)
    local compiled, wrong = matching.compile(match, filter)
    if not compiled then
        return nil, wrong
    end
    return function(request) return compiled:matches(request, {}) end
end

--- Asking ---------------------------------------------------------------------------------------

--- The words that a hook's run may use.
function Hooks:handlers_of(entry)
    if not entry.words then
        return self.handlers
    end
    local merged = self.merged[entry]
    if not merged then
        merged = setmetatable({}, { __index = self.handlers })
        for name, handler in pairs(entry.words) do
            merged[name] = handler
        end
        self.merged[entry] = merged
    end
    return merged
end

--- Raises while a hook runs: it looks at the store, and changes nothing.
---@param verb string
function Hooks:refuse_running(verb)
    if self.running then
        error(("%s: a hook runs (%s): hooks cannot change the store"):format(verb, self.entry.name), 0)
    end
end

--- Calls fn(...) with the store marked as one that hooks run for.
local function guarded(self, store, fn, ...)
    self.running, self.verbs = store, registry.ALL
    local ok, a, b, c = pcall(fn, ...)
    self.running, self.entry, self.verbs = nil, nil, self.indexes
    if not ok then
        error(a, 0)
    end
    return a, b, c
end

--- What has come of those that were found: the error that the request ends with, or the hooks around. ...: what
--- at_once has answered.
local function came_of(self, index, store, request, found, counted, at, ...)
    if at == nil then
        return nil -- none has said anything
    end
    local chain = under_way.new(self, store, request, counted)
    local err, arounds = guarded(self, store, chains.decide, chain, index, found, at, ...)
    under_way.close(chain)
    return err, arounds, chain
end

--- Asks those that were found.
---@return moonsnap.Error? err
---@return moonsnap.hooks.Entry[]? arounds
---@return moonsnap.hooks.Chain? chain
local function decide(self, index, store, request, found, counted)
    if counted then
        return came_of(self, index, store, request, found, counted, 1)
    end
    return came_of(self, index, store, request, found, nil, at_once(self, found, request))
end

--- The hooks, then the act.
local function go_through(self, index, store, request, act, found, counted)
    local err, arounds, chain = decide(self, index, store, request, found, counted)
    if err then
        return nil, err
    elseif arounds then
        return guarded(self, store, around.run, chain, arounds, 1, act)
    end
    return act(request)
end

--- fn(...) in a transaction, or savepoint, that nil, err rolls back.
local function in_transaction(engine, fn, ...)
    local guard <close> = engine:transaction()
    local begun, err = guard:begin()
    if not begun then
        return nil, err
    end
    local result, why, more = fn(...)
    if result == nil and why ~= nil then
        return nil, why
    end
    local ok
    ok, err = guard:commit()
    if not ok then
        return nil, err
    end
    return result, why, more
end

--- Looks, matches, asks, acts. own: in a transaction of its own already.
local function look_and_go(self, index, store, request, act, own, counted)
    local found = not requests.look(store, request) and index:find(request)
    if not found then
        return act(request)
    end
    local engine = store.engine
    local wraps = found[#found].phase == "around" -- what it lets through and then denies is taken back
    if own or requests.LONE[request.verb] or engine:depth() > 0 and not wraps then
        return go_through(self, index, store, request, act, found, counted)
    end
    return in_transaction(engine, go_through, self, index, store, request, act, found, counted)
end

--- Asks the hooks of a request's verb and, unless one says no, calls act(request), in one transaction. Answers what
--- act answers. Raises when a hook calls it.
---@param store   moonsnap.Store
---@param request moonsnap.Request  verb, key and what the caller gives; the rest is filled in
---@param act     fun(request: moonsnap.Request): any, moonsnap.Error?
---@param counted? table  one for all calls about the same: hooks count them once
---@return any
---@return moonsnap.Error? err
function Hooks:perform(store, request, act, counted)
    local verb, engine = request.verb, store.engine
    if self.running then
        self:refuse_running(verb)
    end
    local index = self.indexes[verb]
    if not index then
        return act(request)
    end
    complete(store, request, self.caller)
    if index.blind and not index:find(request) then
        return act(request) -- a service's own policy alone: it costs no look at the store
    end
    if not requests.LOOKS[verb] or requests.LONE[verb] or engine:depth() > 0 then
        return look_and_go(self, index, store, request, act, nil, counted)
    end
    -- what is there must not change between the look and the act
    return in_transaction(engine, look_and_go, self, index, store, request, act, true, counted)
end

--- Is any hook of a verb there?
---@param verb string
---@return boolean
function Hooks:listens(verb)
    return self.indexes[verb] ~= nil
end

--- Asks without an act: what the answer would be. Counts as asking does.
---@param store   moonsnap.Store
---@param request moonsnap.Request
---@param counted? table  as of perform
---@return true? ok
---@return moonsnap.Error? err
function Hooks:ask(store, request, counted)
    self:refuse_running(request.verb)
    local index = self.indexes[request.verb]
    if not index then
        return true
    end
    requests.complete(store, request, self.caller)
    local found = not requests.look(store, request) and index:find(request)
    if not found then
        return true
    end
    local err = decide(self, index, store, request, found, counted)
    return not err or nil, err
end

--- Calls fn(...) on behalf of a caller.
---@param caller table
---@param fn function
function Hooks:as(caller, fn, ...)
    local own = self.caller
    self.caller = caller
    local ok, a, b, c = pcall(fn, ...)
    self.caller = own
    if not ok then
        error(a, 0)
    end
    return a, b, c
end

--- What each hook would say to a request; nothing is counted, nothing changes. See explain.lua.
---@param store   moonsnap.Store
---@param request moonsnap.Request
function Hooks:explain(store, request)
    self:refuse_running(request.verb)
    request.caller = request.caller or self.caller
    return guarded(self, store, explain.run, self, store, request)
end

--- Readers of the outbox: the hooks of phase after, for events/delivery.lua.
---@return {name: string, match: (fun(event: table): boolean)?, run: fun(event: table, store?: table): true?, any}[]
function Hooks:readers()
    return after.readers(self)
end

return M
