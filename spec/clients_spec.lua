--- Another gRPC implementation at the service: grpcio from Python, its messages made from our .proto files.
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local service = require "spec.support.service"
local tree = require "spec.support.tree"

local SCRIPT = "spec/clients/snapshots.py"
local PYTHON = "/usr/bin/python3" -- Debian's, which has Debian's packages

local function checks()
    local names = {}
    for line in io.lines(SCRIPT) do
        names[#names + 1] = line:match("^def (check_[%w_]+)")
    end
    return names
end

--- Writes the Python messages of all .proto files to dir.
local function generate(dir)
    local files = process.must("find", "src/proto/containerd", "-name", "*.proto")
    local words = { "protoc", "-Isrc/proto", "--python_out=" .. tree.mkdir(dir) }
    for file in files:gmatch("%S+") do
        words[#words + 1] = file
    end
    process.must(table.unpack(words))
    return dir
end

--- What became of each check.
---@return table<string, {word: string, text: string}>
local function run()
    local served <close> = service.start { mode = "direct" }
    local output = process.run({ PYTHON, SCRIPT, served.address, generate(served.dir .. "/stubs") },
        { PYTHONDONTWRITEBYTECODE = "1", LD_PRELOAD = "" })
    local results, current = {}, nil
    for line in output:gmatch("[^\n]*\n?") do
        local word, name = line:match("^(%u+) (check_[%w_]+)")
        if name then
            current = { word = word, text = "" }
            results[name] = current
        elseif current then
            current.text = current.text .. line
        end
    end
    return setmetatable(results, { __index = function() return { word = "FAIL", text = output } end })
end

describe("Python's grpcio at the service", function()
    local results
    for _, name in ipairs(checks()) do
        it("gets right: " .. name:sub(#"check_" + 1):gsub("_", " "), needs.grpcio(function()
            results = results or run()
            assert.equal("PASS", results[name].word, results[name].text)
        end))
    end
end)
