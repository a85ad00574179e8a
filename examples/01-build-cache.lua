--- A build cache: what a step makes is committed under a name made of all that went in, so the same
--- inputs are never built twice, and a chain of steps shares what its beginnings have in common.
---
---     lua5.4 examples/01-build-cache.lua [DIRECTORY]      as root, or as an ordinary user
local moonsnap = require "moonsnap"
local stdlib = require "posix.stdlib"

local dir = stdlib.mkdtemp((arg[1] or "/tmp") .. "/moonsnap-example.XXXXXX")
if not moonsnap.sys.can_mount() then
    assert(moonsnap.sys.enter_user_namespace()) -- be root of one's own: before the store is opened
end

--- A step's name: the hash of its command and of the name of what it builds on.
local function name_of(base, command)
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write(base, "\0", command)
    file:flush()
    local sum <close> = assert(io.popen("sha256sum <" .. path))
    local hash = sum:read("a"):sub(1, 16)
    os.remove(path)
    return "build-" .. hash
end

--- Runs command on top of base, or takes what the same step made before. Answers its name.
local function step(store, base, command)
    local name = name_of(base, command)
    if store:stat(name) then
        assert(store:touch(name)) -- a use: what is used least can go first one day
        print("hit   " .. command)
        return name
    end
    local ran = assert(store:run(base, { "/bin/sh", "-e", "-c", command }, {
        at = dir .. "/work", workdir = dir .. "/work", commit = name, labels = { command = command },
    }))
    print(("%s  %s"):format(ran.status == 0 and "built" or "broken", command))
    return ran.status == 0 and name or error("the build is broken", 0)
end

local function build(store, flavour)
    local made = step(store, "empty", "echo 'hello world' >greeting")
    made = step(store, made, ("sed 's/world/%s/' <greeting >result"):format(flavour))
    return step(store, made, "wc -c <result >size")
end

do
    local store <close> = assert(moonsnap.open { root = dir .. "/store" })
    os.execute(("mkdir '%s/work' '%s/nothing'"):format(dir, dir))
    assert(store:import("empty", dir .. "/nothing"))
    build(store, "moon")
    build(store, "moon") -- all hits
    build(store, "sun")  -- the first step is the same
    print("broken is thrown away: ", pcall(step, store, "empty", "false"))
    for info in store:walk("labels.command") do
        print(("%-22s used %d times   %s"):format(info.name, info.use_count, info.labels.command))
    end
end
os.execute(("rm -rf '%s'"):format(dir))
