--- Calls of a service by their messages, as any gRPC client would make them.
local moonsnap = require "moonsnap"

local M = {}

---@class Caller
local Caller = {}
Caller.__index = Caller

--- Connects. options.headers go with every call.
---@param address string
---@param headers? table<string, string>
---@return Caller
function M.new(address, headers)
    return setmetatable({ client = assert(moonsnap.rpc.connect(address)), headers = headers or {} }, Caller)
end

local function headers_of(self, more)
    local all = {}
    for _, headers in ipairs { self.headers, more or {} } do
        for name, value in pairs(headers) do
            all[name] = value ~= "" and value or nil
        end
    end
    return all
end

--- One unary call: `caller:call("/pkg.Service/Method", "pkg.Request", {...}, "pkg.Reply")`.
---@return table? reply
---@return moonsnap.Error? err
function Caller:call(path, request_type, request, reply_type, headers)
    local bytes = moonsnap.message.type(request_type):encode(request)
    local reply, err = self.client:call(path, bytes, { headers = headers_of(self, headers), timeout_ms = 20000 })
    if not reply then
        return nil, err
    end
    return moonsnap.message.type(reply_type):decode(reply)
end

--- A stream of messages.
---@return fun(): table?
function Caller:stream(path, request_type, request, reply_type, options)
    local bytes = moonsnap.message.type(request_type):encode(request)
    local reply = moonsnap.message.type(reply_type)
    options = options or {}
    local next_message, state, control, closing = self.client:stream(path, bytes,
        { headers = headers_of(self, options.headers), timeout_ms = options.timeout_ms or 20000 })
    return function()
        local message = next_message(state, control)
        control = message
        return message and assert(reply:decode(message))
    end, nil, nil, closing
end

local SNAPSHOTS = "containerd.services.snapshots.v1."
local EMPTY = "google.protobuf.Empty"
local REPLIES = { Commit = EMPTY, Remove = EMPTY, Cleanup = EMPTY }
local MESSAGES = {
    Prepare = "PrepareSnapshot", View = "ViewSnapshot", Commit = "CommitSnapshot", Remove = "RemoveSnapshot",
    Stat = "StatSnapshot", Update = "UpdateSnapshot", List = "ListSnapshots",
}

--- A call of the Snapshots service by its name.
function Caller:snapshots(method, request, headers)
    local message = SNAPSHOTS .. (MESSAGES[method] or method)
    return self:call("/" .. SNAPSHOTS .. "Snapshots/" .. method, message .. "Request", request,
        REPLIES[method] or message .. "Response", headers)
end

function Caller:list(request, headers)
    local infos = {}
    for reply in self:stream("/" .. SNAPSHOTS .. "Snapshots/List", SNAPSHOTS .. "ListSnapshotsRequest", request,
        SNAPSHOTS .. "ListSnapshotsResponse", { headers = headers }) do
        table.move(reply.info, 1, #reply.info, #infos + 1, infos)
    end
    return infos
end

Caller.__close = function(self)
    self.client:close()
end

return M
