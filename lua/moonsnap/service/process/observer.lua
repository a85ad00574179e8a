--- What is said and counted about calls and about the service: the one place that knows names of metrics.

local status = require "moonsnap.service.status"
local metrics = require "moonsnap.service.process.metrics"

local M = {}

local SLOW_SECONDS = 1
local CANCELLED, UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS = 1, 2, 13, 14, 15

--- How grave the codes are that an operator wants to know of.
local GRAVE = { [UNKNOWN] = "error", [INTERNAL] = "error", [DATA_LOSS] = "error", [UNAVAILABLE] = "warn" }

local NOWHERE = { path = "unknown", name = "unknown", service = { name = "unknown" } } -- whatever peers ask for

---@class moonsnap.service.Observer
---@field metrics moonsnap.service.Metrics
---@field log     moonsnap.service.Log
---@field routes  table<table, table>  what was counted of each route
local Observer = {}
Observer.__index = Observer

---@param log moonsnap.service.Log
---@return moonsnap.service.Observer
function M.new(log)
    local registry = metrics.new()
    local routes = setmetatable({}, { __mode = "k" }) -- a new configuration has new ones
    local self = setmetatable({ metrics = registry, log = log, routes = routes }, Observer)
    self.calls = registry:counter("moonsnap_calls_total", "Calls that have ended, by gRPC code.",
        { "service", "method", "code" })
    self.seconds = registry:histogram("moonsnap_call_seconds", "Time from a call's arrival to its answer.",
        metrics.SECONDS, { "service", "method" })
    return self
end

local function learn(self, route)
    local known = { series = self.seconds:series(route.service.name, route.name) }
    self.routes[route] = known
    return known
end

local function fields_of(route, context, code, message, seconds)
    local peer = context.peer
    return {
        request = context.id, method = route == NOWHERE and context.call:path() or route.path,
        code = status.CODES[code] or tostring(code), error = code ~= 0 and message or nil,
        duration_us = math.floor(seconds * 1e6), uid = peer.uid, pid = peer.pid, namespace = context.namespace,
    }
end

local function say(self, route, context, code, message, seconds)
    local log = self.log
    local grave = GRAVE[code]
    if grave and not (code == UNAVAILABLE and self.ending) then
        log[grave](log, "call failed", fields_of(route, context, code, message, seconds))
    elseif seconds >= SLOW_SECONDS and not route.stream and log.on.warn then
        log:warn("slow call", fields_of(route, context, code, message, seconds))
    elseif code == CANCELLED and not route.stream and log.on.info then
        log:info("the client went away", fields_of(route, context, code, nil, seconds))
    elseif log.on.debug then
        log:debug("call", fields_of(route, context, code, message, seconds))
    end
end

--- Told of each call that has ended.
---@param route? table  nil when nobody offers what was asked for
---@param context moonsnap.service.Context
---@param code integer
---@param message string
---@param seconds number
function Observer:ended(route, context, code, message, seconds)
    route = route or NOWHERE
    local known, values = self.routes[route] or learn(self, route), self.calls.values
    local series = known[code]
    if not series then
        series = self.calls:series(route.service.name, route.name, status.CODES[code] or tostring(code))
        known[code] = series
    end
    values[series] = values[series] + 1
    self.seconds:observe(known.series, seconds)
    if code ~= 0 or seconds >= SLOW_SECONDS or self.log.on.debug then
        say(self, route, context, code, message, seconds)
    end
end

--- Told of a stream that begins.
---@param route table
---@param context moonsnap.service.Context
function Observer:began(route, context)
    if self.log.on.debug then
        local peer = context.peer
        self.log:debug("stream", { request = context.id, method = route.path, uid = peer.uid, pid = peer.pid,
            namespace = context.namespace })
    end
end

--- Told of a bug in a handler.
---@param context moonsnap.service.Context
---@param trace string
function Observer:crashed(context, trace)
    self.log:error("a bug in a handler", { request = context.id, method = context.call:path(), trace = trace })
end

return M
