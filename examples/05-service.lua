--- A service and its clients: one is started with a configuration of our own, snapshots are made through its
--- socket, and the configuration has its say in each.
---
---     lua5.4 examples/05-service.lua [DIRECTORY]
local moonsnap = require "moonsnap"
local signal = require "posix.signal"
local stdlib = require "posix.stdlib"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"

--- What stands in front of every snapshotter of the service: a rule, and a label.
local CONFIGURATION = [[
local moonsnap = require "moonsnap"
mode "direct"
wrap("io.containerd.service.v1.snapshots-service", function(service)
    return service:around { prepare = function(inner, key, parent, options)
        if not options.labels.team then
            return nil, moonsnap.error("permission_denied", "every snapshot has a team here")
        end
        options.labels["example.com/node"] = "a7"
        return inner:prepare(key, parent, options)
    end }
end)
]]

local function write(path, text)
    local file <close> = assert(io.open(path, "w"))
    assert(file:write(text))
end

--- Starts `moonsnap serve` in a process of its own, in dir.
local function start(dir)
    write(dir .. "/config.lua", CONFIGURATION)
    stdlib.setenv("LUA_PATH", package.path) -- it finds moonsnap where this script did
    stdlib.setenv("LUA_CPATH", package.cpath)
    local serve = "cd '%s' && chmod go-w config.lua && " -- it is code: what others may write is refused
        .. "exec moonsnap serve --root store --address s --config config.lua 2>log"
    local pid = assert(unistd.fork())
    return pid ~= 0 and pid or unistd.execp("sh", { "-c", serve:format(dir) }) or unistd._exit(127)
end

--- The service, as soon as it answers; it may take a moment to start.
local function connect(address, pid)
    while true do
        local store, err = moonsnap.connect { address = address, namespace = "ci" }
        if store or wait.wait(pid, wait.WNOHANG) ~= 0 then
            return assert(store, err)
        end
        os.execute("sleep 0.02")
    end
end

--- A store, but for what needs this process (run, mount, import): those are for who opens the root itself.
local function use(connected)
    local store <close> = connected
    print("refused:", select(2, store:prepare("nobody's")))
    assert(store:prepare("work", nil, { labels = { team = "red" } }))
    write(assert(store:layers("work"))[1] .. "/greeting", "hello\n")
    assert(store:commit("base", "work", { labels = { team = "red" } }))
    assert(store:prepare("next", "base", { labels = { team = "red" } }))
    for info in store:walk('labels."example.com/node"==a7') do
        print("labelled:", info.name, info.parent)
    end
    for event in store:events { since = 0 } do
        print("event:", event.topic, event.key)
    end
end

local dir = stdlib.mkdtemp((arg[1] or "/tmp") .. "/moonsnap-example.XXXXXX")
local pid = start(dir)
local used, why = pcall(function() use(connect(dir .. "/s", pid)) end)
signal.kill(pid, signal.SIGTERM) -- calls under way end first
print("the service ended with status " .. select(3, wait.wait(pid)))
os.execute(("rm -rf '%s'"):format(dir))
assert(used, why)
