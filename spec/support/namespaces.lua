--- Where the tests of this process live: a mount namespace of their own, and for an ordinary user a
--- user namespace too, so that no test can leave a mount in the machine's tree.
local moonsnap = require "moonsnap"
local stdlib = require "posix.stdlib"
local unistd = require "posix.unistd"

local sys = moonsnap.sys

local M = {}

--- Moves this process there, once; every later call finds that it is there. Answers whether it may mount.
---@return boolean
function M.enter()
    local here = unistd.readlink("/proc/self/ns/mnt")
    if os.getenv("MOONSNAP_SPEC_MOUNTS") == here then
        return sys.can_mount()
    end
    if not sys.can_mount() then
        sys.enter_user_namespace() -- where it is refused, tests say what they need
    elseif not sys.enter_mount_namespace() then
        return false
    end
    stdlib.setenv("MOONSNAP_SPEC_MOUNTS", unistd.readlink("/proc/self/ns/mnt"))
    return sys.can_mount()
end

return M
