--- The service as a process: its socket, its signals, what it logs and counts, and its service manager.
---
---     TERM, INT   drains: no new calls, those under way have a grace; a second one ends at once
---     HUP         reads all files again: configuration, policies, automation; what cannot be right changes nothing

local resource = require "posix.sys.resource"
local signal = require "posix.signal"

local config = require "moonsnap.config"
local endpoint = require "moonsnap.service.process.endpoint"
local gauges = require "moonsnap.service.process.gauges"
local listen = require "moonsnap.service.process.listen"
local metrics = require "moonsnap.service.process.metrics"
local notify = require "moonsnap.service.process.notify"
local observer = require "moonsnap.service.process.observer"
local raised = require "moonsnap.raised"
local reload = require "moonsnap.service.process.reload"

local M = {}

---@class moonsnap.service.ProcessOptions
---@field moonsnap    table
---@field log         moonsnap.service.Log
---@field root        string
---@field address?    string
---@field machine     boolean             started by the machine's root
---@field mode?       "proxy" | "direct"
---@field config?     string              path
---@field name_space? string
---@field driver?     string
---@field durability? string
---@field metrics?    string              address
---@field grace?      number              seconds
---@field policy?     false               leave the roots' policy files out

---@class moonsnap.service.Process
---@field options  moonsnap.service.ProcessOptions
---@field log      moonsnap.service.Log
---@field sockets  moonsnap.service.Sockets
---@field service  moonsnap.Service
---@field notify   moonsnap.service.Notify
---@field observer moonsnap.service.Observer
---@field reload   moonsnap.service.Reload
local Process = {}
Process.__index = Process

local FILES = 65536 -- connections, and two for each layer that is walked

--- As many descriptors as we may have.
local function raise_limit()
    local limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    local most = limit.rlim_max == resource.RLIM_INFINITY and FILES or math.min(limit.rlim_max, FILES)
    if limit.rlim_cur ~= resource.RLIM_INFINITY and limit.rlim_cur < most then
        resource.setrlimit(resource.RLIMIT_NOFILE, { rlim_cur = most, rlim_max = limit.rlim_max })
    end
end

local function read_settings(options)
    if not options.config then
        return config.none()
    end
    return config.read(options.config, options.moonsnap.error)
end

--- Serves metrics at an address, or on a socket that was passed.
local function open_endpoint(self, address)
    local service = self.service
    return endpoint.new {
        address = address or "a socket that was passed", fd = not address and self.sockets.metrics or nil,
        type = metrics.CONTENT_TYPE, text = function() return self.observer.metrics:text() end,
        failed = function(why) self.log:error("metrics", { error = tostring(why) }) end,
        loop = service.loop, watched = service.watched, timers = service.timers,
        sys = self.options.moonsnap.sys, failure = self.options.moonsnap.error,
    }
end

--- Serves metrics where the command line says, or settings do, beside what was served before. Answers what is to be
--- called then: with true to go over to it, with false to leave it.
---@return fun(taken: boolean)? settle
---@return moonsnap.Error? err
local function place_endpoint(self, settings)
    local address = self.options.metrics or settings.metrics
    if self.placed and address == self.metrics then
        return function() end
    end
    local opened, err
    if address or self.sockets.metrics then
        opened, err = open_endpoint(self, address)
        if not opened then
            return nil, err
        end
    end
    return function(taken)
        local left = opened
        if taken then
            left = self.endpoint
            self.endpoint, self.metrics, self.placed = opened, address, true
            self.sockets.metrics = not address and self.sockets.metrics or nil
        end
        if left then
            left:close()
        end
    end
end

--- Begins to end. The path goes first: whoever connects from now on finds nothing, and waits for the next service.
local function stop(self, name)
    if not self.ending then
        self.ending, self.observer.ending = true, true
        if self.sockets.listener then
            self.sockets.listener:remove()
        end
        self.log:info("stopping", { signal = name, grace = self.service.grace })
        self.notify:stopping("draining")
    else
        self.log:info("stopping at once", { signal = name })
    end
    self.service:stop()
end

--- What plugins came to, in the log.
local function tell_plugins(self)
    for _, started in ipairs(self.service.graph.started) do
        if started.err and not started.skipped then
            self.log:error("a plugin did not start", { plugin = started.name, error = started.err.message })
        elseif started.err then
            self.log:debug("a plugin was skipped", { plugin = started.name, error = started.err.message })
        end
    end
end

--- Frees, in the background, what the service before this one had left, however it ended.
local function clean_up(self)
    for name, backend in pairs(self.service.graph:all("io.containerd.snapshotter.v1")) do
        if type(backend.cleanup) == "function" then
            self.service.router.tasks:spawn(function()
                local ran, cleaned, err = xpcall(backend.cleanup, raised.traced, backend)
                if not ran or not cleaned then
                    local why = raised.error_of(not ran and cleaned or err, self.options.moonsnap.error)
                    self.log:warn("cleanup at the start", { snapshotter = name, error = why.message })
                end
                for _, one in ipairs(ran and cleaned and cleaned.spared or {}) do
                    self.log:info("kept of an ended process", { snapshotter = name, key = one.key, why = one.text })
                end
            end)
        end
    end
end

local function start_service(self, settings)
    local options = self.options
    return require("moonsnap.service").new {
        root = options.root, fd = self.sockets.fd, mode = options.mode, settings = settings,
        name_space = options.name_space, driver = options.driver, durability = options.durability,
        grace = options.grace,
        began = function(...) self.observer:began(...) end,
        ended = function(...) self.observer:ended(...) end,
        crashed = function(...) self.observer:crashed(...) end,
        audit = function(what, fields) self.log:warn(what, fields) end,
        late = function(trace) self.log:error("a bug in a timer", { trace = trace }) end,
        say = function(level, message, fields) self.log[level](self.log, message, fields) end,
        policy = options.policy, verbs = self.reload:verbs(),
        unclosed = function(name, failed)
            self.log:error("a plugin did not end well", { plugin = name, error = failed.message })
        end,
        signals = {
            TERM = function() stop(self, "TERM") end,
            INT = function() stop(self, "INT") end,
            HUP = function() self.reload:run() end,
        },
    }
end

local function close(self)
    if self.endpoint then
        self.endpoint:close()
    end
    if self.service then
        self.service:close()
    end
    if self.sockets and self.sockets.listener then
        self.sockets.listener:close()
    end
end

local function start(self)
    local options = self.options
    local sys = options.moonsnap.sys
    local settings, err = read_settings(options)
    if not settings then
        return nil, err
    end
    self.sockets, err = listen.open {
        sys = sys, failure = options.moonsnap.error, address = options.address, root = options.machine,
        getenv = os.getenv,
    }
    if not self.sockets then
        return nil, err
    end
    self.service, err = start_service(self, settings)
    if not self.service then
        return nil, err
    end
    gauges.add(self.observer.metrics, self.service, options.moonsnap.version)
    local settle
    settle, err = place_endpoint(self, settings)
    if not settle then
        return nil, err
    end
    settle(true)
    if self.notify.watchdog then
        self.service.timers:every(self.notify.watchdog / 2, function() self.notify:alive() end)
    end
    return true
end

--- Serves until it is told to end.
---@param options moonsnap.service.ProcessOptions
---@return true?
---@return moonsnap.Error? err
function M.run(options)
    local sys = options.moonsnap.sys
    local self = setmetatable({
        options = options, log = options.log, observer = observer.new(options.log),
    }, Process)
    self.reload = reload.new(self, {
        read = function() return read_settings(options) end,
        place = function(settings) return place_endpoint(self, settings) end,
        taken = function() tell_plugins(self) end,
    })
    self.notify = notify.new {
        send = sys.notify, clock = sys.steady, pid = sys.pid(), getenv = os.getenv,
        failed = function(err) self.log:warn("the service manager was not told", { error = err.message }) end,
    }
    raise_limit()
    collectgarbage("generational") -- what a call makes is gone when it is answered
    signal.signal(signal.SIGPIPE, signal.SIG_IGN) -- a reader of logs or metrics that is gone ends nothing
    local ok, err = start(self)
    if not ok then
        close(self)
        return nil, err
    end
    tell_plugins(self)
    self.log:info("ready", {
        address = self.sockets.address, root = options.root, mode = self.service.mode, pid = sys.pid(),
        version = options.moonsnap.version, metrics = self.endpoint and self.endpoint.address,
    })
    if options.policy == false then
        self.log:warn("the store's policy files are left out until a start without --no-policy")
    end
    self.notify:ready("serving " .. self.sockets.address)
    clean_up(self)
    local ran, trace = xpcall(self.service.run, debug.traceback, self.service)
    close(self)
    if not ran then
        self.log:error("a bug ended the service", { trace = tostring(trace) })
        return nil, options.moonsnap.error("internal", "a bug ended the service, see the log")
    end
    self.log:info("stopped")
    return true
end

return M
