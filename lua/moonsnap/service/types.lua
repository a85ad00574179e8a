---@meta moonsnap.service
-- luacheck: ignore 212 241 (declarations use nothing)

--- What the service is made of, for editors and people. Never loaded.
---
--- One Lua thread runs everything. Each turn of the loop: sockets (C), the calls that arrived, the writes that
--- are queued (one transaction), what workers finished. The loop, calls, messages and the pool: rpc/types.lua.

--- A started plugin of type io.containerd.grpc.v1: one gRPC service.
---@class moonsnap.service.Service
---@field name    string  "containerd.services.snapshots.v1.Snapshots"
---@field methods table<string, moonsnap.service.Method>

---@class moonsnap.service.Method
---@field request string   message name
---@field reply   string   message name
---@field stream? true     the handler sends with context:send and answers true
---@field call    fun(request: table, context: moonsnap.service.Context): table|true|nil, moonsnap.Error?

--- What a handler knows of its call.
---@class moonsnap.service.Context
---@field id         string    the request's id, in every log line about it
---@field namespace? string    header containerd-namespace
---@field lease?     string    header containerd-lease
---@field peer       {uid: integer, gid: integer, pid: integer}
---@field call       moonsnap.rpc.Call
local Context = {}

--- Sends one message of a stream and yields while the client does not read. False: the call is over, stop.
---@param message table | string
---@return boolean
function Context:send(message) end

--- Writes of a service go through its batch: all that arrived together are one transaction and one fsync.
---@class moonsnap.service.Batch
local Batch = {}

--- Runs fn(store) inside the next transaction, in a savepoint of its own, and answers what it answers once that is
--- durable. Only in a task: yields. fn must not. nil, err from fn rolls back its savepoint only.
---@generic T
---@param fn fun(store: moonsnap.Store): T?, moonsnap.Error?
---@param alive? fun(): boolean  false: nobody waits for it any more; it is not begun and answers canceled
---@return T?
---@return moonsnap.Error? err
function Batch:write(fn, alive) end

--- Runs fn(engine) between two transactions, with the writing store idle. fn answers a ticket of the pool that is
--- waited for, or nil, err.
---@param fn fun(engine: moonsnap.core.Store): integer?, moonsnap.Error?
---@return true? ok
---@return moonsnap.Error? err
function Batch:alone(fn) end

--- The loop calls it once a turn. True: call again soon.
---@return boolean
function Batch:turn() end

---@return integer queued, integer in_flight
function Batch:pending() end

--- A snapshotter behind a service: the methods of moonsnap.Store, of which those that write or walk a layer yield
--- (prepare, view, commit, remove, update, touch, usage, cleanup), the others answer at once from the reading
--- connection. Verbs that yield take the option alive, a function: once it answers false, walks stop with canceled.
--- mount, unmount, run and import answer unimplemented. Plus:
---@class moonsnap.service.Backend: moonsnap.Store
local Backend = {}

--- The infos that filters select as encoded ListSnapshotsResponse messages, each at most 100 infos and some 64 KiB:
--- no Lua table is built. A wrapper that changes what walk shows sets pages = false. The iterator answers the next
--- message; with a call it sends it and answers true, then false at the end.
---@param filters string[]
---@return (fun(call?: moonsnap.rpc.Call): string | boolean | nil)? iterator
---@return moonsnap.Error? err
function Backend:pages(filters) end

--- What stat and mounts answer as encoded messages; false where something stands around those.
---@param key string
---@return string? bytes
---@return moonsnap.Error? err
function Backend:stat_message(key) end
---@param key string
---@return string? bytes
---@return moonsnap.Error? err
function Backend:mounts_message(key) end

---@param name string
---@return moonsnap.service.Backend
function Backend:namespace(name) end
