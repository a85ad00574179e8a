--- A thousand reloads while calls go on: none fails, no event is lost or told twice, and nothing piles up.
local moonsnap = require "moonsnap"
local poll = require "posix.poll"
local process = require "spec.support.process"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local time = require "posix.time"

local RELOADS = tonumber(os.getenv("MOONSNAP_RELOADS")) or 1000
local SETTLED = RELOADS // 5 -- from then on memory and descriptors are held against what they were
local GROWTH = 4 << 20       -- bytes of Lua that may come on top meanwhile

local HEAD = ('package.path, package.cpath = %q, %q\nlocal moonsnap = require "moonsnap"\n'):format(package.path,
    package.cpath)

local function lua(text, ...)
    return process.start({ "lua5.4", "-e", HEAD .. text:format(...) }, { ASAN_OPTIONS = process.asan_options() })
end

--- Calls until its input ends; prints how often, and what went wrong first.
local CALLS = [[
local poll = require "posix.poll"
local store = assert(moonsnap.connect { address = %q, namespace = "load" })
local count, wrong = 0, "nothing"
while poll.rpoll(0, 0) == 0 do
    count = count + 1
    local key = %q .. count
    for _, call in ipairs {
        function() return store:prepare(key, nil, { labels = { n = tostring(count) } }) end,
        function() return store:stat(key) end,
        function() return store:remove(key) end,
    } do
        local ok, err = call()
        wrong = not ok and wrong == "nothing" and tostring(err) or wrong
    end
end
print(count, wrong)]]

--- Subscribes until it hears of the key "end"; says when it hears the first, then prints how many events there were,
--- and how many of them came twice.
local LISTENER = [[
local client = assert(moonsnap.rpc.connect(%q))
local request = moonsnap.message.type("containerd.services.events.v1.SubscribeRequest"):encode { filters = {} }
local envelope = moonsnap.message.type("containerd.types.Envelope")
local types = {
    ["/snapshot/prepare"] = moonsnap.message.type("containerd.events.SnapshotPrepare"),
    ["/snapshot/remove"] = moonsnap.message.type("containerd.events.SnapshotRemove"),
}
local count, doubled, seen = 0, 0, {}
for bytes in client:stream("/containerd.services.events.v1.Events/Subscribe", request, { timeout_ms = 600000 }) do
    local event = envelope:decode(bytes)
    local of = types[event.topic]
    local key = of and event.namespace == "load" and of:decode(event.event.value).key
    if key == "end" then
        break
    elseif key then
        if count == 0 then
            io.write("hears\n"):flush()
        end
        count = count + 1
        doubled = doubled + (seen[event.topic .. key] and 1 or 0)
        seen[event.topic .. key] = true
    end
end
print(count, doubled)]]

local AUTOMATION = [[
hook { "count", on = { "prepare", "remove" }, phase = "after", match = "namespace==load",
    run = function(event) return append(%q, ("%%d %%s"):format(event.sequence, event.key)) end }
every("10m", function() log("late") end)
]]

local POLICY = [[
hook { "no", on = "prepare", match = "labels.class==%s", run = function(request)
    keep("asked", (kept("asked") or 0) + 1)
    return deny("permission_denied", "asked " .. kept("asked"))
end }
]]

local function lines_of(path)
    local lines = {}
    for line in tree.exists(path) and io.lines(path) or function() end do
        lines[#lines + 1] = line
    end
    return lines
end

--- Bytes that the service's Lua holds, after a collection; and its descriptors.
local function weight_of(served, store)
    return store:ask("weight", {}).bytes, #tree.list(("/proc/%d/fd"):format(served.pid))
end

--- One configuration after the other: each says the same in other words, and each tenth cannot be.
local function next_files(served, i)
    local bad = i % 10 == 0
    tree.write(served.dir .. "/p.lua", bad and "hok {}" or POLICY:format(i % 2 == 0 and "even" or "odd"), 384)
    return bad
end

local CONFIG = [[
policy "p.lua"
automation("a.lua", { files = { "%s" } })
wrap("io.containerd.grpc.v1.control", function(control)
    control:add("weight", function(_, _, emit)
        collectgarbage()
        collectgarbage()
        emit { bytes = math.floor(collectgarbage("count") * 1024) }
        return true
    end)
    return control
end)]]

--- Waits until an after-hook was told of something, which begins behind the newest event of then, and the subscriber
--- hears.
local function await_first(store, log, listening)
    local count = 0
    repeat
        count = count + 1
        assert(store:prepare("warm" .. count))
        assert(store:remove("warm" .. count))
        time.nanosleep { tv_sec = 0, tv_nsec = 10000000 }
    until #lines_of(log) > 0 and poll.rpoll(listening.out, 0) == 1 or count > 1000
end

--- Waits until the log has the end, and a moment more for what should not come.
local function await_last(log)
    for _ = 1, 2000 do
        local lines = lines_of(log)
        if lines[#lines] and lines[#lines]:find(" end$") then
            break
        end
        time.nanosleep { tv_sec = 0, tv_nsec = 10000000 }
    end
    time.nanosleep { tv_sec = 0, tv_nsec = 300000000 }
end

--- Ends a caller; how many rounds it made.
local function rounds_of(calling)
    local text = calling:finish() -- which closes its input
    local count, wrong = text:match("^(%d+)\t(.-)\n")
    assert.equal("nothing", wrong, text)
    return tonumber(count)
end

--- Reloads again and again; looks now and then whether the new policy is there, with what the old ones have kept.
local function reload_often(served, store)
    local bytes, fds, asked = nil, nil, 0
    for i = 1, RELOADS do
        local bad = next_files(served, i)
        local ok, err = store:ask("reload", {})
        assert.equal(bad, ok == nil, tostring(err))
        if not bad and i % 25 == 0 then
            asked = asked + 1
            local _, denied = store:prepare("x", nil, { labels = { class = i % 2 == 0 and "even" or "odd" } })
            assert.is_truthy(denied and denied.message:find("asked " .. asked, 1, true), tostring(denied))
        end
        if i == SETTLED then
            bytes, fds = weight_of(served, store)
        end
    end
    return bytes, fds
end

--- What an after-hook has written: each event once, in order, from the first that it was told of on.
local function check_log(log, store)
    local told = lines_of(log)
    local first = tonumber(told[1]:match("^%d+"))
    local happened = {}
    for event in assert(store:events { since = first - 1, namespace = "load" }) do
        if event.topic == "/snapshot/prepare" or event.topic == "/snapshot/remove" then
            happened[#happened + 1] = ("%d %s"):format(event.sequence, event.key)
        end
    end
    assert.equal(#happened, #told)
    for i, line in ipairs(happened) do
        assert.equal(line, told[i])
    end
end

describe(("%d reloads under load"):format(RELOADS), function()
    it("fail no call, lose and double no event, and leave nothing behind", function()
        local served <close> = service.new { mode = "direct", level = "error" }
        local log = served.dir .. "/told"
        next_files(served, 1)
        tree.write(served.dir .. "/a.lua", AUTOMATION:format(log), 384)
        served:configure(CONFIG:format(log))
        served:start()
        local store <close> = assert(moonsnap.connect { address = served.address, namespace = "load" })
        local listening <close> = lua(LISTENER, served.address)
        await_first(store, log, listening)
        local calling <close> = lua(CALLS, served.address, "a")
        local calling_too <close> = lua(CALLS, served.address, "b")

        local bytes, fds = reload_often(served, store)
        local rounds = rounds_of(calling) + rounds_of(calling_too)
        local bytes_now, fds_now = weight_of(served, store)
        assert(store:prepare("end"))

        assert.is_true(rounds > RELOADS / 10, "there was no load: " .. rounds)
        assert.is_true(bytes_now - bytes < GROWTH, ("%d bytes, then %d"):format(bytes, bytes_now))
        assert.is_true(fds_now <= fds + 8, ("%d descriptors, then %d"):format(fds, fds_now))
        local count, doubled = listening:finish():match("(%d+)\t(%d+)\n")
        assert.equal("0", doubled)
        assert.is_true(tonumber(count) >= rounds * 2, count)
        await_last(log)
        check_log(log, store)
    end)
end)
