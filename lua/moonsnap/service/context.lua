--- What a handler knows of its call; headers and peer are looked up when they are asked for.

local task = require "moonsnap.service.task"

local M = {}

---@class moonsnap.service.Context
---@field number  integer  of the call since the service began
---@field router moonsnap.service.Router
---@field began  number   steady seconds
---@field cut?   boolean  the service ends while the stream only waits
local Context = {}

local LAZY = {
    namespace = function(context) return context.call:header("containerd-namespace") end,
    lease = function(context) return context.call:header("containerd-lease") end,
    peer = function(context)
        local uid, gid, pid = context.call:peer()
        return { uid = uid, gid = gid, pid = pid }
    end,
    id = function(context) return ("%x"):format(context.number) end,
    caller = function(context)
        local peer = context.peer
        return { door = "service", uid = peer.uid, gid = peer.gid, pid = peer.pid,
            endpoint = context.router.endpoint, request = context.id }
    end,
}

local meta = {
    __index = function(context, name)
        local lazy = LAZY[name]
        if not lazy then
            return Context[name]
        end
        local value = lazy(context)
        rawset(context, name, value)
        return value
    end,
}

---@param call moonsnap.rpc.Call
---@param number integer
---@param router moonsnap.service.Router
---@param route? table  where it goes
---@return moonsnap.service.Context
function M.new(call, number, router, route)
    -- all at once: a table that grows is made anew each time
    return setmetatable({
        call = call, number = number, router = router, began = router.clock(), reply_type = route and route.reply,
        namespace = nil, lease = nil, peer = nil,
    }, meta)
end

--- Whether somebody still waits for the answer.
---@return boolean
function Context:alive()
    return self.call:alive()
end

--- Yields until the client has read what was sent. False: the call is over.
---@return boolean
function Context:room()
    local call = self.call
    if call:alive() and not call:writable() then
        task.await(function(resume)
            self.router.waiting[call] = resume
            call:wait()
        end)
    end
    return call:alive()
end

--- Yields until wake is called: for streams that send when something happens. False: the call is over, or the
--- service ends.
---@param arrange fun(wake: function)
---@return boolean
function Context:pause(arrange)
    local router = self.router
    if not router.ending and self.call:alive() then
        task.await(function(resume)
            router.paused[self] = resume
            arrange(resume)
        end)
        router.paused[self] = nil
    end
    self.cut = router.ending
    return not router.ending and self.call:alive()
end

function Context:send(message, type)
    if not self:room() then
        return false
    end
    self.call:send(message, type or self.reply_type)
    return self.call:alive()
end

return M
