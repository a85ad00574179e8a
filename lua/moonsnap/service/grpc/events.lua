--- containerd.services.events.v1.Events: Publish, Forward and Subscribe, over the exchange.

local exchange = require "moonsnap.service.exchange"
local identifier = require "moonsnap.service.grpc.identifier"

local M = {}

local PACKAGE = "containerd.services.events.v1."

---@class moonsnap.service.EventsOptions
---@field exchange moonsnap.service.Exchange
---@field failure  fun(kind: string, message: string): moonsnap.Error
---@field filter   fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?
---@field now      fun(): integer  nanoseconds since 1970

--- What is wrong with an envelope; nil for a good one.
local function wrong_with(envelope, failure)
    if not identifier.topic(envelope.topic) then
        return failure("invalid_argument", ("topic '%s': identifiers with a slash before each, such as "
            .. "/snapshot/prepare"):format(envelope.topic:sub(1, 80)))
    end
    if not identifier.valid(envelope.namespace) then
        return failure("invalid_argument", ("namespace '%s' of an event"):format(envelope.namespace:sub(1, 80)))
    end
    if not envelope.event then
        return failure("invalid_argument", "an event without content")
    end
    if not envelope.timestamp or envelope.timestamp == 0 then
        return failure("invalid_argument", "an event without a time")
    end
end

local function publish(options)
    return function(request, context)
        local name_space, err = identifier.namespace(context, options.failure)
        if not name_space then
            return nil, err
        end
        local envelope = {
            timestamp = options.now(), namespace = name_space, topic = request.topic, event = request.event,
        }
        err = wrong_with(envelope, options.failure)
        if err then
            return nil, err
        end
        options.exchange:publish(envelope)
        return {}
    end
end

local function forward(options)
    return function(request)
        local envelope = request.envelope
        if not envelope then
            return nil, options.failure("invalid_argument", "forward: no envelope")
        end
        local wrong = wrong_with(envelope, options.failure)
        if wrong then
            return nil, wrong
        end
        options.exchange:publish(envelope)
        return {}
    end
end

--- Sends what comes, until the client goes.
local function stream(options, subscriber, context)
    while true do
        local envelope = exchange.take(subscriber)
        if envelope then
            if not context:send(envelope) then
                return true
            end
        elseif subscriber.lost then
            return nil, options.failure("resource_exhausted", "subscribe: too far behind, events were lost")
        elseif not context:pause(function(wake) subscriber.wake = wake end) then
            return true
        end
    end
end

local function subscribe(options)
    return function(request, context)
        local filter, err
        if #request.filters > 0 then
            filter, err = options.filter(request.filters)
            if not filter then
                return nil, err
            end
        end
        local subscriber = options.exchange:subscribe(filter)
        local ok, failed = stream(options, subscriber, context)
        options.exchange:leave(subscriber)
        return ok, failed
    end
end

---@param options moonsnap.service.EventsOptions
---@return moonsnap.service.Service
function M.new(options)
    local EMPTY = "google.protobuf.Empty"
    return {
        name = PACKAGE .. "Events",
        methods = {
            Publish = { request = PACKAGE .. "PublishRequest", reply = EMPTY, call = publish(options) },
            Forward = { request = PACKAGE .. "ForwardRequest", reply = EMPTY, call = forward(options) },
            Subscribe = {
                request = PACKAGE .. "SubscribeRequest", reply = PACKAGE .. "Envelope", stream = true,
                call = subscribe(options),
            },
        },
    }
end

return M
