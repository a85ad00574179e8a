--- Go programs of the tests, built with containerd's own packages as Debian has them.
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"

local M = {}

local CONTAINERD = "/usr/share/gocode/src/github.com/containerd/containerd"
local BUILT = "build/go"

--- containerd 2.x has its packages elsewhere; programs choose by this build tag.
local SECOND = tree.exists(CONTAINERD .. "/v2/core/snapshots")

--- What a Go program of the tests needs and this machine lacks; nil when all is there.
---@return string?
function M.missing()
    if not os.execute("command -v go >/dev/null") then
        return "needs golang-go"
    elseif not tree.exists(CONTAINERD .. "/snapshots") then
        return "needs golang-github-containerd-containerd-dev"
    end
end

--- The path of the source of containerd's suite for snapshotters.
function M.suite()
    return CONTAINERD .. (SECOND and "/v2/core" or "") .. "/snapshots/testsuite/testsuite.go"
end

--- Builds the package in a directory below spec/, its tests with `test`, and answers the program. Go itself
--- knows what changed; several may build at once.
---@param package string
---@param test? boolean
---@return string program
function M.build(package, test)
    local here = unistd.getcwd()
    local name = package:match("[^/]+$")
    local program = ("%s/%s/%s"):format(here, BUILT, name)
    local made = ("%s.%d"):format(program, unistd.getpid())
    local tags = SECOND and "containerd2" or ""
    if not tree.exists(BUILT) then
        tree.mkdir(BUILT)
    end
    process.must("env", "GO111MODULE=off", "GOFLAGS=", "GOPATH=/usr/share/gocode", "LD_PRELOAD=",
        ("GOCACHE=%s/%s/cache"):format(here, BUILT), "sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", package,
        "go", table.unpack(test and { "test", "-c", "-tags", tags, "-o", made, "." }
            or { "build", "-tags", tags, "-o", made, "." }))
    tree.rename(made, program)
    return program
end

return M
