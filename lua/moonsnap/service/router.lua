--- From a call to its handler and back: paths, messages, statuses. Knows no service by name.

local context = require "moonsnap.service.context"
local raised = require "moonsnap.raised"
local status = require "moonsnap.service.status"

local M = {}

---@class moonsnap.service.Router
---@field routes  table<string, table>       by path
---@field known   table<string, true>        names of services
---@field waiting table<moonsnap.rpc.Call, function>  coroutines that wait for room in a stream
---@field paused  table<moonsnap.service.Context, function>  coroutines that wait for something to happen
---@field calls   integer                    since the service began
---@field contexts table<thread, moonsnap.service.Context>  the call that each coroutine works for
---@field ended   fun(route: table?, context: table, code: integer, message: string, seconds: number)
local Router = {}
Router.__index = Router

---@class moonsnap.service.RouterOptions
---@field message moonsnap.core.Message
---@field failure fun(kind: string, message: string): moonsnap.Error
---@field tasks   moonsnap.service.Tasks
---@field clock   fun(): number   steady seconds
---@field endpoint? "proxy" | "direct"
---@field began?  function        told of each stream that begins
---@field ended   function        told of each call that has ended, for logs and metrics

---@param options moonsnap.service.RouterOptions
---@return moonsnap.service.Router
function M.new(options)
    return setmetatable({
        routes = {}, known = {}, waiting = {}, paused = {}, contexts = {}, calls = 0, active = 0,
        endpoint = options.endpoint,
        message = options.message, failure = options.failure, tasks = options.tasks, clock = options.clock,
        began = options.began, ended = options.ended,
    }, Router)
end

--- Offers a service's methods. Raises for a message that nobody knows.
---@param service moonsnap.service.Service
function Router:add(service)
    self.known[service.name] = true
    for name, method in pairs(service.methods) do
        local path = ("/%s/%s"):format(service.name, name)
        self.routes[path] = {
            path = path, name = name, service = service, stream = method.stream, handle = method.call,
            request = self.message.type(method.request), reply = self.message.type(method.reply),
        }
    end
end

--- Takes over what another router offers, between two calls; calls under way end as they began.
---@param other moonsnap.service.Router
function Router:replace(other)
    self.routes, self.known = other.routes, other.known
end

local function end_call(router, route, this, code, message)
    router.active = router.active - 1
    router.ended(route, this, code, message, router.clock() - this.began)
end

local function refuse(router, route, this, code, message)
    this.call:fail(code, message)
    end_call(router, route, this, code, message)
end

--- Ends a call whose handler failed: with its error, or as a bug when it gave none that is one.
local function fail(router, route, this, failed)
    if not raised.is_error(failed) then
        this.trace = tostring(failed)
        failed = router.failure("internal", "a bug in a handler, see the log")
    end
    return refuse(router, route, this, status.of(failed))
end

--- How a call ended that nobody waited for any more.
local function gone(call)
    local left = call:left()
    if left and left <= 0 then
        return 4, "the deadline has passed"
    end
    return 1, "the client went away"
end

--- Runs a handler to its end, in a coroutine.
local function run(router, route, this)
    local call = this.call
    local request, err = call:read(route.request)
    if not request then
        return refuse(router, route, this, status.of(err))
    end
    local ok, reply, failed = xpcall(route.handle, raised.traced, request, this)
    if not ok then
        return fail(router, route, this, reply)
    elseif reply == nil then
        return fail(router, route, this, failed or route.path .. ": the handler answered nothing")
    elseif not call:alive() then
        return end_call(router, route, this, gone(call))
    elseif route.stream and this.cut then
        return refuse(router, route, this, 14, "the service ends: unavailable")
    elseif route.stream then
        call:finish()
    else
        local held, wrong = pcall(call.reply, call, reply, route.reply)
        if not held then
            return fail(router, route, this, wrong)
        end
    end
    return end_call(router, route, this, 0, "")
end

--- run, in a coroutine that is known to work for the call.
local function run_for(router, route, this)
    local thread = coroutine.running()
    router.contexts[thread] = this
    run(router, route, this)
    router.contexts[thread] = nil
end

local function unknown(router, path)
    local service, method = path:match("^/([^/]*)/(.*)$")
    if service and router.known[service] then
        return ("unknown method %s for service %s"):format(method, service)
    end
    return ("unknown service %s"):format(service or path)
end

--- Answers a call, now or later.
---@param call moonsnap.rpc.Call
function Router:dispatch(call)
    self.calls = self.calls + 1
    self.active = self.active + 1
    local path = call:path()
    local route = self.routes[path]
    local this = context.new(call, self.calls, self, route)
    if not route then
        return refuse(self, nil, this, 12, unknown(self, path))
    end
    if route.stream and self.began then
        self.began(route, this)
    end
    self.tasks:spawn(run_for, self, route, this)
end

--- The call that the running coroutine works for; nil in what nobody called for.
---@return moonsnap.service.Context?
function Router:context()
    return self.contexts[coroutine.running()]
end

--- Goes on with the stream of a call that has room again, or has ended.
---@param call moonsnap.rpc.Call
function Router:wake(call)
    local resume = self.waiting[call]
    if resume then
        self.waiting[call] = nil
        resume()
    end
end

local function resume_all(router, which)
    local chosen = {}
    for this, resume in pairs(router.paused) do
        if which(this) then
            chosen[#chosen + 1] = resume
        end
    end
    for _, resume in ipairs(chosen) do
        resume()
    end
end

--- Lets go of streams whose client is gone while nothing happened.
function Router:prune()
    resume_all(self, function(this) return not this.call:alive() end)
end

--- Ends the streams that only wait for something to happen.
function Router:stop()
    self.ending = true
    resume_all(self, function() return true end)
end

return M
