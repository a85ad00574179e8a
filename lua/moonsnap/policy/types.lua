---@meta moonsnap.policy
-- luacheck: ignore 212 241 (declarations use nothing)

--- What policies are made of, for editors and people. Never loaded.
---
---     policy.lua --words--> hooks, label policies, retention rules      (lua/moonsnap/policy/)
---     store:prepare(...) --> hooks:perform(request, engine call)        (lua/moonsnap/hooks/)
---     outbox --> after-hooks, watchers                                  (lua/moonsnap/events/)
---     rows + rules --> plan --> apply                                   (lua/moonsnap/gc/)

--- The sandbox ---------------------------------------------------------------------------------
--- A second Lua state in this process. It holds no object of ours: what goes in and out is copied, and what it wants
--- of its host it asks for in words, by yielding.

---@class moonsnap.core.Sandbox
local sandbox = {}

--- A new state: base (without load, dofile, collectgarbage, print), coroutine, math, string, table, utf8. Whatever
--- runs in it is bounded: functions of C that could run long count steps.
---@param options {memory: integer, words?: string[]}  bytes that all of the state may hold; words are globals of it,
---  "log" or "store.stat": calling one suspends the call and hands name and arguments to the host
---@return moonsnap.Sandbox
function sandbox.new(options) end

---@class moonsnap.Sandbox
local Sandbox = {}

--- What a call may use: all of it optional, without: no limit. slice: seconds after which the call is suspended.
---@class moonsnap.sandbox.Budget
---@field instructions? integer
---@field seconds?      number
---@field memory?       integer  bytes beyond what the state holds when the call begins
---@field slice?        number

--- A function of the sandbox, held by the host: what a function becomes on its way out. Going in again it is itself.
---@class moonsnap.sandbox.Function

--- Compiles text (never bytecode).
---@param name string   for messages: "policy.lua"
---@param text string
---@return moonsnap.sandbox.Function?
---@return moonsnap.Error? err  invalid_argument: "policy.lua:3: unexpected symbol ..."
function Sandbox:load(name, text) end

--- Calls a function, and goes on with the innermost suspended call. Answers one of
---     "done", results...            it returned
---     "word", name, arguments...    it asks the host: resume with the results, or with nil, err
---     "slice"                       its slice is over: resume() whenever it suits
---     "failed", err, limit?         it raised, yielded by itself, returned what cannot be copied, or went over a
---                                   limit: "instructions", "seconds", "memory", "depth". err.kind is internal, or
---                                   resource_exhausted with a limit; an error value of ours that it raised keeps its
---                                   kind. err.trace has the traceback, err.message "FILE:LINE: what"
--- A limit ends the call whatever it does: pcall does not catch it. The state stays usable.
---
--- What may cross: nil, booleans, numbers, strings, tables of these (no cycles; depth 32; 1,000,000 entries), error
--- values (both sides see kind, message, errno and tostring), functions of the sandbox, frames. Anything else coming
--- in raises; going out it is a failure that names where.
---@param fn moonsnap.sandbox.Function
---@param budget? moonsnap.sandbox.Budget
---@param ... any
function Sandbox:call(fn, budget, ...) end
function Sandbox:resume(...) end

--- As resume, but the word that is waited for raises err in the sandbox.
---@param err any  text, or an error value
function Sandbox:raise(err) end

--- Calls need not end in the order in which they began: pick() tells the number of the innermost suspended call, and
--- pick(number) makes that one the innermost.
---@param number? integer
---@return integer? number
function Sandbox:pick(number) end

--- A word that is no global: the host hands it in.
---@param name string
---@return moonsnap.sandbox.Function?
---@return moonsnap.Error? err  resource_exhausted
function Sandbox:word(name) end

--- Abandons the innermost suspended call; its to-be-closed variables are closed within a small budget.
function Sandbox:cancel() end

--- What the call that ended last has used.
---@return integer instructions, number seconds, integer bytes
function Sandbox:spent() end

---@return integer bytes  that the state holds
function Sandbox:memory() end

--- A value copied in once, to be passed to many calls; in there it is a table that cannot be changed (reading,
--- pairs, ipairs, # and next work as on a plain one).
---@param value table
---@param kept? table<table, moonsnap.sandbox.Frame>  frames of tables that may be in it: used as they are
---@return moonsnap.sandbox.Frame?
---@return moonsnap.Error? err  resource_exhausted
function Sandbox:frame(value, kept) end

---@class moonsnap.sandbox.Frame
local Frame = {}

--- Lets go of the copy. clear keeps the frame to be filled with another one, which costs less than a new frame.
function Frame:close() end
function Frame:clear() end

---@param value table
---@param kept? table<table, moonsnap.sandbox.Frame>
---@return moonsnap.sandbox.Frame? self
---@return moonsnap.Error? err
function Frame:fill(value, kept) end

--- A function with the budget of each call, for ask. take() -> calls, instructions, seconds that calls which answered
--- nothing have used since it was taken the last time.
---@class moonsnap.sandbox.Question

---@param fn moonsnap.sandbox.Function
---@param budget? moonsnap.sandbox.Budget
---@return moonsnap.sandbox.Question
function Sandbox:question(fn, budget) end

--- Calls questions[first] to questions[last] with a frame, one after the other, as long as they answer nil. Answers
--- nothing when all did; else the place of the one that did not, and what call() would have answered: a call that asks
--- for a word is suspended, and spent() tells of it, not its question.
---
--- With a value the frame is filled with that first, and cleared again when all answered nil; false, and nobody is
--- asked, when there is no memory for it.
---@param questions moonsnap.sandbox.Question[]
---@param first  integer
---@param last   integer
---@param frame  moonsnap.sandbox.Frame
---@param value? table
---@param kept?  table<table, moonsnap.sandbox.Frame>
---@return integer | false | nil at
---@return any ...
function Sandbox:ask(questions, first, last, frame, value, kept) end

--- Sets a global: a value, or a function of the sandbox.
function Sandbox:set(name, value) end

function Sandbox:close() end

--- Verdicts ------------------------------------------------------------------------------------
--- What a hook answers. nil is no opinion; anything else than nil and these fails the hook.

---@class moonsnap.Verdict
---@field verdict "deny" | "defer" | "exists" | "rewrite"
---@field kind?    moonsnap.ErrorKind    of deny
---@field text?    string                of deny: the caller reads it
---@field seconds? number                of defer: the caller gets unavailable, and is told when to come again
---@field name?    string                of exists: already_exists, where a committed snapshot of that name, with the
---                                      request's parent and its label containerd.io/snapshot.ref, is there; else no
---                                      opinion
---@field labels?  table<string, string|false>  of rewrite (mutate only): set, or false: take away
---@field parent?  string                of rewrite

--- Hooks ---------------------------------------------------------------------------------------

---@alias moonsnap.hooks.Verb "prepare" | "view" | "commit" | "remove" | "update" | "touch" | "import" | "mount"
---| "unmount" | "lease" | "pin" | "evict"

---@alias moonsnap.hooks.Phase "validate" | "mutate" | "before" | "around" | "after"

---@class moonsnap.Hook
---@field name      string   unique in its policy; in messages, counters and explanations
---@field on        moonsnap.hooks.Verb | moonsnap.hooks.Verb[] | "*"
---@field phase?    moonsnap.hooks.Phase   "before"
---@field priority? integer                higher first; 0. Equal ones in order of registration
---@field match?    string | string[] | table<string, string>  containerd's filter over a request's fields (namespace,
---                 key, name, parent, kind, labels.NAME, current.labels.NAME, caller.uid, caller.door, ...), or
---                 equality terms
---@field effects?  string[]   what it may do: "deny", "defer", "exists", "labels", "parent"; deny alone
---@field budget?   moonsnap.sandbox.Budget  200,000 instructions, 0.02 s, 8 MiB
---@field fail?     "closed" | "open"        what its own failure means: closed denies (internal), open is skipped.
---                 closed before the change, open after it
---@field run       fun(request: moonsnap.Request, store: moonsnap.Store): moonsnap.Verdict?  around: (request, next,
---                 store); in the sandbox without the store
---@field file?     string   where it was written: "policy.lua:12"
---@field trusted?  boolean  ours: called plainly, without a budget; match may be a function then

---@class moonsnap.Request
---@field verb      moonsnap.hooks.Verb
---@field namespace string
---@field key       string     active, view, or what is removed, updated, touched, mounted
---@field name?     string     of commit and import
---@field parent    string     "" without
---@field kind?     moonsnap.Kind  of what is made, or of what is there
---@field labels    table<string, string>  that the caller gives
---@field current?  moonsnap.Info          the snapshot as it is: of all but prepare, view, import and lease
---@field owner?    integer                pid given with prepare and view
---@field lease?    string                 that the verb works under, or is about
---@field action?   string                 of lease: create, renew, delete, add, drop; of pin: add, remove
---@field target?   string                 of mount and unmount
---@field fieldpaths? string[]             of update, as given
---@field caller    {door: "module"|"command"|"service", uid: integer, gid: integer, pid: integer, endpoint?: string,
---                  request?: string}

--- Policies ------------------------------------------------------------------------------------

--- What a store's policy files say, and the state that runs them. store.policy; nil without a file.
---@class moonsnap.Policy
---@field hooks     moonsnap.Hooks
---@field retention moonsnap.gc.Rule[]   in order; empty: nothing is collected by rules
---@field files     {path: string, tier: "policy"|"automation"|"admin"}[]  in the order in which they were loaded
