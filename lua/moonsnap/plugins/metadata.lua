--- io.containerd.metadata.v1.sqlite: the stores of a service, each with its reading and its writing side.

local acting = require "moonsnap.service.acting"
local stdlib = require "posix.stdlib"

local M = {}

--- One store as the service holds it.
---@class moonsnap.plugins.Held
---@field writer  moonsnap.Store
---@field reader  moonsnap.Store
---@field batch   moonsnap.service.Batch

---@class moonsnap.plugins.Metadata
---@field main moonsnap.plugins.Held    the store at the service's root
---@field held moonsnap.plugins.Held[]  all
---@field roots table<string, moonsnap.plugins.Held>  by the real path of the root
local Metadata = {}
Metadata.__index = Metadata

--- The one name of a directory; one that is not there yet has no other.
local function real(path)
    return stdlib.realpath(path) or path
end

--- Behind containerd its own database says which snapshots there are: no collection of ours may take one of them.
local function mark_tenant(runtime, writer)
    local engine = writer.engine
    if runtime.mode ~= "proxy" or engine:tenant(runtime.name_space) == "containerd" then
        return true
    end
    return engine:set_tenant(runtime.name_space, "containerd")
end

--- Opens a store, once. The service's loop turns its batch from now on.
---@param options moonsnap.OpenOptions
---@return moonsnap.plugins.Held?
---@return moonsnap.Error? err
function Metadata:open(options)
    local runtime = self.runtime
    local open_already = self.roots[real(options.root)]
    if open_already then
        return open_already
    end
    options.door = "service" -- of what it does by itself, too: collecting, reaping
    options.untrusted = runtime.mode -- whose labels they are that callers hand on
    options.policy = runtime.service and runtime.service.options.policy -- false leaves the files out
    local writer, err = runtime.moonsnap.open(options)
    if not writer then
        return nil, err
    end
    local reader
    reader, err = runtime.moonsnap.open {
        root = options.root, namespace = options.namespace, mount_options = options.mount_options, look = true,
    }
    if not reader then
        writer:close()
        return nil, err
    end
    local held = {
        writer = writer, reader = reader,
        batch = runtime.batch.new { store = writer, pool = runtime.pool, tickets = runtime.tickets,
            clock = runtime.clock, timers = runtime.timers, failure = runtime.failure,
            acting = runtime.router and acting.new(writer, runtime.router) },
    }
    local ok
    ok, err = mark_tenant(runtime, writer)
    if not ok then
        held.batch:close()
        reader:close()
        writer:close()
        return nil, err
    end
    self.held[#self.held + 1] = held
    self.roots[real(options.root)] = held
    return held
end

--- One state of the rows for all reads until release: many then cost one lock. Never across a wait.
function Metadata:hold()
    for _, held in ipairs(self.held) do
        held.reader.engine:hold()
    end
end

function Metadata:release()
    for _, held in ipairs(self.held) do
        held.reader.engine:release()
    end
end

--- Commits nothing: what is open is rolled back.
function Metadata:close()
    for _, held in ipairs(self.held) do
        if held.delivery then
            held.delivery:close()
        end
        held.batch:close() -- whom it answers may still read
        held.reader:close()
        held.writer:close()
    end
    self.held = {}
end

M.plugin = {
    type = "io.containerd.metadata.v1", id = "sqlite", config = { durability = "" },
    init = function(ic)
        local runtime = ic.runtime
        local self = setmetatable({ runtime = runtime, held = {}, roots = {} }, Metadata)
        local durability = ic.config.durability ~= "" and ic.config.durability or runtime.durability
        local main, err = self:open {
            root = runtime.root, driver = runtime.driver, durability = durability, namespace = runtime.name_space,
            mount_options = runtime.mount_options,
        }
        if not main then
            return nil, err
        end
        self.main = main
        ic.meta.exports.root = main.reader.root
        return self
    end,
}

return M
