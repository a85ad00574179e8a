--- Chains and labels: follows a snapshot to its first ancestor, finds snapshots by labels, changes
--- labels one by one. Mounts nothing.
---
---     lua5.4 examples/03-chain-and-labels.lua [DIRECTORY]
local moonsnap = require "moonsnap"
local stdlib = require "posix.stdlib"

local dir = stdlib.mkdtemp((arg[1] or "/tmp") .. "/moonsnap-example.XXXXXX")

--- Commits an empty layer with labels; one transaction, so nobody sees half of it.
local function layer(store, name, parent, labels)
    return store:transaction(function()
        assert(store:prepare("making " .. name, parent))
        return store:commit(name, "making " .. name, { labels = labels })
    end)
end

--- Iterates a snapshot and its ancestors, nearest first.
local function chain(store, name)
    return function()
        local info = name ~= "" and assert(store:stat(name)) or nil
        name = info and info.parent
        return info
    end
end

do
    local store <close> = assert(moonsnap.open { root = dir .. "/store", durability = "metadata" })
    assert(layer(store, "debian", nil, { role = "base", release = "12" }))
    assert(layer(store, "compiler", "debian", { role = "tool" }))
    assert(layer(store, "objects", "compiler", { role = "build", ["build/of"] = "demo" }))
    assert(layer(store, "program", "objects", { role = "build", ["build/of"] = "demo" }))
    assert(layer(store, "other", "compiler", { role = "build", ["build/of"] = "other" }))

    print "the chain of program:"
    for info in chain(store, "program") do
        print(("  %-10s %s"):format(info.name, info.labels.role))
    end

    print "builds of demo, and tools (filters are ORed):"
    for info in store:walk([[labels."build/of"==demo]], "labels.role==tool") do
        print("  " .. info.name)
    end

    -- a field mask changes one label and leaves the others; an empty value takes one away
    assert(store:update({ name = "debian", labels = { release = "13", role = "ignored" } }, { "labels.release" }))
    assert(store:update({ name = "other", labels = { ["build/of"] = "" } }, { "labels.build/of" }))
    print("debian is " .. assert(store:stat("debian")).labels.release)

    print "without a build/of:"
    for info in store:walk("kind==committed") do
        if not info.labels["build/of"] then
            print("  " .. info.name)
        end
    end

    local _, err = store:remove("compiler")
    print(tostring(err))
end
os.execute(("rm -rf '%s'"):format(dir))
