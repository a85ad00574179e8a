--- containerd of one's own for a test, with moonsnap as its proxy plugin; ctr, which talks to it or to others.
---
---     local node <close> = containerd.start(served)
---     node:ctr("images", "import", "--snapshotter", "moonsnap", archive)
---
--- It has no CRI unless asked. What runc and the shims keep is in a /run that only this process and its children see.
local process = require "spec.support.process"
local signal = require "posix.signal"
local tree = require "spec.support.tree"

local M = {}

--- Is this machine's containerd a 2.x?
---@return boolean
function M.second()
    return process.must("containerd", "--version"):find(" v?2%.%d+%.%d+") ~= nil
end

--- Its configuration, and Kubernetes' side with an image that pods themselves run in; docs/containerd.md has these.
local FIRST = {
    config = [[
version = 2
root = "%s/root"
state = "%s/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"%s]

[grpc]
  address = "%s"

[plugins."io.containerd.gc.v1.scheduler"]
  startup_delay = "0s"

[proxy_plugins.moonsnap]
  type = "snapshot"
  address = "%s"
  [proxy_plugins.moonsnap.exports]
    root = "%s"
]],
    without_cri = ', "io.containerd.grpc.v1.cri"',
    cri = [[
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%s"
  stats_collect_period = 1
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "moonsnap"
]],
}

--- The same for containerd 2.x.
local SECOND = {
    config = FIRST.config:gsub("version = 2", "version = 3", 1):gsub('type = "snapshot"',
        '%0\n  capabilities = ["remap-ids"]', 1) .. [==[

[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
  platform = "linux"
  snapshotter = "moonsnap"
  differ = "walking"
[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
  platform = "linux"
  snapshotter = "overlayfs"
  differ = "walking"
]==],
    without_cri = FIRST.without_cri .. ', "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"',
    cri = [[
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "moonsnap"
  stats_collect_period = 1
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "%s"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
]],
}

---@class Containerd
---@field address string
---@field process Process
local Containerd = {}
Containerd.__index = Containerd

--- Words for process.run: ctr, talking to a socket.
local function words(address, namespace, ...)
    return { "ctr", "--address", address, "--namespace", namespace or "default", ... }
end

--- Runs ctr against a socket; raises when it fails.
---@param address string
---@return string output
function M.ctr(address, ...)
    local output, status = M.try(address, ...)
    if status ~= 0 then
        error(("ctr %s: status %d: %s"):format(table.concat({ ... }, " "), status, output), 2)
    end
    return output
end

--- Runs ctr against a socket.
---@return string output, integer status
function M.try(address, ...)
    return process.run(words(address, nil, ...), { CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS = "1" })
end

--- Starts ctr and leaves it running.
---@return Process
function M.begin(address, ...)
    return process.start(words(address, nil, ...))
end

--- A private /run for this process: runc and the shims leave nothing in the machine's.
local function own_run()
    if tree.exists("/run/.moonsnap-spec") then
        return
    end
    process.must("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    tree.write("/run/.moonsnap-spec", "")
end

local function configuration(dir, address, served, pod_image)
    local texts = M.second() and SECOND or FIRST
    local without = pod_image and "" or texts.without_cri
    local text = texts.config:format(dir, dir, without, address, served.address, served.root)
    return pod_image and text .. texts.cri:format(pod_image) or text
end

--- Starts containerd with a service as its plugin "moonsnap". Its files are below served.dir/containerd.
---@param served Served
---@param pod_image? string  with Kubernetes' interface; pods run in this image
---@return Containerd
function M.start(served, pod_image)
    own_run()
    local dir = tree.mkdir(served.dir .. "/containerd")
    local self = setmetatable({ dir = dir, address = dir .. "/s", served = served }, Containerd)
    tree.write(dir .. "/config.toml", configuration(dir, self.address, served, pod_image))
    self.process = process.start { "sh", "-c", 'exec containerd --config "$1" --log-level debug >"$2" 2>&1', "sh",
        dir .. "/config.toml", dir .. "/log" }
    local up, why = pcall(self.await, self, "version")
    if not up then
        self:close()
        error(("%s: %s"):format(why, tree.read(dir .. "/log"):sub(-2000)), 2)
    end
    return self
end

--- Runs ctr; raises when it fails.
---@return string output
function Containerd:ctr(...)
    return M.ctr(self.address, ...)
end

---@return string output, integer status
function Containerd:try(...)
    return M.try(self.address, ...)
end

--- Runs ctr until it succeeds, at most some seconds.
---@return string output
function Containerd:await(...)
    local till = os.time() + 20
    while true do
        local output, status = self:try(...)
        if status == 0 then
            return output
        elseif os.time() > till then
            error(("ctr %s: status %d: %s"):format(table.concat({ ... }, " "), status, output), 2)
        end
    end
end

--- Plays a kubelet's part with an image; answers what spec/clients/cri.py printed.
---@param part "pull" | "live"
---@param image string
---@return string
function Containerd:kubelet(part, image)
    local stubs = self.dir .. "/stubs"
    if not tree.exists(stubs) then
        tree.mkdir(stubs)
        process.must("protoc", "-Ispec/clients", "--python_out=" .. stubs, "spec/clients/cri.proto")
    end
    return process.must("/usr/bin/python3", "spec/clients/cri.py", self.address, stubs, part, image)
end

--- Has it collect, and waits for that: what the end of a lease does.
---@param name_space string
function Containerd:collect(name_space)
    self:ctr("--namespace", name_space, "leases", "create", "--id", "last")
    self:ctr("--namespace", name_space, "leases", "rm", "--sync", "last")
end

--- Ends what still runs in it, then itself.
function Containerd:close()
    for name_space in (self:try("namespaces", "ls", "-q")):gmatch("[^\n]+") do
        for id in (self:try("--namespace", name_space, "tasks", "ls", "-q")):gmatch("[^\n]+") do
            self:try("--namespace", name_space, "tasks", "rm", "--force", id)
        end
    end
    self.process:kill(signal.SIGTERM)
    self.process:finish()
    for _, mount in ipairs(self:mounts()) do
        os.execute(("umount -l '%s'"):format(mount))
    end
end

Containerd.__close = Containerd.close

--- What is mounted below its directories, deepest first.
function Containerd:mounts()
    local found = require("spec.support.world").mounts_below(self.dir)
    table.sort(found, function(a, b) return a > b end)
    return found
end

return M
