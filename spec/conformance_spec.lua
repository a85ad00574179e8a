--- containerd's own suite for snapshotters, through containerd's own client, against the service: a server
--- and a root for each test.
local golang = require "spec.support.golang"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local world = require "spec.support.world"

local SERVE = "lua5.4 bin/moonsnap serve --root ROOT --address SOCKET --mode %s --driver %s"
local CASES = {
    { mode = "proxy", driver = "overlay", snapshotter = "overlayfs" },
    { mode = "direct", driver = "overlay", snapshotter = "overlayfs" },
    { mode = "proxy", driver = "native", snapshotter = "native" },
    { mode = "direct", driver = "native", snapshotter = "native" },
}

--- The names of the suite's tests: other releases of containerd have others.
local function names()
    local found = {}
    if not golang.missing() then
        for line in io.lines(golang.suite()) do
            found[#found + 1] = line:match('^%s*t%.Run%("([^"]+)"')
        end
    end
    return found
end

--- What became of each test: Go says whose the lines that follow are.
---@return table<string, {word: "PASS" | "FAIL" | "SKIP", text: string}>
local function results_of(output)
    local results, current = {}, nil
    for line in output:gmatch("[^\n]+") do
        local word, name = line:match("(%u+):? +TestSnapshotter/(%S+)")
        if name then
            current = results[name] or { text = "" }
            results[name] = current
            current.word = word
        elseif current and not line:find("helpers%.go:%d+: %a[%a-]+ ") then -- no listings of whole roots
            current.text = current.text .. line .. "\n"
        end
    end
    return results
end

--- Runs the suite, in a process namespace of its own: no server outlives it, whatever happens.
---@param serve string  the server's command; "" for containerd's own overlay
local function run(serve, snapshotter)
    local program = golang.build("spec/conformance", true)
    local home <close> = world.bare()
    local output = process.run({ "unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
        program, "-test.v", "-test.timeout", "300s" }, {
        CONFORMANCE_SERVE = serve, CONFORMANCE_SNAPSHOTTER = snapshotter, TMPDIR = home.dir,
    })
    return setmetatable(results_of(output), { __index = function() return { word = "FAIL", text = output } end })
end

local function runs(serve, snapshotter)
    local results
    return function(name)
        results = results or run(serve, snapshotter)
        return results[name]
    end
end

local function define(title, serve, snapshotter)
    describe(title, function()
        local result_of = runs(serve, snapshotter)
        for _, name in ipairs(names()) do
            it("passes " .. name, needs.root(function()
                local result = result_of(name)
                if result.word == "SKIP" then
                    needs.skip("containerd's suite leaves it out: " .. result.text:match("[^\n]*"))
                end
                assert.equal("PASS", result.word, result.text)
            end))
        end
    end)
end

describe("containerd's suite for snapshotters #slow", function()
    it("is there", needs.golang(function() assert.is_true(#names() > 0) end))
    define("against containerd's own overlay", "", "overlayfs")
    for _, case in ipairs(CASES) do
        local title = ("against a service in %s mode with the %s driver"):format(case.mode, case.driver)
        define(title, SERVE:format(case.mode, case.driver), case.snapshotter)
    end
end)
