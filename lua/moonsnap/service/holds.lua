--- Pins and leases of a store behind a service: reads at once, writes into the batch. Backend:pins() and
--- Backend:leases() answer these; they are moonsnap.Pins and moonsnap.Leases to whoever calls.
---
--- Leases here are those of this one store. containerd's Leases service (grpc/leases.lua) keeps one in each store.

local M = {}

local function reading(of, verb)
    return function(self, ...)
        local object = self.backend.reader[of](self.backend.reader)
        return object[verb](object, ...)
    end
end

local function writing(of, verb)
    return function(self, ...)
        local writer, words = self.backend.writer, table.pack(...)
        return self.backend.shop.batch:write(function()
            local object = writer[of](writer)
            return object[verb](object, table.unpack(words, 1, words.n))
        end)
    end
end

local Pins = { add = writing("pins", "add"), remove = writing("pins", "remove"), list = reading("pins", "list") }
local pins_meta = { __index = Pins, __name = "moonsnap.service.pins" }

--- What went with a lease is freed in the background.
local function then_sweeping(write)
    return function(self, ...)
        local answer, err = write(self, ...)
        if answer then
            self.backend.shop:sweep_soon()
        end
        return answer, err
    end
end

--- A lease of a process is watched from its making on.
local function then_watching(write)
    return function(self, ...)
        local lease, err = write(self, ...)
        local watch = self.backend.shop.watch_leases
        if lease and lease.pid and watch then
            watch()
        end
        return lease, err
    end
end

local Leases = {
    create = then_watching(writing("leases", "create")), renew = writing("leases", "renew"),
    delete = then_sweeping(writing("leases", "delete")), reap = then_sweeping(writing("leases", "reap")),
    add = writing("leases", "add"), drop = writing("leases", "drop"),
    list = reading("leases", "list"), expired = reading("leases", "expired"),
    resources = reading("leases", "resources"),
}
local leases_meta = { __index = Leases, __name = "moonsnap.service.leases" }

---@param backend moonsnap.service.Backend
---@return moonsnap.Pins
function M.pins(backend)
    return setmetatable({ backend = backend }, pins_meta)
end

---@param backend moonsnap.service.Backend
---@return moonsnap.Leases
function M.leases(backend)
    return setmetatable({ backend = backend }, leases_meta)
end

return M
