--- containerd's own client, with leases and namespaces of a direct service.
local containerd = require "spec.support.containerd"
local needs = require "spec.support.needs"
local service = require "spec.support.service"

--- Runs ctr, which must fail and say so.
local function refused(address, says, ...)
    local text, status = containerd.try(address, ...)
    assert.equal(1, status, text)
    assert.is_truthy(text:find(says, 1, true), text)
end

describe("ctr leases", function()
    it("makes, lists and removes them", needs.ctr(function()
        local served <close> = service.start { mode = "direct" }
        local to = served.address
        assert.equal("l\n", containerd.ctr(to, "leases", "create", "--id", "l", "--expires", "1h", "team=blue"))
        assert.is_truthy(containerd.ctr(to, "leases", "create"):match("^%d+%-....\n$"))
        refused(to, "already exists", "leases", "create", "--id", "l")
        local text = containerd.ctr(to, "leases", "ls", "labels.team==blue")
        assert.is_truthy(text:match("\nl +%d%d%d%d%-%S+ +containerd.io/gc.expire=%S+,team=blue"), text)
        assert.equal(3, select(2, containerd.ctr(to, "leases", "ls"):gsub("\n", "")))
        assert.equal("l\n", containerd.ctr(to, "leases", "rm", "--sync", "l"))
        refused(to, "not found", "leases", "rm", "l")
    end))
end)

describe("ctr namespaces", function()
    it("makes, labels, lists and removes them", needs.ctr(function()
        local served <close> = service.start { mode = "direct" }
        local to = served.address
        containerd.ctr(to, "namespaces", "create", "default", "a=b", "x=y")
        refused(to, "already exists", "namespaces", "create", "default")
        containerd.ctr(to, "namespaces", "label", "default", "a=", "c=d")
        local text = containerd.ctr(to, "namespaces", "ls")
        assert.is_truthy(text:match("\ndefault +c=d,x=y"), text)
        containerd.ctr(to, "snapshots", "prepare", "k")
        refused(to, "must be empty", "namespaces", "rm", "default")
        containerd.ctr(to, "snapshots", "rm", "k")
        assert.equal("default\n", containerd.ctr(to, "namespaces", "rm", "default"))
        assert.is_nil(containerd.ctr(to, "namespaces", "ls"):find("default", 1, true))
    end))
end)
