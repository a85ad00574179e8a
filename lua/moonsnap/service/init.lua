--- The service: one loop that takes calls, runs the plugins' handlers, and writes in batches.
---
---     sockets -> calls -> handlers (coroutines) -> reads at once, writes into the batch, walks on workers
---             -> COMMIT on its thread -> answers

local moonsnap = require "moonsnap"

local build = require "moonsnap.service.build"
local config = require "moonsnap.config"
local policyset = require "moonsnap.service.policyset"
local router = require "moonsnap.service.router"
local spawn = require "moonsnap.automation.spawn"
local task = require "moonsnap.service.task"
local timers = require "moonsnap.service.timers"

local M = {}

local WORKERS = 2
local OUTBOX_SECONDS = 0.25 -- until changes by other processes are told
local PRUNE_SECONDS = 1
local DRAIN_SECONDS = 10

---@class moonsnap.ServiceOptions
---@field root        string
---@field fd          integer   a listening socket, see sys.listen
---@field mode        "proxy" | "direct"
---@field settings?   moonsnap.Settings   what config.read answered
---@field name_space? string    of a proxy: "containerd"
---@field driver?     string
---@field durability? string    of commits: "metadata"
---@field began?      fun(route: table, context: table)   a stream has begun
---@field ended?      fun(route: table?, context: table, code: integer, message: string, seconds: number)
---@field crashed?    fun(context: moonsnap.service.Context, trace: string)  a bug in a handler
---@field unclosed?   fun(name: string, err: moonsnap.Error)  a plugin whose end raised
---@field audit?      fun(what: string, fields: table)  keeps what an administrator did; without, there is no console
---@field late?       fun(trace: string)   a bug in what a timer ran
---@field say?        fun(level: string, message: string, fields?: table)  what policies and automation log
---@field policy?     false     leave the roots' policy files out
---@field verbs?      table<string, moonsnap.service.ControlVerb>  of the process, for Control
---@field grace?      number    seconds that calls have when the service ends
---@field signals?    table<string, fun(service: moonsnap.Service)>

---@class moonsnap.Service
---@field options moonsnap.ServiceOptions
---@field loop    moonsnap.rpc.Loop
---@field server  moonsnap.rpc.Server
---@field router  moonsnap.service.Router
---@field graph   moonsnap.Graph
---@field timers  moonsnap.service.Timers
---@field tickets table<integer, fun(ok: true?, err: moonsnap.Error?)>  what goes on when a job has finished
---@field watched table<integer, function>  what to do for a descriptor that is ready
---@field programs table<table, true>  that automation has started and waits for
local Service = {}
Service.__index = Service

--- Goes over to a graph, between two calls.
local function adopt(service, graph, offered, settings)
    service.graph = graph
    service.stores = graph:get("io.containerd.metadata.v1.sqlite")
    service.exchange = graph:all("io.containerd.event.v1").exchange
    service.router:replace(offered)
    service.grace = service.options.grace or settings.grace or DRAIN_SECONDS
end

--- Makes a service; it begins to answer with run.
---@param options moonsnap.ServiceOptions
---@return moonsnap.Service? service
---@return moonsnap.Error? err
function M.new(options)
    local settings = options.settings or config.none()
    local self = setmetatable({
        options = options, settings = settings, tickets = {}, watched = {}, programs = {},
        mode = options.mode or settings.mode or "proxy",
        loop = moonsnap.rpc.loop(), timers = timers.new(moonsnap.sys.steady, options.late),
    }, Service)
    self.name_space = options.name_space or settings.namespace or (self.mode == "proxy" and "containerd" or "default")
    self.loop:take_signals { "TERM", "INT", "HUP" }
    self.pool = moonsnap.rpc.pool(self.loop, WORKERS)
    self.router = router.new {
        message = moonsnap.message, failure = moonsnap.error, tasks = task.new(), clock = moonsnap.sys.steady,
        endpoint = self.mode,
        began = options.began, ended = function(...) return self:ended(...) end,
    }
    local graph, offered = build.graph(self, settings)
    if not graph then
        self:close()
        return nil, offered --[[@as moonsnap.Error]]
    end
    adopt(self, graph, offered, settings)
    local policies, err = policyset.build(self, settings)
    if not policies then
        self:close()
        return nil, err
    end
    policies:swap()
    self.policies = policies
    self.server = self.loop:serve { fd = options.fd }
    self.timers:every(PRUNE_SECONDS, function() self.router:prune() end)
    self.timers:every(OUTBOX_SECONDS, function()
        if self.exchange then
            self.exchange:pump()
        end
    end)
    return self
end

--- Ends a graph, but for what another one has taken over.
local function close_graph(service, graph, kept)
    for _, failed in ipairs(graph:close(kept)) do
        if service.options.unclosed then
            service.options.unclosed(failed.name, failed.err)
        end
    end
end

--- What only a new process can change, and what goes on whatever is loaded.
local FIXED = { "mode", "namespace", "durability" }
local KEPT = { "io.containerd.metadata.v1.sqlite", "io.containerd.event.v1.exchange",
    "io.containerd.grpc.v1.healthcheck" }

--- Starts the plugins anew beside the old ones, and goes over to them.
local function take_over(self, settings)
    local kept, before = {}, self.graph
    for _, name in ipairs(KEPT) do
        kept[name] = before.by_name[name]
    end
    local followed = self.exchange and self.exchange:followed()
    local graph, offered = build.graph(self, settings, kept)
    if not graph then
        if followed then
            self.exchange:follow_again(followed)
        end
        return nil, offered --[[@as moonsnap.Error]]
    end
    adopt(self, graph, offered, settings)
    close_graph(self, before, kept)
    return true
end

--- Goes over to other settings: policies, automation and a new graph beside the old ones, which stay when it cannot
--- be. Stores, events and who listens to them go on; calls under way end as they began. Between two requests alone.
---@param settings moonsnap.Settings
---@return true? ok
---@return moonsnap.Error? err
function Service:reload(settings)
    for _, word in ipairs(FIXED) do
        if settings[word] ~= self.settings[word] then
            return nil, moonsnap.error("failed_precondition", word .. ": only a restart changes it")
        end
    end
    local wrong = build.wrong(settings)
    if wrong then
        return nil, moonsnap.error("invalid_argument", wrong)
    end
    local function overlays(of) return table.concat(build.mount_options(of), ",") end
    if overlays(settings) ~= overlays(self.settings) then
        return nil, moonsnap.error("failed_precondition", "mount_options: only a restart changes them")
    end
    local policies, err = policyset.build(self, settings)
    if not policies then
        return nil, err
    end
    local ok
    ok, err = take_over(self, settings)
    if not ok then
        policies:close()
        return nil, err
    end
    policies:swap(self.policies)
    self.policies, self.settings = policies, settings
    return true
end

--- Told of every call that has ended.
function Service:ended(route, context, code, message, seconds)
    if context.trace and self.options.crashed then
        self.options.crashed(context, context.trace)
    end
    if self.options.ended then
        self.options.ended(route, context, code, message, seconds)
    end
end

--- What happened to jobs: batches that are durable now, walks that have ended.
local function finish_jobs(service)
    local pool, tickets = service.pool, service.tickets
    local some = false
    for ticket, ok, err in pool.finished, pool do
        local go_on = tickets[ticket]
        tickets[ticket] = nil
        some = true
        go_on(ok, err)
    end
    if some and service.exchange then
        service.exchange:pump()
    end
end

--- Hands out the calls that arrived; where they are several, their reads see one state of the rows.
local function take_calls(service)
    local server, routes, stores = service.server, service.router, service.stores
    local call, several = server:next(), false
    while call do
        local following = server:next()
        if following and not several then
            several = true
            stores:hold()
        end
        routes:dispatch(call)
        call = following
    end
    if several then
        stores:release()
    end
    for woken in server.woken, server do
        routes:wake(woken)
    end
end

local function take_signals(service)
    for name in service.loop.signal, service.loop do
        local act = service.options.signals and service.options.signals[name]
        if act then
            act(service)
        elseif name ~= "HUP" then
            service:stop()
        end
    end
end

--- One turn: the queued writes, the sockets, and what they brought.
function Service:turn()
    local busy = false
    for _, held in ipairs(self.stores.held) do
        busy = held.batch:turn() or busy
    end
    self.loop:wait(busy and 0 or self.timers:left())
    take_calls(self)
    finish_jobs(self)
    for fd in self.loop.ready, self.loop do
        local act = self.watched[fd]
        if act then
            act(fd)
        end
    end
    take_signals(self)
    self.timers:run()
end

--- Begins to end: no new connections, streams that only wait are cut, what runs has the grace to end.
function Service:stop()
    if self.ending then
        self.over = true -- asked twice
        return
    end
    self.ending = true
    local health = self.graph.by_name["io.containerd.grpc.v1.healthcheck"]
    if health and health.instance then
        health.instance:stop()
    end
    self.router:stop()
    self.server:drain()
    self.timers:after(self.grace, function() self.over = true end)
end

--- Answers calls until it is told to end.
function Service:run()
    while not self.over do
        self:turn()
        self.over = self.over or self.ending and self.server:open() == 0
    end
    self:close()
end

function Service:close()
    if self.policies then
        self.policies:stop()
        self.policies = nil
        spawn.kill(self.programs)
    end
    if self.server then
        self.server:close()
        self.server = nil
    end
    if self.pool then
        self.pool:close()
        self.pool = nil
    end
    if self.graph then
        close_graph(self, self.graph)
        self.graph = nil
    end
end

return M
