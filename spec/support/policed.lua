--- Stores that a policy file stands before.
local moonsnap = require "moonsnap"
local tree = require "spec.support.tree"

local M = {}

--- Writes ROOT/policy.lua.
---@param root string
---@param text string
function M.write(root, text)
    if not tree.exists(root) then
        tree.mkdir(root)
    end
    assert(os.execute(("chmod 0700 '%s'"):format(root)))
    tree.write(root .. "/policy.lua", text)
    assert(os.execute(("chmod 0600 '%s/policy.lua'"):format(root)))
end

--- A store with that policy; options go to moonsnap.open.
---@param home World
---@param text string
---@param options? table
---@return moonsnap.Store
function M.open(home, text, options)
    M.write(home.root, text)
    local open = { root = home.root, durability = "metadata" }
    for name, value in pairs(options or {}) do
        open[name] = value
    end
    return assert(moonsnap.open(open))
end

--- Calls fn with the same store, as who passes the policy by.
---@param home World
---@param fn fun(store: moonsnap.Store)
function M.without(home, fn)
    local store <close> = assert(moonsnap.open { root = home.root, durability = "metadata", policy = false })
    fn(store)
end

return M
