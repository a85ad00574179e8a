--- Several processes on one store, without a daemon: all want the same five layers; each layer is made
--- by whoever comes first, and used by all.
---
---     lua5.4 examples/04-several-processes.lua [DIRECTORY]    starts four of itself and waits
---     lua5.4 examples/04-several-processes.lua --one ROOT     is one of them
local moonsnap = require "moonsnap"
local stdlib = require "posix.stdlib"
local unistd = require "posix.unistd"

--- Makes name, unless somebody else does: preparing one key is what only one can win. With an
--- owner, cleanup removes what a process that died was making.
local function make(store, name, parent)
    while true do
        local key = "making " .. name
        local mounts, err = store:prepare(key, parent, { owner = unistd.getpid() })
        if store:stat(name) then
            return mounts and assert(store:remove(key)) and false -- it was made meanwhile
        elseif mounts then
            local file <close> = assert(io.open(assert(store:layers(key))[1] .. "/made-by", "w"))
            file:write(unistd.getpid(), "\n")
            file:flush()
            assert(store:commit(name, key))
            return true
        elseif err.kind ~= "already_exists" then
            error(err, 0)
        end
        os.execute("sleep 0.02") -- somebody is at it, or was:
        assert(store:cleanup())
    end
end

local function one(root)
    local store <close> = assert(moonsnap.open { root = root, durability = "metadata" })
    local made, parent = 0, nil
    for i = 1, 5 do
        local name = "layer" .. i
        made = made + (make(store, name, parent) and 1 or 0)
        parent = name
    end
    print(("process %d made %d of 5"):format(unistd.getpid(), made))
end

local function all(directory)
    local dir = stdlib.mkdtemp(directory .. "/moonsnap-example.XXXXXX")
    stdlib.setenv("LUA_PATH", package.path) -- the others find moonsnap where this one did
    stdlib.setenv("LUA_CPATH", package.cpath)
    local others = "for i in 1 2 3 4; do lua5.4 '%s' --one '%s/store' || : >'%s/failed' & done; wait; " ..
        "[ ! -e '%s/failed' ]"
    assert(os.execute(others:format(arg[0], dir, dir, dir)), "one of the processes failed")
    do
        local store <close> = assert(moonsnap.open { root = dir .. "/store" })
        local count = 0
        for _ in store:walk("kind==committed") do
            count = count + 1
        end
        print(("%d layers, %d findings"):format(count, #assert(store:check())))
    end
    os.execute(("rm -rf '%s'"):format(dir))
end

if arg[1] == "--one" then
    one(arg[2])
else
    all(arg[1] or "/tmp")
end
