---@meta moonsnap.rpc
-- luacheck: ignore 212 241 (declarations use nothing)

--- The parts of C that a service and a client stand on (`src/rpc`, `src/bind`), for editors and people: the loop,
--- gRPC's two sides, messages, and threads for slow work. Never loaded. C never calls Lua: Lua asks for what is there.

---@class moonsnap.core.Rpc
local rpc = {}

--- A new loop: one epoll that sockets, signals, pools and watched descriptors hang on.
---@return moonsnap.rpc.Loop
function rpc.loop() end

---@class moonsnap.rpc.Loop
local Loop = {}

--- Sends what is queued, waits at most ms (-1: until something is there) and does the sockets' work. Comes back
--- as soon as there is something to take: a call, a writable stream, a signal, a finished job, a ready descriptor,
--- a closed connection with calls in it.
---@param ms integer
function Loop:wait(ms) end

--- Takes over these signals ("TERM", "INT", "HUP"): blocked, and read by signal(). Before any thread starts.
---@param names string[]
function Loop:take_signals(names) end

---@return string? name  the next signal that arrived
function Loop:signal() end

--- Watches a descriptor that Lua code reads and writes (luaposix). events: "r", "w", "rw", "" (no more).
---@param fd integer
---@param events string
function Loop:watch(fd, events) end

---@return integer? fd  the next watched descriptor that is ready
function Loop:ready() end

--- Readable while wait would find something.
---@return integer fd
function Loop:fd() end

---@class moonsnap.rpc.ServeOptions
---@field fd                integer  a listening unix socket; the server owns it from now on
---@field max_message?      integer  bytes of one request; 16 MiB
---@field max_unfinished?   integer  bytes of all requests that are not whole yet; 256 MiB
---@field max_streams?      integer  of one connection at once; 1000
---@field max_connections?  integer  1000
---@field preface_ms?       integer  until a client's SETTINGS; 10000

--- Serves gRPC on a listening socket.
---@param options moonsnap.rpc.ServeOptions
---@return moonsnap.rpc.Server
function Loop:serve(options) end

---@class moonsnap.rpc.Server
local Server = {}

---@return moonsnap.rpc.Call? call  the next request whose message is complete
function Server:next() end

--- The next call that somebody waits for with call:wait(): its queue is empty again, or it has ended.
---@return moonsnap.rpc.Call? call
function Server:woken() end

--- Refuses new connections and streams: GOAWAY in two steps, the listener closed.
function Server:drain() end

---@return integer connections, integer calls  that are open
function Server:open() end

---@return table<string, integer>  counters: connections, accepted, refused, protocol_errors, resets, bytes_in,
--- bytes_out
function Server:counters() end

function Server:close() end

---@class moonsnap.rpc.Call
local Call = {}

---@return string path  "/containerd.services.snapshots.v1.Snapshots/Stat"
function Call:path() end

--- The request. Answers nil, err: internal "failed to unmarshal", invalid_argument for NUL or bad UTF-8.
---@param type moonsnap.message.Type
---@return table? message
---@return moonsnap.Error? err
function Call:read(type) end

---@param name string  containerd-namespace, containerd-lease, traceparent, user-agent: no others are kept
---@return string? value  the first one
function Call:header(name) end

---@return integer uid, integer gid, integer pid  of the process that connected
function Call:peer() end

--- Milliseconds that are left; nil without a deadline. A call whose deadline passes is ended by C with 4.
---@return integer? ms
function Call:left() end

--- False once the client has cancelled, is gone, or the deadline has passed; replies then do nothing.
---@return boolean
function Call:alive() end

--- Ends a unary call with OK. Without type, message is bytes.
---@param message table | string
---@param type? moonsnap.message.Type
function Call:reply(message, type) end

--- Sends one message of a stream; it queues.
---@param message table | string
---@param type? moonsnap.message.Type
function Call:send(message, type) end

--- Sends what is queued now; without it that is done when the loop waits.
function Call:flush() end

--- True when nothing is queued: send the next one. False: yield until woken() names this call.
---@return boolean
function Call:writable() end

--- Asks for woken() to name this call when its queue is empty or it has ended.
function Call:wait() end

--- Ends a stream with OK.
function Call:finish() end

--- Ends any call with a status.
---@param code integer   gRPC's number, 1..16
---@param message string  any bytes; percent-encoded here
function Call:fail(code, message) end

---@class moonsnap.rpc.Client
local Client = {}

--- Connects to a unix socket: unavailable when nobody listens.
---@param path string
---@return moonsnap.rpc.Client? client
---@return moonsnap.Error? err
function rpc.connect(path) end

---@class moonsnap.rpc.CallOptions
---@field headers?    table<string, string>
---@field timeout_ms? integer
---@field stop_fd?    integer  once this descriptor is readable, waiting is over: canceled

--- One unary call; waits.
---@param path string
---@param request string
---@param options? moonsnap.rpc.CallOptions
---@return string? reply
---@return moonsnap.Error? err  kind from the status
function Client:call(path, request, options) end

--- A server stream: `for bytes in client:stream(path, request)`; raises the error value that ends it.
---@param path string
---@param request string
---@param options? moonsnap.rpc.CallOptions
---@return fun(): string?
function Client:stream(path, request, options) end

function Client:close() end

---@class moonsnap.core.Message
local Message = {}

--- A message by its full name ("containerd.services.snapshots.v1.StatSnapshotRequest"); raises for an unknown one.
---
---     protobuf                     Lua
---     string, bytes                string; "" and absent are the same: read gives "", nil writes nothing
---     ints, enums                  integer (read gives 0 for absent)
---     bool                         boolean
---     message                      table, nil when absent
---     repeated                     sequence (read gives an empty table for absent)
---     map<string, string>          table
---     google.protobuf.Timestamp    integer, nanoseconds since 1970; nil when absent or outside of int64
---     google.protobuf.FieldMask    sequence of strings; nil when absent
---     google.protobuf.Any          { type_url = string, value = string }
---@param name string
---@return moonsnap.message.Type
function Message.type(name) end

---@class moonsnap.message.Type
local Type = {}
---@param bytes string
---@return table? message
---@return moonsnap.Error? err
function Type:decode(bytes) end
---@param message table  raises for a field that the type does not have or a value of the wrong type
---@return string bytes
function Type:encode(message) end

--- A pool of C threads. Made once a loop; its finished jobs wake the loop.
---@param loop moonsnap.rpc.Loop
---@param workers integer
---@return moonsnap.Pool
function rpc.pool(loop, workers) end

---@class moonsnap.Pool
local Pool = {}

--- Steps work (seal, measure, cleanup, stage) on a worker, to its end or for some 50 ms; the object is busy until
--- finished() names the ticket: its methods raise.
---@param work moonsnap.Work
---@return integer? ticket
---@return moonsnap.Error? err
function Pool:run(work) end

--- Ends the transaction of a guard (store.engine:transaction(), begun) on the commit thread; its store is busy until
--- finished() names the ticket. begin begins it there, waiting at the gate: for when guard:try() answered false.
---@param guard moonsnap.core.Transaction
---@return integer? ticket
---@return moonsnap.Error? err
function Pool:commit(guard) end
---@param guard moonsnap.core.Transaction
---@return integer? ticket
---@return moonsnap.Error? err
function Pool:begin(guard) end

--- The comparing half of engine:cleanup(true), on the commit thread; its store is busy meanwhile.
---@param cleanup moonsnap.Work
---@return integer? ticket
---@return moonsnap.Error? err
function Pool:compare(cleanup) end

--- The next finished job: its ticket, then true; false for work that has more to do (run it again, or leave it); or
--- nil and the error.
---@return integer? ticket
---@return boolean? ok
---@return moonsnap.Error? err
function Pool:finished() end

--- A descriptor that is readable while finished() has something; the loop watches it already.
---@return integer fd
function Pool:fd() end

function Pool:close() end
