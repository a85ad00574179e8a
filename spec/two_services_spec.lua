--- Two services on one root: one quota, and each event told to after-hooks by one of them, whoever ends.
local moonsnap = require "moonsnap"
local policed = require "spec.support.policed"
local service = require "spec.support.service"
local time = require "posix.time"
local tree = require "spec.support.tree"

local QUOTA = [[
    hook { "quota", on = "prepare", match = "labels.tenant", run = function(request)
        if store.count("labels.tenant==" .. request.labels.tenant) >= 10 then
            return deny("resource_exhausted", "ten are enough")
        end
    end }
]]
local NOTE = [[
    hook { "note", on = "prepare", phase = "after", run = function(event) return append(%q, event.key) end }
]]

--- A service whose automation notes what is prepared, and another one beside it with the same.
local function two()
    local first = service.new { mode = "direct" }
    policed.write(first.root, QUOTA)
    local notes = first.dir .. "/notes-of-hooks"
    local config = ('automation("%s/a.lua", { files = { %q } })'):format(first.dir, notes)
    tree.write(first.dir .. "/a.lua", NOTE:format(notes), 384)
    first:configure(config)
    first:start()
    local second = service.new { mode = "direct", beside = first }
    second.address = second.dir .. "/s2"
    second:configure(config)
    second:start()
    return first, second, notes
end

--- How often each key was noted, once there are so many.
local function noted(notes, count)
    local times, distinct
    for _ = 1, 2000 do
        times, distinct = {}, 0
        for key in tree.exists(notes) and io.lines(notes) or function() end do
            distinct = distinct + (times[key] and 0 or 1)
            times[key] = (times[key] or 0) + 1
        end
        if distinct >= count then
            break
        end
        time.nanosleep { tv_sec = 0, tv_nsec = 10000000 }
    end
    return distinct, times
end

describe("two services on one root", function()
    it("share a quota, and tell each event once while both live", function()
        local first <close>, second, notes = two()
        local _second <close> = second
        local one <close> = assert(moonsnap.connect { address = first.address })
        local other <close> = assert(moonsnap.connect { address = second.address })
        local granted = 0
        for i = 1, 20 do
            for name, store in pairs { a = one, b = other } do
                granted = granted + (store:prepare(name .. i, nil, { labels = { tenant = "blue" } }) and 1 or 0)
                assert(store:prepare(name .. "-" .. i))
            end
        end
        assert.equal(10, granted)
        local distinct, times = noted(notes, 50)
        assert.equal(50, distinct)
        for key, count in pairs(times) do
            assert.equal(1, count, key)
        end
    end)

    it("lose none when the one that tells is killed", function()
        local first <close>, second, notes = two()
        local _second <close> = second
        local store <close> = assert(moonsnap.connect { address = second.address })
        for i = 1, 30 do
            assert(store:prepare("k" .. i))
        end
        first:kill()
        for i = 31, 60 do
            assert(store:prepare("k" .. i))
        end
        assert.equal(60, (noted(notes, 60)))
    end)
end)
