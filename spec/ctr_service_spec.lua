--- ctr at a service in direct mode: events as they happen, plugins, versions, and what its configuration changes.
local containerd = require "spec.support.containerd"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local service = require "spec.support.service"

local DIRECT = { mode = "direct" }

local function lines_with(text, ...)
    local found = {}
    for line in text:gmatch("[^\n]+") do
        local all = true
        for _, part in ipairs { ... } do
            all = all and line:find(part, 1, true) ~= nil
        end
        found[#found + 1] = all and line or nil
    end
    return found
end

--- `ctr events` that is known to be subscribed: it has shown one of these probes.
local function listen(address, ...)
    local listener = containerd.begin(address, "events", ...)
    for count = 1, 20 do
        local probe = "probe" .. count
        containerd.ctr(address, "snapshots", "prepare", probe)
        containerd.ctr(address, "snapshots", "commit", probe .. "c", probe)
        local in_time, arrived = pcall(listener.await, listener, "probe", 1)
        if in_time then
            assert(arrived, listener.text)
            return listener
        end
    end
    error("no event arrives")
end

describe("ctr at a direct service", function()
    it("shows events of snapshots as they happen", needs.ctr(function()
        local served <close> = service.start(DIRECT)
        local listener <close> = listen(served.address)
        containerd.ctr(served.address, "snapshots", "prepare", "a")
        containerd.ctr(served.address, "snapshots", "commit", "base", "a")
        containerd.ctr(served.address, "snapshots", "view", "v", "base")
        containerd.ctr(served.address, "snapshots", "rm", "v")
        containerd.ctr(served.address, "snapshots", "rm", "base")

        assert.is_true(listener:await('/snapshot/remove {"key":"base"'))
        assert.equal(1, #lines_with(listener.text, "default /snapshot/prepare", '"key":"a"'))
        assert.equal(1, #lines_with(listener.text, "default /snapshot/commit", '"key":"a"', '"name":"base"'))
        assert.equal(1, #lines_with(listener.text, "default /snapshot/remove", '"key":"v"'))
        assert.equal(0, #lines_with(listener.text, "/snapshot/prepare", '"key":"v"'))
    end))

    it("shows events that its filter selects", needs.ctr(function()
        local served <close> = service.start(DIRECT)
        local listener <close> = listen(served.address, 'topic=="/snapshot/commit",namespace==default')
        containerd.ctr(served.address, "--namespace", "other", "snapshots", "prepare", "a")
        containerd.ctr(served.address, "--namespace", "other", "snapshots", "commit", "foreign", "a")
        containerd.ctr(served.address, "snapshots", "prepare", "b")
        containerd.ctr(served.address, "snapshots", "commit", "ours", "b")
        assert.is_true(listener:await('"name":"ours"'))
        assert.equal(0, #lines_with(listener.text, "/snapshot/prepare"))
        assert.equal(0, #lines_with(listener.text, "foreign"))
    end))

    it("shows what other processes change", needs.ctr(function()
        local served <close> = service.start(DIRECT)
        local listener <close> = listen(served.address)
        local store <close> = assert(moonsnap.open { root = served.root, namespace = "default" })
        assert(store:prepare("elsewhere"))
        assert.is_true(listener:await('"key":"elsewhere"'))
    end))

    it("lists plugins and tells their state", needs.ctr(function()
        local served <close> = service.start(DIRECT)
        local text = containerd.ctr(served.address, "plugins", "ls")
        for _, id in ipairs { "snapshots", "events", "introspection", "version", "namespaces", "leases" } do
            assert.equal(1, #lines_with(text, "io.containerd.grpc.v1 ", " " .. id .. " ", " ok"), id .. "\n" .. text)
        end
        assert.equal(1, #lines_with(text, "io.containerd.snapshotter.v1 ", " overlayfs ", " ok"), text)
        assert.equal(1, #lines_with(text, "io.containerd.snapshotter.v1 ", " native ", " skip"), text)
        local details = containerd.ctr(served.address, "plugins", "ls", "-d", "id==overlayfs")
        assert.equal(1, #lines_with(details, "root", served.root), details)
        assert.is_truthy(details:find("remap-ids", 1, true), details)
    end))

    it("tells versions", needs.ctr(function()
        local served <close> = service.start(DIRECT)
        local text = containerd.ctr(served.address, "version")
        assert.is_truthy(text:match("Server:.*Version: +" .. moonsnap.version:gsub("%p", "%%%0")), text)
    end))
end)

describe("a configuration file", function()
    it("disables a service: its calls are unimplemented, the others answered", needs.ctr(function()
        local served <close> = service.start { mode = "direct", config = 'disable "io.containerd.grpc.v1.leases"\n' }
        local text, status = containerd.try(served.address, "leases", "ls")
        assert.equal(1, status)
        assert.is_truthy(text:find("unknown service containerd.services.leases", 1, true), text)
        assert.equal("", containerd.ctr(served.address, "snapshots", "prepare", "a"))
        assert.equal(0, #lines_with(containerd.ctr(served.address, "plugins", "ls"), " leases "))
    end))

    it("puts a label on everything that is prepared, in five lines", needs.ctr(function()
        local served <close> = service.start { mode = "direct", config = [[
wrap("io.containerd.service.v1.snapshots-service", function(service)
    return service:around { prepare = function(inner, key, parent, options)
        options.labels["example.com/node"] = "a7"
        return inner:prepare(key, parent, options)
    end }
end)
]] }
        containerd.ctr(served.address, "snapshots", "prepare", "a")
        local info = containerd.ctr(served.address, "snapshots", "info", "a")
        assert.is_truthy(info:find('"example.com/node": "a7"', 1, true), info)
    end))

    it("refuses removals of its choice, with its own words", needs.ctr(function()
        local served <close> = service.start { mode = "direct", config = [[
local moonsnap = require "moonsnap"
wrap("io.containerd.service.v1.snapshots-service", function(service)
    return service:around { remove = function(inner, key, options)
        if key:find("^keep") then
            return nil, moonsnap.error("failed_precondition", "remove " .. key .. ": it is kept")
        end
        return inner:remove(key, options)
    end }
end)
]] }
        containerd.ctr(served.address, "snapshots", "prepare", "keep-me")
        containerd.ctr(served.address, "snapshots", "prepare", "other")
        containerd.ctr(served.address, "snapshots", "rm", "other")
        local text, status = containerd.try(served.address, "snapshots", "rm", "keep-me")
        assert.equal(1, status)
        assert.is_truthy(text:find("remove keep-me: it is kept: failed precondition", 1, true), text)
        assert.equal(1, #lines_with(containerd.ctr(served.address, "snapshots", "ls"), "keep-me"))
    end))

    it("gives native a store of its own beside overlayfs", needs.ctr(function()
        local served <close> = service.new { mode = "direct" }
        local words = 'plugin "io.containerd.snapshotter.v1.native" { root_path = %q }\n'
        served:configure(words:format(served.dir .. "/n"))
        served:start()
        containerd.ctr(served.address, "snapshots", "--snapshotter", "native", "prepare", "a")
        assert.equal(0, #lines_with(containerd.ctr(served.address, "snapshots", "ls"), "a "))
        assert.equal(1, #lines_with(containerd.ctr(served.address, "snapshots", "--snapshotter", "native", "ls"), "a "))
    end))
end)
