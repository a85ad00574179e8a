--- containerd.services.introspection.v1.Introspection: what the plugin graph is and what came of it.

local stat = require "posix.sys.stat"
local unistd = require "posix.unistd"

local status = require "moonsnap.service.status"

local M = {}

local PACKAGE = "containerd.services.introspection.v1."

---@class moonsnap.service.IntrospectionOptions
---@field graph   fun(): moonsnap.Graph
---@field uuid    string  of this service's root
---@field failure fun(kind: string, message: string): moonsnap.Error
---@field filter  fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?

local function message_of(started)
    local init_err
    if started.err then
        local code, text = status.of(started.err)
        init_err = { code = code, message = text }
    end
    return {
        type = started.plugin.type, id = started.plugin.id, requires = started.plugin.requires,
        platforms = started.platforms, exports = started.exports, capabilities = started.capabilities,
        init_err = init_err,
    }
end

--- A random UUID of version 4 out of 16 hexadecimal digits and 16 more.
---@param digits string
function M.uuid(digits)
    local variant = ("89ab"):sub(1 + tonumber(digits:sub(17, 17), 16) % 4, 1 + tonumber(digits:sub(17, 17), 16) % 4)
    return ("%s-%s-4%s-%s%s-%s"):format(digits:sub(1, 8), digits:sub(9, 12), digits:sub(13, 15), variant,
        digits:sub(18, 20), digits:sub(21, 32))
end

--- The UUID of a root, made at the first time.
---@param path string
---@param random fun(): string  16 hexadecimal digits
---@return string
function M.uuid_of(path, random)
    local file = io.open(path)
    local uuid = file and file:read("l")
    if file then
        file:close()
    end
    if uuid and #uuid == 36 then
        return uuid
    end
    uuid = M.uuid(random() .. random())
    file = io.open(path, "w")
    if file then
        file:write(uuid, "\n")
        file:close()
    end
    return uuid
end

---@param options moonsnap.service.IntrospectionOptions
---@return moonsnap.service.Service
function M.new(options)
    local methods = {}
    methods.Plugins = {
        request = PACKAGE .. "PluginsRequest", reply = PACKAGE .. "PluginsResponse",
        call = function(request)
            local filter, err = options.filter(request.filters)
            if not filter then
                return nil, err
            end
            local plugins = {}
            for _, started in ipairs(options.graph().started) do
                if filter:match_fields({ type = started.plugin.type, id = started.plugin.id }) then
                    plugins[#plugins + 1] = message_of(started)
                end
            end
            return { plugins = plugins }
        end,
    }
    methods.Server = {
        request = "google.protobuf.Empty", reply = PACKAGE .. "ServerResponse",
        call = function()
            local namespace = stat.stat("/proc/self/ns/pid")
            return { uuid = options.uuid, pid = unistd.getpid(), pidns = namespace and namespace.st_ino or nil }
        end,
    }
    return { name = PACKAGE .. "Introspection", methods = methods }
end

return M
