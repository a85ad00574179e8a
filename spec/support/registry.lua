--- A registry of one image for a test, on the loopback interface, from the directory of its OCI layout.
local process = require "spec.support.process"

local M = {}

--- Starts it; closing the process ends it.
---@param layout string
---@return Process registry
---@return string name  by which its image is pulled
function M.start(layout)
    local registry = process.start { "/usr/bin/python3", "spec/clients/registry.py", layout }
    assert(registry:await("\n"), registry.text)
    return registry, ("127.0.0.1:%s/image:1"):format(registry.text:match("port (%d+)"))
end

return M
