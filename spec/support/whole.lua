--- All of a store, to be compared: rows, events, leases, pins, and every directory and file below its root.
local moonsnap = require "moonsnap"
local tree = require "spec.support.tree"

local M = {}

--- What is the database's own, who waits at the gate, what cleanup has put by.
local function is_own(path)
    return path:find("^metadata%.db") ~= nil or path == "gate" or path == "reserve"
end

local function listed(iterator, ...)
    local list = {}
    for one in iterator, ... do
        list[#list + 1] = one
    end
    return list
end

--- Looks by a store object of its own.
---@param root string
---@return table
function M.of(root)
    local store <close> = assert(moonsnap.open { root = root, create = false, policy = false })
    return {
        files = tree.describe(root, is_own), rows = listed(store:walk()), events = listed(assert(store:events())),
        leases = store:leases():list(), pins = store:pins():list(),
    }
end

return M
