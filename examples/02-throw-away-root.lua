--- A throw-away root: tests may do their worst in a tree that looks like the machine's; nothing of it
--- stays, and every test begins with the same tree.
---
---     lua5.4 examples/02-throw-away-root.lua [DIRECTORY]      as root, or as an ordinary user
local moonsnap = require "moonsnap"
local stdlib = require "posix.stdlib"

local dir = stdlib.mkdtemp((arg[1] or "/tmp") .. "/moonsnap-example.XXXXXX")
if not moonsnap.sys.can_mount() then
    assert(moonsnap.sys.enter_user_namespace()) -- be root of one's own: before the store is opened
end

--- The tree of the root, made of nothing but names: programs come from the machine's /usr, read-only.
local MAKE = [[
    mkdir '%s/tree' && cd '%s/tree' && mkdir usr etc tmp proc dev data
    for name in bin lib lib64; do [ ! -L /$name ] || cp -P /$name . ; done
    echo 'precious' >data/file
]]

local TESTS = {
    { "reads", "grep -q precious /data/file" },
    { "writes", "echo changed >/data/file && grep -q changed /data/file" },
    { "still reads what was there", "grep -q precious /data/file" },
    { "destroys everything", "rm -rf /data /etc && [ ! -e /data ]" },
    { "cannot write to the machine", "! touch /usr/litter 2>/dev/null" },
    { "fails", "exit 3" },
}

do
    local store <close> = assert(moonsnap.open { root = dir .. "/store" })
    assert(os.execute(MAKE:format(dir, dir)))
    assert(store:import("root", dir .. "/tree"))
    for _, test in ipairs(TESTS) do
        local ran = assert(store:run("root", { "/bin/sh", "-c", test[2] }, { binds = { "/usr:/usr:ro" } }))
        print(("%-30s status %d"):format(test[1], ran.status))
    end
    -- what is worth a look can be kept: as a committed snapshot, when it ends well
    assert(store:run("root", { "/bin/sh", "-c", "date >/data/report && rm /data/file" }, {
        binds = { "/usr:/usr:ro" }, commit = "report",
    }))
    for change in assert(store:diff("report")) do
        print(("%-8s %s"):format(change.change, change.path))
    end
    local left = 0
    for _ in store:walk("kind==active") do
        left = left + 1
    end
    print(("throw-aways left: %d"):format(left))
end
os.execute(("rm -rf '%s'"):format(dir))
