--- grpc.health.v1.Health: whether the service, or one of its services, answers.

local M = {}

local PACKAGE = "grpc.health.v1."
local SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3

---@class moonsnap.service.Health: moonsnap.service.Service
---@field watchers table<function, true>  wake those who watch
local Health = {}
Health.__index = Health

---@class moonsnap.service.HealthOptions
---@field known   fun(name: string): boolean  is that a service of ours
---@field failure fun(kind: string, message: string): moonsnap.Error

local function status_of(health, name)
    if name ~= "" and not health.options.known(name) then
        return SERVICE_UNKNOWN
    end
    return health.ending and NOT_SERVING or SERVING
end

local function check(health)
    return function(request)
        local status = status_of(health, request.service)
        if status == SERVICE_UNKNOWN then
            return nil, health.options.failure("not_found", ("service '%s'"):format(request.service))
        end
        return { status = status }
    end
end

--- Tells the status now and at each change.
local function watch(health)
    return function(request, context)
        local told
        while true do
            local status = status_of(health, request.service)
            if status ~= told and not context:send({ status = status }) then
                return true
            end
            told = status
            local waker
            local alive = context:pause(function(wake)
                waker = wake
                health.watchers[wake] = true
            end)
            if waker then
                health.watchers[waker] = nil
            end
            if not alive then
                return true
            end
        end
    end
end

--- From now on the answer is: not serving.
function Health:stop()
    self.ending = true
    local watchers = self.watchers
    self.watchers = {}
    for wake in pairs(watchers) do
        wake()
    end
end

---@param options moonsnap.service.HealthOptions
---@return moonsnap.service.Health
function M.new(options)
    local health = setmetatable({ name = PACKAGE .. "Health", options = options, watchers = {} }, Health)
    local request, reply = PACKAGE .. "HealthCheckRequest", PACKAGE .. "HealthCheckResponse"
    health.methods = {
        Check = { request = request, reply = reply, call = check(health) },
        Watch = { request = request, reply = reply, stream = true, call = watch(health) },
    }
    return health
end

return M
