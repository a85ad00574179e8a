--- Writers that are killed between and within their changes: the outbox, replayed, is exactly the rows.
local process = require "spec.support.process"
local time = require "posix.time"
local world = require "spec.support.world"

local KILLS, CHANGES = 24, 1000

--- Changes at random for ever, alone and several in a transaction, some of them rolled back.
local WRITER = [[
math.randomseed(os.time(), moonsnap.sys.pid())
local function key() return "k" .. math.random(12) end
local verbs = {
    function(s) return s:prepare(key(), nil, { labels = { n = tostring(math.random(99)) } }) end,
    function(s) return s:prepare(key(), key() .. "c") end,
    function(s) return s:view(key(), nil, { labels = { v = "1" } }) end,
    function(s) local k = key() return s:commit(k .. "c", k, { labels = { from = k } }) end,
    function(s) return s:remove(key(), { later = true }) end,
    function(s) return s:remove(key() .. "c", { later = true }) end,
    function(s) return s:update { name = key(), labels = { n = tostring(math.random(99)) } } end,
    function(s) return s:update({ name = key() .. "c", labels = { m = "x" } }, { "labels.m" }) end,
}
print("ready") io.stdout:flush()
while true do
    if math.random(3) == 1 then
        store:transaction(function(s)
            for _ = 1, math.random(6) do verbs[math.random(#verbs)](s) end
            if math.random(4) == 1 then return nil, "no" end
            return true
        end)
    else
        verbs[math.random(#verbs)](store)
    end
end
]]

local function kill_somebody(home, workers, at)
    workers[at] = workers[at] or process.worker("script", home.root, WRITER)
    assert(workers[at]:await "ready", workers[at].text)
    time.nanosleep { tv_sec = 0, tv_nsec = math.random(5, 60) * 1000000 }
    workers[at]:kill()
    local text, status = workers[at]:finish()
    assert.equal(137, status, text)
    workers[at] = process.worker("script", home.root, WRITER)
end

--- What there is according to events: labels by key or name.
local function replay(store)
    local there, before = {}, 0
    for event in store:events() do
        assert.equal(before + 1, event.sequence) -- no number is left out, none comes twice
        before = event.sequence
        if event.topic == "/snapshot/commit" then
            there[event.key], there[event.name] = nil, event.labels
        elseif event.topic == "/snapshot/remove" then
            assert.same(there[event.key], event.labels)
            there[event.key] = nil
        else
            there[event.key] = event.labels
        end
    end
    return there, before
end

describe("the outbox of writers that are killed", function()
    it("replayed is exactly the rows", function()
        local home <close> = world.new()
        local workers, kills = {}, 0
        while kills < KILLS or home.store.engine:last_event() < CHANGES do
            kill_somebody(home, workers, kills % 3 + 1)
            kills = kills + 1
        end
        for _, worker in pairs(workers) do
            worker:kill()
            worker:finish()
        end
        local there, count = replay(home.store)
        local rows = {}
        for info in home.store:walk() do
            rows[info.name] = info.labels
        end
        assert.same(rows, there)
        assert.is_true(count >= CHANGES)
        assert(home.store:cleanup())
    end)
end)
