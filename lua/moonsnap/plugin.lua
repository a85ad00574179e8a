--- The plugin graph: what is registered, what needs what, and what came of starting it.
---
--- A plugin is of a type and has an id, as containerd's plugins have; together they are its name,
--- `io.containerd.grpc.v1.snapshots`. It is started after everything that it requires. One that fails is
--- reported and the rest is kept; what cannot be ordered (a cycle, a requirement that nobody registered) is
--- refused before anything starts.

local raised = require "moonsnap.raised"

local M = {}

---@class moonsnap.Plugin
---@field type      string
---@field id        string
---@field requires? string[]  types, or names of single plugins, that are started before
---@field config?   table<string, any>  the options it knows, with their defaults; "" and {} stand for unset
---@field init      fun(ic: moonsnap.InitContext): any, moonsnap.Error?  its instance

--- What came of a plugin.
---@class moonsnap.Started
---@field plugin       moonsnap.Plugin
---@field name         string
---@field instance     any
---@field err?         moonsnap.Error  why it did not start
---@field skipped?     true            it chose not to, which is no failure
---@field platforms    {os: string, architecture: string, variant?: string}[]
---@field exports      table<string, string>
---@field capabilities string[]

--- What a plugin is started with.
---@class moonsnap.InitContext
---@field config  table<string, any>  its options, defaults filled in
---@field root    string   directory of its own, below the service's; not made
---@field runtime table    what all plugins share: loop, pool, timers, mode, ... (service/build.lua)
---@field meta    {platforms: table[], exports: table<string, string>, capabilities: string[]}  shown by introspection
local Context = {}
Context.__index = Context

---@class moonsnap.Registry
---@field plugins moonsnap.Plugin[]  in order of registration
---@field by_name table<string, moonsnap.Plugin>
local Registry = {}
Registry.__index = Registry

---@class moonsnap.Graph
---@field started moonsnap.Started[]  in the order of starting
---@field by_name table<string, moonsnap.Started>
local Graph = {}
Graph.__index = Graph

---@param plugin {type: string, id: string}
function M.name(plugin)
    return plugin.type .. "." .. plugin.id
end

---@return moonsnap.Registry
function M.registry()
    return setmetatable({ plugins = {}, by_name = {} }, Registry)
end

--- An error value by which init says that it chose not to start: shown as skipped, not as failed.
---@param failure fun(kind: string, message: string): moonsnap.Error
---@param why string
function M.skip(failure, why)
    local err = failure("unimplemented", why .. ": skip plugin")
    err.skip = true
    return err
end

--- Adds a plugin. Raises for one that is registered already, or is none.
---@param plugin moonsnap.Plugin
function Registry:register(plugin)
    for _, field in ipairs { "type", "id" } do
        if type(plugin[field]) ~= "string" or plugin[field] == "" then
            error(("register: %s must be a string that is not empty"):format(field), 2)
        end
    end
    if type(plugin.init) ~= "function" then
        error(("register %s: init must be a function"):format(M.name(plugin)), 2)
    end
    for _, field in ipairs { "requires", "config" } do
        if plugin[field] ~= nil and type(plugin[field]) ~= "table" then
            error(("register %s: %s must be a table"):format(M.name(plugin), field), 2)
        end
    end
    local name = M.name(plugin)
    if self.by_name[name] then
        error(("register %s: it is registered already"):format(name), 2)
    end
    self.plugins[#self.plugins + 1] = plugin
    self.by_name[name] = plugin
end

--- The plugins that a requirement means.
function Registry:meant(requirement)
    if self.by_name[requirement] then
        return { self.by_name[requirement] }
    end
    local found = {}
    for _, plugin in ipairs(self.plugins) do
        if plugin.type == requirement then
            found[#found + 1] = plugin
        end
    end
    return found
end

local function path_of(trail, last)
    local names = {}
    for i, plugin in ipairs(trail) do
        names[i] = M.name(plugin)
    end
    names[#names + 1] = last
    return table.concat(names, " -> ")
end

--- Visits a plugin after what it requires. trail is how we came here.
local function visit(registry, plugin, done, trail, order)
    if done[plugin] then
        return nil
    end
    for i, earlier in ipairs(trail) do
        if earlier == plugin then
            return "a cycle: " .. path_of({ table.unpack(trail, i) }, M.name(plugin))
        end
    end
    trail[#trail + 1] = plugin
    for _, requirement in ipairs(plugin.requires or {}) do
        local meant = registry:meant(requirement)
        if #meant == 0 then
            return "nothing is registered that is required: " .. path_of(trail, requirement)
        end
        for _, required in ipairs(meant) do
            local wrong = visit(registry, required, done, trail, order)
            if wrong then
                return wrong
            end
        end
    end
    trail[#trail] = nil
    done[plugin] = true
    order[#order + 1] = plugin
end

--- All plugins, each after what it requires; those that are free to choose in order of registration.
---@return moonsnap.Plugin[]? order
---@return string? wrong  with the path that cannot be ordered
function Registry:order()
    local order, done = {}, {}
    for _, plugin in ipairs(self.plugins) do
        local wrong = visit(self, plugin, done, {}, order)
        if wrong then
            return nil, wrong
        end
    end
    return order
end

--- The instance of one plugin, by its name, or of the only one of a type.
---@param name string
---@return any instance
---@return moonsnap.Error? err
function Context:get(name)
    return self.graph:get(name)
end

--- The instances of a type that are started, by id.
---@param of_type string
---@return table<string, any>
function Context:all(of_type)
    return self.graph:all(of_type)
end

local function configured(plugin, given)
    local config = {}
    for option, default in pairs(plugin.config or {}) do
        config[option] = default
    end
    for option, value in pairs(given or {}) do
        config[option] = value
    end
    return config
end

--- The instance of a plugin with what stands around it; or nil and an error.
local function make(plugin, ic, wrappers)
    local instance, err = plugin.init(ic)
    for _, wrapper in ipairs(instance ~= nil and wrappers or {}) do
        instance = wrapper(instance, ic)
    end
    return instance, err
end

--- Runs one init; what it or a wrapper raises is its failure too.
local function start_one(graph, plugin, options)
    local name = M.name(plugin)
    if options.kept and options.kept[name] then
        return options.kept[name]
    end
    local started = { plugin = plugin, name = name, platforms = {}, exports = {}, capabilities = {} }
    local ic = setmetatable({
        config = configured(plugin, options.config and options.config[name]),
        root = ("%s/%s"):format(options.root, name),
        runtime = options.runtime,
        meta = started,
        graph = graph,
    }, Context)
    local ok, instance, err = xpcall(make, raised.traced, plugin, ic, options.wrappers and options.wrappers[name])
    if not ok then
        instance, err = nil, instance
    end
    started.instance = instance
    if instance == nil then
        started.err = raised.error_of(err or name .. ": init answered nothing", options.failure)
        started.skipped = started.err.skip
    end
    return started
end

---@class moonsnap.GraphOptions
---@field root      string
---@field state     string
---@field config?   table<string, table>     options by plugin name
---@field disabled? table<string, true>      names or types that are not started
---@field wrappers? table<string, function[]>  what stands around an instance, innermost first: fn(instance, ic)
---@field runtime?  table
---@field kept?     table<string, moonsnap.Started>  of an earlier graph: taken over instead of started
---@field failure   fun(kind: string, message: string): moonsnap.Error

--- Starts everything that is not disabled, in order.
---@param options moonsnap.GraphOptions
---@return moonsnap.Graph? graph
---@return string? wrong
function Registry:start(options)
    local order, wrong = self:order()
    if not order then
        return nil, wrong
    end
    local graph = setmetatable({ started = {}, by_name = {}, failure = options.failure }, Graph)
    local disabled = options.disabled or {}
    for _, plugin in ipairs(order) do
        local name = M.name(plugin)
        if not disabled[name] and not disabled[plugin.type] then
            local started = start_one(graph, plugin, options)
            graph.started[#graph.started + 1] = started
            graph.by_name[name] = started
        end
    end
    return graph
end

---@param name string
function Graph:get(name)
    local started = self.by_name[name]
    if not started then
        local of_type = {}
        for _, candidate in ipairs(self.started) do
            of_type[#of_type + 1] = candidate.plugin.type == name and candidate or nil
        end
        started = #of_type == 1 and of_type[1] or nil
    end
    if not started then
        return nil, self.failure("not_found", ("plugin %s is not there, or disabled"):format(name))
    end
    if started.instance == nil then
        return nil, self.failure("failed_precondition",
            ("plugin %s did not start: %s"):format(started.name, started.err.message))
    end
    return started.instance
end

---@param of_type string
function Graph:all(of_type)
    local instances = {}
    for _, started in ipairs(self.started) do
        if started.plugin.type == of_type and started.instance ~= nil then
            instances[started.plugin.id] = started.instance
        end
    end
    return instances
end

--- Ends what has an end: instances with a close method, last started first.
---@param kept? table<string, moonsnap.Started>  those of them that go on in another graph
---@return {name: string, err: moonsnap.Error}[] failed  whose close raised
function Graph:close(kept)
    local failed = {}
    for i = #self.started, 1, -1 do
        local started = self.started[i]
        local instance = not (kept and kept[started.name]) and started.instance
        if type(instance) == "table" and type(instance.close) == "function" then
            local ok, err = xpcall(instance.close, raised.traced, instance)
            failed[#failed + 1] = not ok and { name = started.name, err = raised.error_of(err, self.failure) } or nil
        end
    end
    return failed
end

return M
