--- The pins of one namespace of a store: what stays, until when, and why.

local arguments = require "moonsnap.arguments"
local verbs = require "moonsnap.verbs"

local need, options_of = arguments.need, arguments.options

local M = {}

---@class moonsnap.Pins
---@field store moonsnap.Store
local Pins = {}
local meta = { __index = Pins, __name = "moonsnap.pins" }

---@param store moonsnap.Store
---@return moonsnap.Pins
function M.new(store)
    return setmetatable({ store = store }, meta)
end

--- Pins a snapshot, or changes the pin that it has: from now on nobody removes it, by hand or by collection, until
--- the time is over or it is unpinned. An active that is committed stays pinned.
---@param key string
---@param options? {reason?: string, until_?: integer}  until_ in nanoseconds since 1970; without, for good
---@return true? ok
---@return moonsnap.Error? err  not_found; invalid_argument for a reason longer than 1024 bytes
function Pins:add(key, options)
    need("add", "key", key, "string")
    options = options_of("add", options, { reason = "string", until_ = "integer" })
    return verbs.through(self.store, { verb = "pin", action = "add", key = key }, function()
        return self.store.engine:pin(self.store.name_space, key, options.reason, options.until_)
    end)
end

--- Takes the pin away.
---@param key string
---@return true? ok
---@return moonsnap.Error? err  not_found: no such snapshot, or it is not pinned
function Pins:remove(key)
    need("remove", "key", key, "string")
    return verbs.through(self.store, { verb = "pin", action = "remove", key = key }, function()
        return self.store.engine:unpin(self.store.name_space, key)
    end)
end

--- All pins, oldest snapshot first; one that has `ended` holds nothing any more.
---@return moonsnap.Pin[]? pins
---@return moonsnap.Error? err
function Pins:list()
    return self.store.engine:pins(self.store.name_space)
end

return M
