--- A service's socket as functions: containerd's Snapshots calls, and moonsnap.v1.Control.

local dkjson = require "dkjson"

local status = require "moonsnap.service.status"

local M = {}

local SNAPSHOTS = "containerd.services.snapshots.v1."
local EMPTY = "google.protobuf.Empty"

--- By call: the request's name, and the reply's, in containerd's package.
local CALLS = {
    Prepare = { "PrepareSnapshotRequest", "PrepareSnapshotResponse" },
    View = { "ViewSnapshotRequest", "ViewSnapshotResponse" },
    Mounts = { "MountsRequest", "MountsResponse" },
    Commit = { "CommitSnapshotRequest" },
    Remove = { "RemoveSnapshotRequest" },
    Stat = { "StatSnapshotRequest", "StatSnapshotResponse" },
    Update = { "UpdateSnapshotRequest", "UpdateSnapshotResponse" },
    List = { "ListSnapshotsRequest", "ListSnapshotsResponse" },
    Usage = { "UsageRequest", "UsageResponse" },
    Cleanup = { "CleanupRequest" },
}

---@class moonsnap.client.Wire
---@field rpc         moonsnap.rpc.Client
---@field types       table<string, moonsnap.message.Type>
---@field name_space  string
---@field snapshotter string
---@field options     moonsnap.rpc.CallOptions
local Wire = {}
Wire.__index = Wire

--- The same connection for another namespace.
---@param name_space string
---@param snapshotter? string
---@return moonsnap.client.Wire
function Wire:with(name_space, snapshotter)
    return setmetatable({
        rpc = self.rpc, message = self.message, types = self.types, failure = self.failure, name_space = name_space,
        snapshotter = snapshotter or self.snapshotter,
        options = { headers = { ["containerd-namespace"] = name_space } },
    }, Wire)
end

---@param core moonsnap.Core
---@param client moonsnap.rpc.Client
---@param name_space string
---@param snapshotter string
---@return moonsnap.client.Wire
function M.new(core, client, name_space, snapshotter)
    local shared = setmetatable({ rpc = client, message = core.message, types = {}, failure = core.error }, Wire)
    return shared:with(name_space, snapshotter)
end

local function type_of(self, name)
    local known = self.types[name]
    if not known then
        known = self.message.type(name)
        self.types[name] = known
    end
    return known
end

--- The types and the path of a call of Snapshots.
local function call_of(self, name)
    local call = CALLS[name]
    return type_of(self, SNAPSHOTS .. call[1]), type_of(self, call[2] and SNAPSHOTS .. call[2] or EMPTY),
        ("/%sSnapshots/%s"):format(SNAPSHOTS, name)
end

--- An error as the store said it: without the class that the service put behind it for containerd's clients.
local function plain(self, err)
    local class = status.KINDS[err.kind]
    local suffix = class and ": " .. class[2]
    if suffix and #err.message > #suffix and err.message:sub(-#suffix) == suffix then
        return self.failure(err.kind, err.message:sub(1, -#suffix - 1))
    end
    return err
end

--- What a function of the connection answers; its error values are raised as the store said them.
local function tried(self, fn, ...)
    local results = table.pack(pcall(fn, ...))
    if results[1] then
        return table.unpack(results, 2, results.n)
    end
    local raised = results[2]
    error(type(raised) == "table" and raised.kind and plain(self, raised) or raised, 0)
end

--- One call of any service, by its path and the names of its messages.
---@param path string
---@param asks string
---@param request table
---@param answers string
---@return table? reply
---@return moonsnap.Error? err
function Wire:unary(path, asks, request, answers)
    local bytes, err = self.rpc:call(path, type_of(self, asks):encode(request), self.options)
    if not bytes then
        return nil, plain(self, err)
    end
    return type_of(self, answers):decode(bytes)
end

--- One call of Snapshots; the snapshotter is filled in.
---@param name string
---@param request table
---@param lease? string  under which it is made
---@return table? reply
---@return moonsnap.Error? err
function Wire:call(name, request, lease)
    local asks, answers, path = call_of(self, name)
    local options = self.options
    if lease then
        options = { headers = { ["containerd-namespace"] = self.name_space, ["containerd-lease"] = lease } }
    end
    request.snapshotter = self.snapshotter
    local bytes, err = self.rpc:call(path, asks:encode(request), options)
    if not bytes then
        return nil, plain(self, err)
    end
    return answers:decode(bytes)
end

--- A stream whose messages are decoded by fn, as four values for a loop. The first message is waited for here, so
--- that what is wrong with the request is raised here; what goes wrong later the loop raises.
local function stream_of(self, path, request, fn)
    local rpc = self.rpc
    local next_message, stream, _, closing = tried(self, rpc.stream, rpc, path, request, self.options)
    local bytes = tried(self, next_message, stream)
    local over = bytes == nil
    return function(state)
        local message = bytes
        if message == nil and not over then
            message = tried(self, next_message, state)
        end
        bytes, over = nil, message == nil
        return message and fn(message)
    end, stream, nil, closing
end

--- The replies of List.
---@param filters string[]
function Wire:list(filters)
    local asks, answers, path = call_of(self, "List")
    local request = asks:encode { snapshotter = self.snapshotter, filters = filters }
    return stream_of(self, path, request, function(bytes)
        local reply, err = answers:decode(bytes)
        return reply or error(err, 0)
    end)
end

--- The lines of messages, decoded, one after the other.
local function lines_of(next_text, stream, _, closing)
    local text, at = "", 1
    return function()
        if at > #text then
            text, at = next_text(stream), 1
            if not text then
                text = ""
                return nil
            end
        end
        local value, after = dkjson.decode(text, at, nil, nil)
        at = after + 1
        return value
    end, nil, nil, closing
end

--- The lines of a verb of Control, decoded.
---@param verb string
---@param arguments table
---@param stop_fd? integer  once it is readable, the call is given up: canceled
function Wire:lines(verb, arguments, stop_fd)
    local asks, answers = type_of(self, "moonsnap.v1.CallRequest"), type_of(self, "moonsnap.v1.CallResponse")
    arguments.snapshotter = self.snapshotter
    local request = asks:encode { verb = verb, arguments = dkjson.encode(arguments) }
    local this = self
    if stop_fd then
        this = setmetatable({ options = { headers = self.options.headers, stop_fd = stop_fd } }, { __index = self })
    end
    return lines_of(stream_of(this, "/moonsnap.v1.Control/Call", request, function(bytes)
        local reply, err = answers:decode(bytes)
        return reply and reply.line or error(err, 0)
    end))
end

--- The replies of a verb of Control.
---@param verb string
---@param arguments table
---@param stop_fd? integer  once it is readable, the call is given up: canceled
function Wire:replies(verb, arguments, stop_fd)
    local asks, answers = type_of(self, "moonsnap.v1.CallRequest"), type_of(self, "moonsnap.v1.CallResponse")
    arguments.snapshotter = self.snapshotter
    local this = setmetatable({ options = { headers = self.options.headers, stop_fd = stop_fd } }, { __index = self })
    return stream_of(this, "/moonsnap.v1.Control/Call", asks:encode {
        verb = verb, arguments = dkjson.encode(arguments),
    }, function(bytes)
        local reply, err = answers:decode(bytes)
        return reply or error(err, 0)
    end)
end

--- What a verb of Control answers in one line; true when it answers none.
---@param verb string
---@param arguments table
---@return any value
---@return moonsnap.Error? err
function Wire:ask(verb, arguments)
    local list, err = self:all(verb, arguments)
    if not list then
        return nil, err
    end
    return list[1] == nil or list[1]
end

--- All lines of a verb of Control.
---@param verb string
---@param arguments table
---@return any[]? list
---@return moonsnap.Error? err
function Wire:all(verb, arguments)
    local list = {}
    local ok, raised = pcall(function()
        for value in self:lines(verb, arguments) do
            list[#list + 1] = value
        end
    end)
    if ok then
        return list
    elseif type(raised) ~= "table" or not raised.kind then
        error(raised, 0)
    end
    return nil, raised
end

return M
