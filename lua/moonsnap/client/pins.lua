--- The pins of a namespace behind a service's socket, over moonsnap.v1.Control.

local arguments = require "moonsnap.arguments"

local need, options_of = arguments.need, arguments.options

local M = {}

---@class moonsnap.client.Pins: moonsnap.Pins
---@field store moonsnap.client.Store
local Pins = {}
local meta = { __index = Pins, __name = "moonsnap.client.pins" }

---@param store moonsnap.client.Store
---@return moonsnap.Pins
function M.new(store)
    return setmetatable({ store = store }, meta)
end

function Pins:add(key, options)
    need("add", "key", key, "string")
    options = options_of("add", options, { reason = "string", until_ = "integer" })
    return self.store:ask("pin", { key = key, reason = options.reason, ["until"] = options.until_ })
end

function Pins:remove(key)
    need("remove", "key", key, "string")
    return self.store:ask("unpin", { key = key })
end

function Pins:list()
    local pins, err = self.store:all("pins", {})
    for _, pin in ipairs(pins or {}) do
        pin.until_, pin["until"] = pin["until"], nil
    end
    return pins, err
end

return M
