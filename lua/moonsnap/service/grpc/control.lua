--- moonsnap.v1.Control: what containerd's services have no call for. A verb and JSON in, JSON lines out.
---
--- Only whom the service runs as, and root, may call it: that is what the socket's peer credentials say.
--- Further verbs are added by who has them: `control:add("reload", function(arguments, context, emit) ... end)`.

local dkjson = require "dkjson"
local unistd = require "posix.unistd"

local events = require "moonsnap.service.grpc.control_events"
local readable = require "moonsnap.readable"
local verbs = require "moonsnap.service.grpc.control_verbs"

local M = {}

--- Answers true, or nil and an error; emit(value) adds a line and is false once nobody reads any more. Lines are
--- gathered: some are sent at a time, the last when the verb ends, all that there are by emit().
---@alias moonsnap.service.ControlVerb fun(arguments: table, context: moonsnap.service.Context,
---  emit: fun(value?: any): boolean): true?, moonsnap.Error?

---@class moonsnap.service.ControlOptions
---@field snapshotters moonsnap.service.Snapshotters
---@field failure      fun(kind: string, message: string): moonsnap.Error

---@class moonsnap.service.Control: moonsnap.service.Service
---@field verbs table<string, moonsnap.service.ControlVerb>
local Control = {}
Control.__index = Control

--- Adds a verb; raises for one that is there.
---@param name string
---@param verb moonsnap.service.ControlVerb
function Control:add(name, verb)
    if self.verbs[name] then
        error(("control: there is a verb %s already"):format(name), 2)
    end
    self.verbs[name] = verb
end

--- The arguments: a JSON object, or nothing.
local function arguments_of(text)
    if text == "" then
        return {}
    end
    local ok, value, at = pcall(dkjson.decode, text, 1, nil, nil) -- raises for what is too deep
    if not ok or type(value) ~= "table" or text:find("%S", at) then
        return nil
    end
    return value
end

--- Decides whether a peer may call at all.
local function allowed(peer, owner)
    return peer.uid == 0 or peer.uid == owner
end

local GATHER = 16384 -- bytes of lines in one message, or a little more

--- A value as a line. JSON is UTF-8; what is said may hold anything.
local function line_of(value)
    local line = dkjson.encode(value)
    return utf8.len(line) and line or dkjson.encode(readable.value(value))
end

--- Runs a verb; its lines go out some at a time.
local function run(verb, arguments, context)
    local lines, size, alive = {}, 0, true
    local function flush()
        if #lines > 0 then
            alive = context:send({ line = table.concat(lines, "\n") })
            lines, size = {}, 0
        end
        return alive
    end
    local ok, err = verb(arguments, context, function(value)
        if value == nil then
            return flush()
        end
        local line = line_of(value)
        lines[#lines + 1], size = line, size + #line
        return size < GATHER and alive or flush()
    end)
    flush()
    return ok, err
end

local function answer(self, request, context)
    if not allowed(context.peer, self.owner) then
        return nil, self.failure("permission_denied",
            ("control: only uid %d and root may call it, not uid %d"):format(self.owner, context.peer.uid))
    end
    local verb = self.verbs[request.verb]
    if not verb then
        return nil, self.failure("unimplemented", ("control: there is no verb '%s'"):format(request.verb:sub(1, 80)))
    end
    local arguments = arguments_of(request.arguments)
    if not arguments then
        return nil, self.failure("invalid_argument", request.verb .. ": the arguments are no JSON object")
    end
    return run(verb, arguments, context)
end

---@param options moonsnap.service.ControlOptions
---@return moonsnap.service.Control
function M.new(options)
    local self = setmetatable({
        name = "moonsnap.v1.Control", failure = options.failure, verbs = {}, owner = unistd.geteuid(),
    }, Control)
    for name, verb in pairs(verbs.new(options.snapshotters, options.failure)) do
        self:add(name, verb)
    end
    for name, verb in pairs(events.new(options.snapshotters, options.failure, options.filter)) do
        self:add(name, verb)
    end
    self.methods = {
        Call = {
            request = "moonsnap.v1.CallRequest", reply = "moonsnap.v1.CallResponse", stream = true,
            call = function(request, context) return answer(self, request, context) end,
        },
    }
    return self
end

return M
