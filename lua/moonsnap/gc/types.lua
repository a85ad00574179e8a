---@meta moonsnap.gc
-- luacheck: ignore 211 212 241 (declarations use nothing)

--- Retention and collection, for editors and people. Never loaded.
---
---     engine:survey --> gc/facts --> gc/plan (pure: facts + rules + now -> plan) --> stored --> gc/apply --> removals

--- A snapshot as the planner sees it: an info, and what else is known. Of one namespace.
---@class moonsnap.gc.Fact: moonsnap.Info
---@field size    integer   of its own layer, bytes; actives 0 unless measured
---@field inodes  integer
---@field depth   integer   layers of its chain, itself included
---@field held    moonsnap.gc.Held?  the first thing that holds it

--- Why a snapshot may not go whatever rules say; the first of these that is so.
---@class moonsnap.gc.Held
---@field why "pinned" | "leased" | "mounted" | "maybe_mounted" | "owned" | "referenced" | "tenant"
---@field text string      "pinned until 2026-12-01: release 1.4"
---@field flat? boolean    leased, and only by leases that hold nothing by labels (containerd.io/gc.flat)

--- "90s", "15m", "6h", "7d", "2w", "1mo", "1y", "1d12h"; numbers are seconds.
---@alias moonsnap.gc.Duration string | number
---@alias moonsnap.gc.Size string | integer     "40GiB", "500MB", "10%" (of the file system); integers are bytes

--- A rule. match decides which snapshots it is about; keep, expire and bounds what becomes of them.
---@class moonsnap.gc.Rule
---@field name      string
---@field match?    string | string[] | table | fun(fact): boolean   containerd's filter and the fields age, idle,
---                 size, depth, tag; without: all
---@field group_by? string | string[] | fun(fact): string  a label's name, ...: counts and buckets are a group's own
---@field keep?     table  last, within, used_within, hourly, daily, weekly, monthly, quarterly, yearly (n,
---                 {min=, max=}, ...), frequently = {every=, n=}, tagged = {patterns}, label = {name = value},
---                 both = {keep, keep}; keep.lua is the whole list
---@field rest?     "remove" | "stay"  what becomes of what keep does not hold; with bounds it stays until they ask,
---                 else it goes
---@field min_age?  moonsnap.gc.Duration  nothing younger is touched
---@field expire?   {ttl?: any, at_label?: string, idle?: any, dead?: any}
---@field bounds?   {max_used?: any, reserved?: any, min_free?: any, max_count?: integer, max_inodes?: integer,
---                 max_depth?: integer, high?: number, low?: number, of?: "match"|"all"}
---@field order?    "lru" | "lfu" | "mixed" | "oldest" | "largest" | "cheapest" | fun(a, b): boolean
---@field hard?     boolean   the rule's bounds may go on into what its own keep alone holds
---@field action?   "remove" | "notify" | fun(fact): string   a function answers one of these; it must be pure
---@field containerd? true | {snapshotter?: string}   containerd's marking: what no root reaches goes
---@field pace?     {items?: integer, bytes?: any, wall?: any, io?: "idle"}
---@field on?       string[]  "timer", "pressure", "startup", "commit", "manual"; all
---@field every?    moonsnap.gc.Duration
---@field monitor?  {newest_max_age?: any, min_count?: integer, level?: string}

--- One snapshot's end of the evaluation: exactly one reason.
---@class moonsnap.gc.Item
---@field number   integer
---@field key      string
---@field verdict  "keep" | "remove"
---@field reason   string   a word: pinned, leased, mounted, maybe_mounted, owned, referenced, min_age, needed, tenant,
---                expired, kept, released, demand, no_rule, unreferenced, vetoed
---@field rule?    string   the rule's name
---@field text     string   for people: "needed by 'nightly-3'", "daily 2 of 7 (rule nightly)"
---@field size     integer

---@class moonsnap.gc.Plan
---@field id?       string    once it is stored
---@field namespace string
---@field at        integer   nanoseconds
---@field rules     string    hash of the rules' words
---@field items     moonsnap.gc.Item[]   children before parents
---@field before    {count: integer, size: integer}
---@field after     {count: integer, size: integer}
---@field totals    {verdict: string, reason: string, count: integer, size: integer}[]
---@field unmet     {rule: string, bound: string, short: integer, text: string}[]  bounds that cannot be reached, and
---                 what holds them up
---@field monitors  {rule: string, level: string, text: string}[]

--- Pure. Reads nothing, removes nothing.
---@param facts moonsnap.gc.Fact[]
---@param rules moonsnap.gc.Rule[]
---@param state {namespace: string, now: integer, filesystem?: {size: integer, free: integer}, trigger?: string,
---              due?: table<string, true>, filter: fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?,
---              failure: fun(kind: string, message: string): moonsnap.Error, pause?: fun()}
---@return moonsnap.gc.Plan? plan
---@return moonsnap.Error? err   invalid_argument: which rule, which field, what is wrong with it
local function plan(facts, rules, state) end

--- What the engine offers to all this, by position and with the namespace first --------------------------------------

--- All snapshots of a namespace at one moment; no lock is held once it is there.
---@class moonsnap.core.Survey
---@field count fun(self): integer
---@field take  fun(self, count: integer): moonsnap.gc.Surveyed[]?  the next ones, by number; nothing at the end
---@field close fun(self)

--- What the row says, and what holds it. Snapshots without labels share one empty table.
---@class moonsnap.gc.Surveyed: moonsnap.Info
---@field size    integer
---@field inodes  integer
---@field depth   integer
---@field pinned?      {reason: string, until_?: integer}  by a pin that has not ended
---@field leased?      string   one of the leases that hold it and live
---@field leased_flat? true     all of these are flat (containerd.io/gc.flat)
---@field mounted?     string   where this store has mounted it, as far as it may still be
---@field owner?       "alive" | "dead" | "unknown"  the process that it was prepared for

--- Layers that are mounted, by number, of all namespaces; see docs/decisions/0016-what-is-in-use.md.
---@class moonsnap.gc.InUse
---@field sure    table<integer, true>
---@field maybe   table<integer, true>
---@field unknown integer  mount namespaces that could not be read: then everything is maybe
---@field beyond  boolean  processes outside of this pid namespace are not seen at all

---@class moonsnap.gc.StoredPlan
---@field id        string   "TTTTTTTTTRR-SSSS": sorts as time does; of another store it is failed_precondition
---@field namespace string
---@field created   integer
---@field header    string   as it was given
---@field items     integer
---@field done      integer  how many of them have an outcome

---@class moonsnap.core.Store
---@field survey   fun(self, name_space: string): moonsnap.core.Survey?, moonsnap.Error?
---@field in_use   fun(self): moonsnap.gc.InUse?, moonsnap.Error?
---@field evict    fun(self, name_space: string, key: string, seen: {number: integer, updated: integer, used: integer,
---                use_count: integer}, look?: boolean): true?, moonsnap.Error?  removes what is still as it was seen
---                (aborted: it is not; failed_precondition: something uses or holds it); look: only says
---@field spend_reserve fun(self): boolean  the disk is full and has got the store's reserve: try again
---@field tenant   fun(self, name_space: string): (string|false)?, moonsnap.Error?  whose database knows what is in it
---@field set_tenant  fun(self, name_space: string, tenant?: string): true?, moonsnap.Error?
---@field plan_save   fun(self, name_space: string, header: string, items: table[]): string?, moonsnap.Error?
---                   its id; the newest 50 of a namespace are kept
---@field plan_append fun(self, name_space: string, id: string, items: table[]): true?, moonsnap.Error?
---@field plan_load   fun(self, name_space: string, id: string): moonsnap.gc.StoredPlan?, moonsnap.Error?
---@field plan_list   fun(self, name_space: string): moonsnap.gc.StoredPlan[]?, moonsnap.Error?  newest first
---@field plan_items  fun(self, name_space: string, id: string, outcome?: string, after?: integer, count?: integer):
---                   table[]?, moonsnap.Error?  outcome "": those that have none yet; after a place
---@field plan_done   fun(self, name_space: string, id: string, place: integer, outcomes: {place: integer,
---                   outcome: string, text?: string}[]): true?, moonsnap.Error?  the items up to place are done:
---                   removed, but for these; joins the transaction that is open
