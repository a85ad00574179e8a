--- What a test needs from the machine: without it the test is pending, and says why.
---
---     it("mounts", needs.mounts(function() ... end))
---
--- With MOONSNAP_MUST_RUN set, a test that lacks something fails instead.
local golang = require "spec.support.golang"
local moonsnap = require "moonsnap"
local namespaces = require "spec.support.namespaces"
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"

local sys = moonsnap.sys

-- busted gives its words to spec files only; this is the same one, from its source
local pending = require("busted.core")().pending

local M = {}

local function only_if(able, reason, fn)
    if able then
        return fn
    elseif (os.getenv("MOONSNAP_MUST_RUN") or "") ~= "" then
        return function() error(reason) end
    end
    return function() pending(reason) end
end

local function is_root()
    return namespaces.enter() and unistd.geteuid() == 0 and sys.in_initial_user_namespace()
end

--- May mount: root, or root of a user namespace.
function M.mounts(fn)
    return only_if(namespaces.enter(), "needs root or a user namespace", fn)
end

--- Root of the machine's own user namespace.
function M.root(fn)
    return only_if(is_root(), "needs root", fn)
end

--- May give files to other users.
function M.owners(fn)
    return only_if(is_root(), "needs more than one uid", fn)
end

--- May use loop devices and format them.
function M.disks(fn)
    local able = is_root() and tree.exists("/dev/loop-control")
    return only_if(able, "needs root and loop devices", fn)
end

--- May trace its children.
function M.strace(fn)
    local _, status = process.run({ "strace", "-o", "/dev/null", "true" }, { ASAN_OPTIONS = process.asan_options() })
    return only_if(status == 0, "needs strace", fn)
end

--- Builds Go programs with containerd's own packages.
function M.golang(fn)
    local missing = golang.missing()
    return only_if(not missing, missing, fn)
end

--- Has containerd's client.
function M.ctr(fn)
    return only_if(os.execute("command -v ctr >/dev/null"), "needs containerd's ctr", fn)
end

--- Has Debian's gRPC for Python, and protoc.
function M.grpcio(fn)
    local able = os.execute("/usr/bin/python3 -c 'import grpc, google.protobuf' >/dev/null 2>&1 && "
        .. "command -v protoc >/dev/null")
    return only_if(able, "needs python3-grpcio, python3-protobuf and protobuf-compiler", fn)
end

--- May run containers: containerd, ctr and runc, as root.
function M.containers(fn)
    local able = is_root() and os.execute("command -v containerd >/dev/null && command -v ctr >/dev/null && "
        .. "command -v runc >/dev/null")
    return only_if(able, "needs root, containerd and runc", fn)
end

--- Ends the test that calls it: skipped.
function M.skip(reason)
    pending(reason)
end

return M
