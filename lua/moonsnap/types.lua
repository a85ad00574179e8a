---@meta moonsnap
-- luacheck: ignore 212 241 (declarations use nothing)

--- What `require "moonsnap"` offers, for editors and people. Never loaded.
---
--- A call that a correct program can see fail returns `nil, err`; a call with nothing to say returns
--- `true`; misuse (wrong type, unknown option, closed store) raises. Sizes are bytes, times are
--- integers in nanoseconds since 1970 (UTC).

---@alias moonsnap.ErrorKind
---| "canceled" | "invalid_argument" | "deadline_exceeded" | "not_found" | "already_exists"
---| "permission_denied" | "resource_exhausted" | "failed_precondition" | "aborted"
---| "unimplemented" | "internal" | "unavailable" | "data_loss"

--- `tostring(err)` is `kind: message`, so `assert(store:remove(key))` prints well.
---@class moonsnap.Error
---@field kind    moonsnap.ErrorKind
---@field message string   what we were doing: why not
---@field errno?  integer  the system's number, where the system said no

---@alias moonsnap.Kind "active" | "view" | "committed"

---@class moonsnap.Info
---@field name      string   key of an active or a view, name of a committed snapshot
---@field parent    string   name of the parent, "" when there is none
---@field kind      moonsnap.Kind
---@field created   integer
---@field updated   integer
---@field used      integer  last mount by moonsnap, child made, or touch
---@field use_count integer
---@field number    integer  the row's number and the layer's directory name
---@field labels    table<string, string>
---@field damaged?  true     its directory was found missing after a power cut or by a repair; check looks anew

---@class moonsnap.Mount
---@field type    string
---@field source  string
---@field target  string     "" (the root)
---@field options string[]

---@class moonsnap.Usage
---@field size   integer
---@field inodes integer

---@class moonsnap.Change
---@field change "added" | "changed" | "removed" | "opaque"
---@field path   string   without a leading slash
---@field type   string   "file", "directory", "symlink", "fifo", "socket", "char", "block"
---@field size   integer  bytes of a regular file, else 0

---@class moonsnap.Mounted
---@field namespace string
---@field key       string
---@field target    string
---@field pid       integer
---@field here      boolean  in this process's mount namespace
---@field readonly  boolean

---@class moonsnap.Finding
---@field what     string
---@field where    string
---@field repair   string
---@field repaired boolean
---@field serious  boolean

---@class moonsnap.Cleaned
---@field orphans     integer
---@field abandoned   integer
---@field quarantined integer
---@field stages      integer
---@field entries     integer
---@field kept        integer
---@field spared?     {namespace: string, key: string, text: string}[]  of ended processes, kept by hooks of evict

---@class moonsnap.Imported
---@field entries         integer
---@field bytes           integer   content written, holes not counted
---@field whiteouts       integer   names hidden, and opaque directories
---@field squashed_owners integer
---@field skipped_devices integer
---@field skipped_xattrs  integer
---@field skipped_mounts  integer   mount points in a source directory, left empty
---@field note            string   the first thing that could not be kept, "" when all was

--- docs/events.md has the topics. "" and 0 where a field has no meaning for the topic.
---@class moonsnap.Event
---@field sequence  integer
---@field cursor    string   to go on behind it
---@field at        integer
---@field topic     string
---@field namespace string
---@field key       string
---@field name      string
---@field parent    string
---@field number    integer
---@field labels    table<string, string>  of the snapshot at that moment
---@field data?     table    what else the topic tells
---@field from?     integer  of /moonsnap/lost: the first sequence that is gone
---@field to?       integer  and the last

---@class moonsnap.EventOptions
---@field since?     string|integer  a cursor, or a sequence: what follows. Without: all that are kept
---@field filter?    string|string[]|moonsnap.Filter  fields topic, namespace, key, name, parent, labels.NAME
---@field namespace? string          this one's only. Without: those of all

--- Called between steps of something slow, never from C: `progress{entries=, bytes=, total=?}`.
--- Returning false cancels the work (`nil, err` of kind canceled); so does raising, which goes on up.
---@alias moonsnap.Progress fun(done: {entries: integer, bytes: integer, total?: integer}): false?

--- Inside: work of the engine that goes by steps.
---@class moonsnap.Work
---@field step  fun(self: moonsnap.Work, budget: integer): boolean?, moonsnap.Error?  true: there is more
---@field done  fun(self: moonsnap.Work): {entries: integer, bytes: integer, total?: integer}
---@field close fun(self: moonsnap.Work)

--- Inside: the C module, and its store, whose verbs take the namespace first and all by position.
---@class moonsnap.Core
---@class moonsnap.core.Store

---@class moonsnap.OpenOptions
---@field root           string
---@field driver?        "overlay" | "native"               what the store is; overlay for a new one
---@field namespace?     string                             "default"
---@field durability?    "metadata" | "layer" | "full"      of commit; "layer"
---@field create?        boolean                            make a new store when there is none; true
---@field look?          boolean                            only read: what writes answers failed_precondition; false
---@field mount_options? string[]                           further overlay options
---@field policy?        false | string | (string|{path: string, options?: table})[]  policy files besides the root's
---                      own, with values for their options; false: not even those
---@field log?           fun(text: string, hook?: string)   what policies say with log()
---@field door?          "module" | "command"               inside: what hooks see as caller.door
---@field untrusted?     "proxy" | "direct"                 inside: a service's labels come from images and pods

--- What this process may do, and entering namespaces (before a store is opened).
---@class moonsnap.Sys
---@field in_initial_user_namespace fun(): boolean
---@field can_mount fun(): boolean
---@field enter_user_namespace fun(): true?, moonsnap.Error?   be root in a user namespace of one's own
---@field enter_mount_namespace fun(): true?, moonsnap.Error?  mounts made from now on end with the process
---@field attach_way fun(): "fd" | "classic"                   how overlays are mounted here
---@field pid fun(): integer
---@field uid fun(): integer                                   the effective ones
---@field gid fun(): integer
---@field exists fun(path: string): boolean                    links are not followed
---@field random fun(): string                                 16 hexadecimal digits
---@field steady fun(): number                                 seconds of a clock that only runs forward
---@field now fun(): integer                                   nanoseconds since 1970
--- io_priority: how urgent is what this thread asks of disks: class << 13 | level, 3 << 13 being idle; answers what
--- it was. See ioprio_set(2).
---@field io_priority fun(number: integer): integer?, moonsnap.Error?
---@field pidfd fun(pid: integer): moonsnap.Pidfd?, moonsnap.Error?  to watch a process; not_found without one
---@field listen fun(path: string): moonsnap.Listener?, moonsnap.Error?  a unix socket; a stale one is replaced
---@field listen_fds fun(): {fd: integer, name: string, unix: boolean}[]?, moonsnap.Error?  what a manager passed
---@field notify fun(text: string): boolean?, moonsnap.Error?  tells NOTIFY_SOCKET; false: nobody asked
--- spawn: a program beside us, in a process group of its own; its pid to reap, and a descriptor that is readable when
--- it has ended. argv[1] is an absolute path, env a list of NAME=VALUE; without descriptors it has /dev/null.
---@field spawn fun(argv: string[], env: string[], stdin?: integer, stdout?: integer): integer?, integer|moonsnap.Error

--- A socket that this process made. Collected or closed it is unlinked, if it is still this one.
---@class moonsnap.Listener
---@field take fun(self): integer    its descriptor, once: the caller's from now on
---@field remove fun(self): boolean  unlinks it now; false when another one is there
---@field close fun(self)

--- Its descriptor is readable once the process has ended; closing the object closes it.
---@class moonsnap.Pidfd
---@field fd fun(self): integer
---@field close fun(self)

---@class moonsnap
---@field version string
---@field sys moonsnap.Sys
---@field verdict {deny: function, defer: function, exists: function, rewrite: function}  what hooks answer
local moonsnap = {}

--- Opens a store; makes one when there is none.
---@param options moonsnap.OpenOptions
---@return moonsnap.Store? store
---@return moonsnap.Error? err
function moonsnap.open(options) end

--- Loads a policy without a store: to check its files, or to build one beside that of a store.
---@param options {root?: string, files?: (string|{path: string, options?: table})[], automations?: table[],
---                log?: fun(path: string, text: string), before?: moonsnap.Policy, now?: fun(): integer,
---                clock?: fun(): number}
---@return moonsnap.Policy? policy  nil where there is no file
---@return moonsnap.Error? err      invalid_argument: FILE:LINE: why; permission_denied: others may write a file
function moonsnap.load_policy(options) end

---@class moonsnap.ConnectOptions
---@field address      string   a socket's path, also as unix:PATH or unix://PATH
---@field namespace?   string   "default"
---@field snapshotter? string   of the server; its own default

--- A store behind the socket of `moonsnap serve`, or of containerd: the same methods, over gRPC.
---@param options moonsnap.ConnectOptions
---@return moonsnap.Store? store
---@return moonsnap.Error? err
function moonsnap.connect(options) end

--- Makes a new metadata.db from the markers beside the layers, when it is lost or no database.
---@param root string
---@return integer? rebuilt  committed snapshots found
---@return moonsnap.Error? err
function moonsnap.rebuild(root) end

--- Compiles filters (containerd's grammar; the list is ORed) for use with walk and match.
---@param filters string[]
---@return moonsnap.Filter? filter
---@return moonsnap.Error? err
function moonsnap.filter(filters) end

--- An error value of our class, for code that fails in moonsnap's way.
---@param kind moonsnap.ErrorKind
---@param message string
---@return moonsnap.Error
function moonsnap.error(kind, message) end

---@class moonsnap.Filter
local Filter = {}
---@param info moonsnap.Info
---@return boolean
function Filter:match(info) end

--- Whether an object matches that has these fields, each by its whole path: `{ ["labels.team"] = "blue" }`.
---@param fields table<string, string>
---@return boolean
function Filter:match_fields(fields) end

--- What it asks for: by alternative, the terms that must all hold. op: "present" (value ""), "==", "!=", "~=".
---@return {path: string, op: string, value: string}[][]
function Filter:terms() end

--- A snapshotter. `local store <close> = assert(moonsnap.open{ root = dir })`.
---@class moonsnap.Store
---@field root       string
---@field driver     string
---@field xattrs     "trusted" | "user"
---@field durability string
---@field name_space string   the namespace that this object works in
local Store = {}

--- Closes; a second time does nothing. Deletes nothing and unmounts nothing.
function Store:close() end

--- The same store, working in another namespace. Shares everything, its transactions too; closing
--- either closes both.
---@param name string
---@return moonsnap.Store? store
---@return moonsnap.Error? err
function Store:namespace(name) end

---@return string[]? names  namespaces that have a snapshot, sorted
---@return moonsnap.Error? err
function Store:namespaces() end

--- The leases of the namespace that the store works in.
---@return moonsnap.Leases
function Store:leases() end

--- The pins of the namespace that the store works in.
---@return moonsnap.Pins
function Store:pins() end

--- Has a function asked before the store changes (or, phase after, told afterwards): the hooks of this process, for
--- all objects of this store. docs/hooks.md says what it may answer; `moonsnap.verdict` has the constructors.
---@param hook moonsnap.Hook
---@return moonsnap.hooks.Handle? handle  handle:remove()
---@return moonsnap.Error? err   invalid_argument: what is wrong with it; already_exists
function Store:hook(hook) end

--- Retention and collection in the namespace that the store works in: plan, apply, explain. By the rules of the
--- store's policy, or by others. docs/retention.md has the words of rules.
---@param rules? moonsnap.gc.Rule[]
---@return moonsnap.gc.Collector
function Store:gc(rules) end

--- Namespaces with their labels. They need no making: any name may be used.
---@return moonsnap.Namespaces
function Store:namespace_records() end

---@class moonsnap.Lease
---@field id      string
---@field created integer
---@field labels  table<string, string>  "containerd.io/gc.expire" (RFC 3339): from then on it holds nothing
---@field ttl?    integer   seconds that renewing it gives, where it has been told
---@field pid?    integer   the process with which it ends
---@field ended?  "expired" | "dead"  it holds nothing any more

---@class moonsnap.Resource
---@field type string  "snapshots/overlayfs", "snapshots/native": this store's snapshots, by its driver
---@field id   string  a key or name; need not exist

---@class moonsnap.LeaseOptions
---@field labels? table<string, string>
---@field ttl?    integer  seconds from now; ends it unless it is renewed
---@field pid?    integer  of a process with which it ends

---@class moonsnap.Reaped
---@field leases  string[]  ids of those that were deleted
---@field removed string[]  keys of the snapshots that went with them
---@field busy?   {lease: string, text: string}[]  stay for now: something that they made is in use

---@class moonsnap.Leases
---@field create    fun(self, id?: string, options?: moonsnap.LeaseOptions): moonsnap.Lease?, moonsnap.Error?
---@field renew     fun(self, id: string, ttl?: integer): moonsnap.Lease?, moonsnap.Error?  from now on, in seconds
---@field expired   fun(self): moonsnap.Lease[]?, moonsnap.Error?  those that have ended
---@field reap      fun(self): moonsnap.Reaped?, moonsnap.Error?  deletes those, unless what they made is mounted
---@field delete    fun(self, id: string): string[]?, moonsnap.Error?  keys of the snapshots that went with it
---@field list      fun(self, ...: string|moonsnap.Filter): moonsnap.Lease[]?, moonsnap.Error?  filters: id, labels.NAME
---@field add       fun(self, id: string, resource: moonsnap.Resource): true?, moonsnap.Error?
---@field drop      fun(self, id: string, resource: moonsnap.Resource): true?, moonsnap.Error?
---@field resources fun(self, id: string): moonsnap.Resource[]?, moonsnap.Error?

---@class moonsnap.Pin
---@field key     string
---@field reason  string    "" without
---@field created integer
---@field until_? integer   nanoseconds since 1970; without, for good
---@field ended?  boolean   its time is over: it holds nothing any more

---@class moonsnap.Pins
---@field add    fun(self, key: string, options?: {reason?: string, until_?: integer}): true?, moonsnap.Error?
---@field remove fun(self, key: string): true?, moonsnap.Error?  not_found when it is not pinned
---@field list   fun(self): moonsnap.Pin[]?, moonsnap.Error?

---@class moonsnap.NamespaceRecord
---@field name    string
---@field created integer  0 for one that only has snapshots or leases
---@field labels  table<string, string>

---@class moonsnap.Namespaces
---@field get    fun(self, name: string): moonsnap.NamespaceRecord?, moonsnap.Error?
---@field list   fun(self): moonsnap.NamespaceRecord[]?, moonsnap.Error?  sorted
---@field create fun(self, name: string, options?: {labels?: table}): moonsnap.NamespaceRecord?, moonsnap.Error?
---@field update fun(self, record: table, paths?: string[]): moonsnap.NamespaceRecord?, moonsnap.Error?
---@field delete fun(self, name: string): true?, moonsnap.Error?  failed_precondition while it has snapshots

---@class moonsnap.CreateOptions
---@field labels? table<string, string>
---@field owner?  integer  pid: once that process is gone, cleanup removes the snapshot
---@field lease?  string   that holds it from now on, and goes with it; also when it exists already

---@param key string
---@param parent? string   name of a committed snapshot
---@param options? moonsnap.CreateOptions
---@return moonsnap.Mount[]? mounts
---@return moonsnap.Error? err
function Store:prepare(key, parent, options) end

---@param key string
---@param parent? string
---@param options? moonsnap.CreateOptions
---@return moonsnap.Mount[]? mounts
---@return moonsnap.Error? err
function Store:view(key, parent, options) end

---@param key string
---@return moonsnap.Mount[]? mounts
---@return moonsnap.Error? err
function Store:mounts(key) end

---@class moonsnap.CommitOptions
---@field labels?     table<string, string>
---@field parent?     string   rebase an active that has no parent
---@field durability? "metadata" | "layer" | "full"
---@field seal?       moonsnap.Seal   made by seal(key)
---@field progress?   moonsnap.Progress
---@field lease?      string   that holds it from now on; leases that held key hold it in any case

---@param name string
---@param key string
---@param options? moonsnap.CommitOptions
---@return true? ok
---@return moonsnap.Error? err
function Store:commit(name, key, options) end

---@class moonsnap.Seal: moonsnap.Work
---@field usage fun(self: moonsnap.Seal): moonsnap.Usage

--- Makes an active's content durable and measures it, so that commit only writes rows.
---@param key string
---@param options? {durability?: string, progress?: moonsnap.Progress}
---@return moonsnap.Seal? seal
---@return moonsnap.Error? err
function Store:seal(key, options) end

--- Removes; the layer is freed before this returns, or with later by cleanup. Once the row is gone the
--- answer is true: what progress cancels is only the freeing, which cleanup ends.
---@param key string
---@param options? {later?: boolean, progress?: moonsnap.Progress}
---@return true? ok
---@return moonsnap.Error? err
function Store:remove(key, options) end

---@param key string
---@return moonsnap.Info? info
---@return moonsnap.Error? err
function Store:stat(key) end

--- Changes labels; `info.name` says whose. Without fieldpaths all labels are replaced.
---@param info {name: string, labels?: table<string, string>}
---@param fieldpaths? string[]  "labels" or "labels.NAME"
---@return moonsnap.Info? info
---@return moonsnap.Error? err
function Store:update(info, fieldpaths) end

--- Iterates infos: `for info in store:walk('kind==committed') do`. Filters are ORed; without any,
--- all. A bad filter, and a store that fails under way, raise the error value; filter() checks first.
---@param ... string | moonsnap.Filter
---@return fun(): moonsnap.Info?
function Store:walk(...) end

--- The query plan of walk(...) as SQLite tells it.
---@param ... string
---@return string? plan
---@return moonsnap.Error? err
function Store:explain(...) end

---@param key string
---@param options? {progress?: moonsnap.Progress}
---@return moonsnap.Usage? usage
---@return moonsnap.Error? err
function Store:usage(key, options) end

---@param key string
---@return true? ok
---@return moonsnap.Error? err
function Store:touch(key) end

--- The directories that make up a snapshot, nearest first. `own` is true when the first is its own.
---@param key string
---@return {own: boolean, [integer]: string}? layers
---@return moonsnap.Error? err
function Store:layers(key) end

--- Iterates what a snapshot's own layer changed; with other, what differs from other to key.
---@param key string
---@param other? string
---@return (fun(): moonsnap.Change?)? iterator   nil, err when it cannot start
---@return moonsnap.Error? err
function Store:diff(key, other) end

--- Mounts a snapshot on an existing directory and records it; counts as a use.
---@param key string
---@param target string
---@param options? {readonly?: boolean}
---@return true? ok
---@return moonsnap.Error? err
function Store:mount(key, target, options) end

---@param target string
---@param options? {lazy?: boolean}
---@return true? ok
---@return moonsnap.Error? err
function Store:unmount(target, options) end

---@return moonsnap.Mounted[]? mounted
---@return moonsnap.Error? err
function Store:mounted() end

---@class moonsnap.ImportOptions
---@field parent?     string
---@field labels?     table<string, string>
---@field strict?     boolean   refuse what one uid cannot keep
---@field durability? string
---@field progress?   moonsnap.Progress

--- Imports a directory, a tar file, or an open file (`io.stdin`) as a committed snapshot.
---@param name string
---@param source string | file*
---@param options? moonsnap.ImportOptions
---@return moonsnap.Imported? imported
---@return moonsnap.Error? err
function Store:import(name, source, options) end

---@class moonsnap.RunOptions
---@field at?      string                  mount there and stay in the host's tree, instead of becoming its root
---@field workdir? string                  "/" in a root; at for at
---@field env?     table<string, string>   replaces the environment
---@field binds?   string[]                "SOURCE[:TARGET[:ro]]" of the host, below the new root
---@field commit?  string                  keep a throw-away as this committed snapshot when CMD exits 0
---@field labels?  table<string, string>   of that one
---@field readonly? boolean                a view instead of a writable child

---@class moonsnap.Ran
---@field status    integer  CMD's exit status; 128 + number for a signal
---@field key       string   the active it ran in, or the committed name, "" when it was thrown away

--- Runs a command in an active snapshot (kept), or in a throw-away child of a committed one.
--- `nil, err` when the command could not be started.
---@param name string
---@param argv string[]
---@param options? moonsnap.RunOptions
---@return moonsnap.Ran? ran
---@return moonsnap.Error? err
function Store:run(name, argv, options) end

--- Runs fn in one transaction: all of it or, when it raises, yields or returns `nil, err`, nothing.
--- Nested ones are savepoints. Returns what fn returns; a raised error is raised again.
---@generic T
---@param fn fun(store: moonsnap.Store): T?, moonsnap.Error?
---@return T?
---@return moonsnap.Error? err
function Store:transaction(fn) end

---@class moonsnap.ProgramOptions
---@field name?         string    for messages; "program"
---@field emit?         fun(value: any)   gets what the program emits, at once
---@field log?          fun(text: string)
---@field read_only?    boolean   looks at one state, takes no lock; what writes answers failed_precondition
---@field check?        boolean   tells what has changed, and changes nothing
---@field instructions? integer   of a text; 10,000,000
---@field memory?       integer   bytes, of a text; 64 MiB
---@field seconds?      number    10

---@class moonsnap.Outcome
---@field values   {n: integer, [integer]: any}   that the program returned
---@field spent?   {instructions: integer, seconds: number, memory: integer}  of a text
---@field changes? moonsnap.program.Changes       with check

--- Runs a program in one transaction: all of it or nothing. A text runs in a sandbox (docs/programs.md says what it
--- finds there); a function is called as what(store, args, emit), trusted, with a look at the clock alone.
--- Rolls back when it raises, returns `nil, err` or is over a limit (resource_exhausted).
---@param what string | fun(store: moonsnap.Store, args: any[], emit: fun(value: any)): any, moonsnap.Error?
---@param args? any[]
---@param options? moonsnap.ProgramOptions
---@return moonsnap.Outcome? outcome
---@return moonsnap.Error? err
function Store:program(what, args, options) end

--- Iterates the events that are there, oldest first; called again at its end it looks for more. A since whose next
--- events are not kept any more gets a /moonsnap/lost first. The loop raises the error value when the store fails.
---@param options? moonsnap.EventOptions
---@return (fun(): moonsnap.Event?)? iterator
---@return moonsnap.Error? err  invalid_argument: no cursor, a bad filter; failed_precondition: of another store
function Store:events(options) end

--- The cursor of the newest event: `since` for what comes from now on.
---@return string? cursor
---@return moonsnap.Error? err
function Store:cursor() end

--- Frees what removal left, removes what dead owners left, sweeps litter.
---@param options? {progress?: moonsnap.Progress}
---@return moonsnap.Cleaned? cleaned
---@return moonsnap.Error? err
function Store:cleanup(options) end

--- Compares rows and directories both ways; with repair, mends.
---@param options? {repair?: boolean}
---@return moonsnap.Finding[]? findings
---@return moonsnap.Error? err
function Store:check(options) end

return moonsnap
