--- An ext4 of its own in an image: one with a journal, as installed systems have it, on which nobody else deletes,
--- since an ext4 without a journal searches what was deleted within the last minute whenever it makes a file.
local moonsnap = require "moonsnap"

local M = {}

--- Makes and mounts an image in a mount namespace of this process and what it starts; unmounted when the value goes
--- out of scope.
---@param home string
---@param gigabytes integer
---@return {path: string}
function M.new(home, gigabytes)
    assert(moonsnap.sys.enter_mount_namespace())
    local image, path = home .. "/image", home .. "/disk"
    local make = "truncate -s %dG '%s' && mkfs.ext4 -q -F '%s' && mkdir '%s' && mount -o loop '%s' '%s'"
    assert(os.execute(make:format(gigabytes, image, image, path, image, path)), "no image could be mounted: --here?")
    return setmetatable({ path = path }, {
        __close = function()
            os.execute(("umount '%s'"):format(path))
        end,
    })
end

return M
