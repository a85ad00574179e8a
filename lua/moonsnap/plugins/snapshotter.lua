--- io.containerd.snapshotter.v1: overlayfs and native, over the engine's drivers.
---
--- The store at the service's root is the one whose driver it has; the other snapshotter starts when its
--- root_path says where its own store is.

local M = {}

local TYPE = "io.containerd.snapshotter.v1"
local ARCHITECTURES = { x86_64 = "amd64", aarch64 = "arm64", riscv64 = "riscv64", ppc64le = "ppc64le",
    s390x = "s390x", armv7l = "arm", i686 = "386" }

local function platform()
    local machine = require("posix.sys.utsname").uname().machine
    return { os = "linux", architecture = ARCHITECTURES[machine] or machine }
end

--- The store of a snapshotter: its own, or the service's.
local function store_of(ic, driver)
    local plugin = ic.runtime.plugin
    local metadata, err = ic:get("io.containerd.metadata.v1.sqlite")
    if not metadata then
        return nil, err
    end
    local config = ic.config
    if config.root_path == "" and metadata.main.reader.driver == driver then
        return metadata.main
    end
    if config.root_path == "" then
        return nil, plugin.skip(ic.runtime.failure,
            ("the store at the root is of driver %s and no root_path is set"):format(metadata.main.reader.driver))
    end
    return metadata:open {
        root = config.root_path, driver = driver, mount_options = config.mount_options,
        durability = ic.runtime.durability, namespace = ic.runtime.name_space,
    }
end

local function init(driver, capabilities)
    return function(ic)
        local held, err = store_of(ic, driver)
        if not held then
            return nil, err
        end
        ic.meta.platforms[1] = platform()
        ic.meta.exports.root = held.reader.root
        for i, name in ipairs(capabilities(ic)) do
            ic.meta.capabilities[i] = name
        end
        return ic.runtime.backend.new {
            writer = held.writer, reader = held.reader, batch = held.batch,
            pool = ic.runtime.pool, tickets = ic.runtime.tickets, timers = ic.runtime.timers,
            durability = ic.runtime.durability, sync_remove = ic.config.sync_remove,
            upperdir_label = ic.config.upperdir_label, failure = ic.runtime.failure,
        }
    end
end

--- What containerd asks introspection about before it maps ids.
local function overlay_capabilities(ic)
    local capabilities = { "remap-ids" }
    if not ic.config.slow_chown then
        capabilities[2] = "only-remap-ids"
    end
    return capabilities
end

M.overlayfs = {
    type = TYPE, id = "overlayfs", requires = { "io.containerd.metadata.v1" },
    config = { root_path = "", upperdir_label = false, sync_remove = false, slow_chown = false, mount_options = {} },
    init = init("overlay", overlay_capabilities),
}

M.native = {
    type = TYPE, id = "native", requires = { "io.containerd.metadata.v1" },
    config = { root_path = "", sync_remove = false },
    init = init("native", function() return {} end),
}

return M
