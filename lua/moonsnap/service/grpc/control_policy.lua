--- The verbs of moonsnap.v1.Control about policies, asked of the very store that the service writes with:
---
---     policy_explain {verb, words, labels, uid, gid}   what each hook would say to a request; nothing is done
---     policy_list                                      files, hooks and their counters, label policies, rules

local identifier = require "moonsnap.service.grpc.identifier"
local question = require "moonsnap.policy.question"

local M = {}

local function texts(value, by_name)
    for key, one in pairs(value) do
        if type(one) ~= "string" or by_name ~= (type(key) == "string") then
            return false
        end
    end
    return true
end

local KNOWN = {
    verb = function(value) return type(value) == "string" end,
    snapshotter = function(value) return type(value) == "string" end,
    words = function(value) return type(value) == "table" and texts(value, false) end,
    labels = function(value) return type(value) == "table" and texts(value, true) end,
    uid = function(value) return math.type(value) == "integer" end,
    gid = function(value) return math.type(value) == "integer" end,
}

local function wrong_in(arguments)
    for name, value in pairs(arguments) do
        local fits = KNOWN[name]
        if not fits then
            return ("there is no argument '%s'"):format(tostring(name):sub(1, 80))
        elseif not fits(value) then
            return ("argument %s: it is of another kind"):format(name)
        end
    end
end

--- The verbs by name, each as moonsnap.service.ControlVerb.
---@param snapshotters moonsnap.service.Snapshotters
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return table<string, moonsnap.service.ControlVerb>
function M.new(snapshotters, failure)
    --- Runs act(writer, arguments, context) inside the batch, where nothing else runs meanwhile.
    local function asking(name, act)
        return function(arguments, context, emit)
            local wrong = wrong_in(arguments)
            local name_space, err = identifier.namespace(context, failure)
            if wrong or not name_space then
                return nil, wrong and failure("invalid_argument", ("%s: %s"):format(name, wrong)) or err
            end
            local snapshotter = arguments.snapshotter or snapshotters.default
            local store = snapshotters:find(snapshotter, name_space)
            if not store then
                return nil, failure("invalid_argument",
                    ("%s: no snapshotter '%s'"):format(name, snapshotter:sub(1, 80)))
            end
            local value
            value, err = store:transaction(function(writer) return act(writer, arguments, context) end)
            if value then
                emit(value)
            end
            return value ~= nil or nil, err
        end
    end
    return {
        policy_explain = asking("policy_explain", function(writer, arguments, context)
            local request, wrong = question.request(arguments.verb or "", arguments.words or {}, arguments.labels)
            if not request then
                return nil, failure("invalid_argument", wrong)
            end
            local peer = context.peer
            request.caller = { door = "service", endpoint = "direct", uid = arguments.uid or peer.uid,
                gid = arguments.gid or peer.gid, pid = peer.pid }
            return question.explain(writer, request)
        end),
        policy_list = asking("policy_list", function(writer) return question.describe(writer) end),
    }
end

return M
