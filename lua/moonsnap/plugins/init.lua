--- The plugins that every service has, in the order in which they are registered.

local grpc = require "moonsnap.plugins.grpc"
local holds = require "moonsnap.plugins.holds"
local metadata = require "moonsnap.plugins.metadata"
local retention = require "moonsnap.plugins.retention"
local services = require "moonsnap.plugins.services"
local snapshotter = require "moonsnap.plugins.snapshotter"

---@type moonsnap.Plugin[]
return {
    services.exchange, metadata.plugin, snapshotter.overlayfs, snapshotter.native, services.snapshots,
    grpc.snapshots, grpc.events, grpc.introspection, grpc.version, grpc.health, grpc.namespaces, grpc.leases,
    grpc.control, holds.reaper, retention.retention,
}
