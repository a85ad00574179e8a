--- A process of its own for tests: `lua5.4 spec/support/worker.lua MODE ROOT ...`.
---
---     script CHUNK         runs Lua text with `store` in sight; prints "done" when it is through
---     mixed NAME COUNT     COUNT random operations; prints "worst MS" and every error of a bad kind
---     commits NAME         prepares and commits without pause until its input ends
---     hold KEY TARGET      mounts KEY in a mount namespace of its own until its input ends
local moonsnap = require "moonsnap"
local poll = require "posix.poll"
local time = require "posix.time"

local mode, root, first, second = table.unpack(arg)

local function say(...)
    io.stdout:write(string.format(...), "\n")
    io.stdout:flush()
end

local function milliseconds()
    local now = time.clock_gettime(time.CLOCK_MONOTONIC)
    return now.tv_sec * 1000 + now.tv_nsec / 1000000
end

local function open()
    return assert(moonsnap.open { root = root, durability = "metadata" })
end

--- Kinds that come of other processes doing the same, and are no fault.
local EXPECTED = { not_found = true, already_exists = true, failed_precondition = true, invalid_argument = true }

local function input_ended()
    return poll.rpoll(0, 0) ~= 0
end

local MIXED = {
    function(store, key) return store:prepare(key, "base") end,
    function(store, key) return store:prepare(key) end,
    function(store, key) return store:view(key, "base") end,
    function(store, key) return store:commit(key .. " committed", key) end,
    function(store, key) return store:remove(key) end,
    function(store, key) return store:remove(key .. " committed") end,
    function(store, key) return store:update { name = key, labels = { x = key } } end,
    function(store, key) return store:stat(key) end,
    function(store, key) return store:touch(key) end,
    function(store)
        for _ in store:walk("labels.x") do -- luacheck: ignore 542
        end
        return true
    end,
    function(store, key)
        return store:transaction(function(inner)
            local ok, err = inner:prepare(key .. " again")
            if not ok then
                return nil, err
            end
            return inner:remove(key .. " again")
        end)
    end,
}

--- One operation in a store opened for it, as a command does; what the user waits for.
local function one_shot(call, key)
    local store <close> = open()
    return call(store, key)
end

local MODES = {}

function MODES.script()
    local store <close> = open()
    local chunk = assert(load("local store, moonsnap = ...; " .. first))
    chunk(store, moonsnap)
    say("done")
end

function MODES.mixed()
    math.randomseed(#first * 7919 + tonumber(second))
    local store <close> = open()
    local worst = 0
    for i = 1, tonumber(second) do
        local call = MIXED[math.random(#MIXED)]
        local key = ("%s %d"):format(math.random(4) == 1 and "shared" or first, math.random(8))
        local start = milliseconds()
        local value, err
        if i % 10 == 0 then
            value, err = one_shot(call, key)
        else
            value, err = call(store, key)
        end
        worst = math.max(worst, milliseconds() - start)
        if not value and not EXPECTED[err.kind] then
            say("error %s", tostring(err))
        end
    end
    say("worst %d", worst // 1)
    say("done")
end

function MODES.commits()
    local store <close> = open()
    local count = 0
    say("ready")
    while not input_ended() do
        local key = ("%s %d"):format(first, count)
        assert(store:prepare(key, "base"))
        assert(store:commit(key .. " committed", key))
        assert(store:remove(key .. " committed"))
        count = count + 1
    end
    say("commits %d", count)
end

function MODES.hold()
    assert(moonsnap.sys.enter_mount_namespace())
    local store <close> = open()
    assert(store:mount(first, second))
    say("mounted")
    poll.rpoll(0, -1)
end

MODES[mode]()
