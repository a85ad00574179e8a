--- The ground that worlds are made on: a real ext4 whose syncs cost nothing.
---
---     may use loop devices      an ext4 image in a tmpfs, mounted in this process's mount namespace
---     MOONSNAP_SPEC_DIR         that directory
---     else                      /tmp, or a tmpfs when /tmp lies on an overlay
---
--- Everything goes when the process ends: its mounts live in a namespace of its own.
local moonsnap = require "moonsnap"
local namespaces = require "spec.support.namespaces"
local stat = require "posix.sys.stat"
local stdlib = require "posix.stdlib"
local unistd = require "posix.unistd"

local M = {}

--- The file system type that path lies on.
---@return string
function M.type_of(path)
    local best, found = -1, nil
    for line in io.lines("/proc/self/mountinfo") do
        local target, kind = line:match("^%d+ %d+ %S+ %S+ (%S+) .- %- (%S+)")
        local below = target == "/" or path == target or path:sub(1, #target + 1) == target .. "/"
        if below and #target >= best then
            best, found = #target, kind
        end
    end
    return found
end

local function quietly(command)
    return os.execute(command .. " >/dev/null 2>&1") == true
end

--- Mounts a fresh ext4 that lies in memory on dir; false where that cannot be.
local function ext4_in_memory(dir)
    local image = dir .. "/image"
    local able = unistd.geteuid() == 0 and moonsnap.sys.in_initial_user_namespace() and
        stat.stat("/dev/loop-control") ~= nil and quietly("mount -t tmpfs -o size=2g,mode=0755 tmpfs " .. dir)
    if not able then
        return false
    end
    local made = quietly("truncate -s 1500M " .. image) and
        quietly("mkfs.ext4 -q -F -m 0 -O ^has_journal -E lazy_itable_init=1 " .. image) and
        quietly(("mount -o loop %s %s"):format(image, dir))
    if not made then
        quietly("umount " .. dir)
    end
    return made
end

--- /mnt is there on every Debian, and short; what is mounted on it is seen by this process only.
local function choose()
    local able = namespaces.enter()
    if able and ext4_in_memory("/mnt") then
        return "/mnt"
    elseif able and M.type_of("/tmp") == "overlay" then
        assert(quietly("mount -t tmpfs -o mode=0755 tmpfs /mnt"))
        return "/mnt"
    end
    return "/tmp"
end

--- The directory to make worlds in; the same one for this process and its children.
---@return string
function M.directory()
    namespaces.enter()
    local dir = os.getenv("MOONSNAP_SPEC_DIR")
    if not dir then
        dir = choose()
        stdlib.setenv("MOONSNAP_SPEC_DIR", dir)
    end
    return dir
end

return M
