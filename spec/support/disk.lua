--- A file system of its own in an image: for full disks, power cuts and odd features.
---
---     local disk <close> = disks.new { megabytes = 16 }
---     local home <close> = world.bare(disk.at)
local expect = require "spec.support.expect"
local process = require "spec.support.process"
local tools = require "spec.support.tools"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"

local M = {}

---@class Disk
---@field at string  where it is mounted
local Disk = {}
Disk.__index = Disk

--- Makes and mounts an image of ext4, or of btrfs, which shares what is copied.
---@param options {megabytes: integer, features?: string, btrfs?: boolean, home: World}
---@return Disk
function M.new(options)
    local self = setmetatable({ image = options.home.dir .. "/image", at = options.home:directory() }, Disk)
    tree.write(self.image)
    assert(unistd.truncate(self.image, options.megabytes * 1048576))
    if options.btrfs then
        process.must("mkfs.btrfs", "-q", "-f", self.image)
    else
        process.must("mkfs.ext4", "-q", "-F", "-m", "0", "-O", options.features or "^resize_inode", self.image)
    end
    self:mount()
    return self
end

function Disk:mount(flags)
    process.must("mount", "-o", flags or "loop", self.image, self.at)
    self.mounted = true
end

function Disk:unmount()
    if self.mounted then
        process.must("umount", self.at)
        self.mounted = false
    end
end

--- Stops the file system as a power cut would; what has it open must let go before it can be used again.
function Disk:cut_power()
    process.must(tools.path("shutdown"), self.at)
end

--- Unmounts and mounts, as a boot does.
function Disk:boot()
    self:unmount()
    self:mount()
end

Disk.__close = function(self, failure)
    if failure ~= nil or expect.unwinding() then
        os.execute(("umount -l '%s'"):format(self.at))
    else
        self:unmount()
    end
end

return M
