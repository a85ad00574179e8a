--- ctr, straight at a service in direct mode; what it prints is what it prints in front of containerd.
local containerd = require "spec.support.containerd"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local service = require "spec.support.service"

--- Commands, in order. Those of a class are refused with it.
local SNAPSHOTS = {
    { "snapshots ls" },
    { "snapshots prepare a" },
    { "snapshots prepare a", class = "already exists" },
    { "snapshots prepare b nothing", class = "not found" },
    { "snapshots prepare b a", class = "invalid argument" },
    { "snapshots info a" },
    { "snapshots info nothing", class = "not found" },
    { "snapshots mounts /target a" },
    { "snapshots commit base a" },
    { "snapshots commit base a", class = "already exists" },
    { "snapshots commit other a", class = "not found" },
    { "snapshots prepare --mounts b base" },
    { "snapshots prepare --target /target c base" },
    { "snapshots commit second b" },
    { "snapshots view --mounts v base" },
    { "snapshots view --target /target w second" },
    { "snapshots label v containerd.io/gc.root=1" }, -- or containerd collects them
    { "snapshots label w containerd.io/gc.root=1" },
    { "snapshots prepare \"a key: with/blanks\" second" },
    { "snapshots info v" },
    { "snapshots ls" },
    { "snapshots tree" },
    { "snapshots usage" },
    { "snapshots usage base second" },
    { "snapshots usage -b c" },
    { "snapshots usage nothing", class = "not found" },
    { "snapshots label base colour=red containerd.io/x=1" },
    { "snapshots label base" },
    { "snapshots info base" },
    { "snapshots label base colour=" },
    { "snapshots label base" },
    { "snapshots label base long=" .. ("x"):rep(4093), class = "invalid argument" },
    { "snapshots label nothing a=b", class = "not found" },
    { "snapshots commit third v", class = "failed precondition" },
    { "snapshots mounts /target base", class = "failed precondition" },
    { "snapshots --snapshotter nothing ls", class = "invalid argument" },
    { "-n other snapshots ls" },
    { "-n other snapshots prepare a" },
    { "-n other snapshots rm a" },
    { "-n bad..name snapshots info a", class = "invalid argument" },
    { "snapshots rm base", class = "failed precondition" },
    { "snapshots rm v w" },
    { "snapshots rm c \"a key: with/blanks\"" },
    { "snapshots rm nothing", class = "not found" },
    { "snapshots rm second" },
    { "snapshots rm base" },
    { "snapshots ls" },
}

local NAMESPACES = {
    { "namespaces create one a=b" },
    { "namespaces create one", class = "already exists" },
    { "namespaces create bad..name", class = "invalid argument" },
    { "namespaces ls" },
    { "namespaces label one c=d" },
    { "namespaces ls" },
    { "namespaces label one a=" },
    { "namespaces ls" },
    { "namespaces ls -q" },
    { "-n one snapshots prepare a" },
    { "namespaces rm one", class = "failed precondition" },
    { "-n one snapshots rm a" },
    { "namespaces rm one" },
    { "namespaces ls" },
}

local LEASES = {
    { "leases ls" },
    { "leases create --id one --expires 0 a=b" },
    { "leases create --id one --expires 0", class = "already exists" },
    { "leases create --id two --expires 1h" },
    { "leases ls" },
    { "leases ls -q" },
    { "leases ls id==two" },
    { "leases rm one" },
    { "leases rm --sync two" },
    { "leases rm nothing", class = "not found" },
    { "leases ls" },
}

--- What depends on the moment, the place and the order of a map or a list, made the same.
local function general(output)
    local text = output:gsub("%d%d%d%d%-%d%d%-%d%dT[%d:.]+Z", "TIME"):gsub("/mnt/[^:,%s\"]*", "PATH")
    text = text:gsub("/tmp/[^:,%s\"]*", "PATH"):gsub("[%d.]+ seconds", "0 seconds")
    local lines = {}
    for line in text:gmatch("[^\n]+") do
        local words = {}
        for word in line:gmatch("[^%s,]+") do
            words[#words + 1] = word
        end
        if line:find("=", 1, true) then
            table.sort(words)
        end
        lines[#lines + 1] = table.concat(words, " ")
    end
    table.sort(lines)
    return table.concat(lines, "\n")
end

--- Runs a command line of ctr.
local function ctr(address, line)
    local output, status = process.run({ "sh", "-c", "exec ctr --address " .. address .. " " .. line },
        { CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS = "1" })
    return { text = output, status = status }
end

--- Is that the class of error that ctr shows? Newer ones show it only when the message says it.
local function is_of(class, output)
    return output:sub(-#class - 2) == " " .. class .. "\n"
end

--- What differs between the two answers to one step; nil when nothing does.
local function difference(step, ours, theirs)
    local same = step.class and is_of(step.class, theirs.text) and is_of(step.class, ours.text)
        or not step.class and general(theirs.text) == general(ours.text)
    if not same or ours.status ~= theirs.status then
        return ("%s (%s)\ncontainerd, status %d: %s\nmoonsnap, status %d: %s"):format(step[1], step.class or "succeeds",
            theirs.status, theirs.text, ours.status, ours.text)
    end
end

--- Runs a script against both and compares.
local function compare(script)
    local served <close> = service.start { mode = "direct" }
    local node <close> = containerd.start(served)
    local found = {}
    for _, step in ipairs(script) do
        found[#found + 1] = difference(step, ctr(served.address, step[1]), ctr(node.address, step[1]))
    end
    assert.equal("", table.concat(found, "\n"))
end

describe("ctr in front of a direct service #slow", function()
    it("prints about snapshots what it prints in front of containerd", needs.containers(function()
        compare(SNAPSHOTS)
    end))

    it("prints about namespaces what it prints in front of containerd", needs.containers(function()
        compare(NAMESPACES)
    end))

    it("prints about leases what it prints in front of containerd", needs.containers(function()
        compare(LEASES)
    end))
end)
