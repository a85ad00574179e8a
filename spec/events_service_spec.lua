--- After-hooks behind a service: fed from the outbox of its store, whoever wrote to it, and across its end.
local moonsnap = require "moonsnap"
local service = require "spec.support.service"
local time = require "posix.time"
local tree = require "spec.support.tree"

local HOOKS = [[
hook { "note", on = "prepare", phase = "after",
    run = function(event) return append(%q, event.labels.n or event.key) end }
hook { "broken", on = "prepare", phase = "after", run = function() error("broken") end }
]]

--- A service with an automation that notes what is prepared; it has begun to.
local function noted()
    local served = service.new { mode = "direct" }
    served.notes_of = served.dir .. "/notes-of-hooks"
    tree.write(served.dir .. "/a.lua", HOOKS:format(served.notes_of), 384)
    served:configure(('automation("a.lua", { files = { %q } })'):format(served.notes_of))
    served:start()
    return served
end

local function lines_of(served)
    local lines = {}
    for line in tree.exists(served.notes_of) and io.lines(served.notes_of) or function() end do
        lines[#lines + 1] = line
    end
    return lines
end

--- Waits until done(lines) is true.
local function await(served, done)
    local lines
    for _ = 1, 2000 do
        lines = lines_of(served)
        if done(lines) then
            return lines
        end
        time.nanosleep { tv_sec = 0, tv_nsec = 10000000 }
    end
    error(("after 20 s: %d lines, the last %s"):format(#lines, tostring(lines[#lines])))
end

local function ends_with(key)
    return function(lines) return lines[#lines] == key end
end

describe("a hook of phase after, behind a service,", function()
    it("is told what its callers and other processes did, from the first on, in order and once", function()
        local served <close> = noted()
        local store <close> = assert(moonsnap.connect { address = served.address })
        local beside <close> = assert(moonsnap.open { root = served.root })
        local wanted = {}
        for number = 1, 20 do
            local by = number % 2 == 0 and store or beside
            wanted[number] = "n" .. number
            assert(by:prepare("k" .. number, nil, { labels = { n = wanted[number] } }))
        end
        assert.same(wanted, await(served, ends_with "n20"))
        served:await_log '"a hook is told again"' -- the broken one beside it
    end)

    it("is told all that happened before a kill, and while the service was away", function()
        local served <close> = noted()
        local store = assert(moonsnap.connect { address = served.address })
        for number = 1, 200 do
            assert(store:prepare("k" .. number))
        end
        served:kill()
        store:close()
        do
            local beside <close> = assert(moonsnap.open { root = served.root })
            assert(beside:prepare("k201"))
        end
        served:start()
        local seen, last = {}, 0
        for _, line in ipairs(await(served, ends_with "k201")) do
            local number = math.tointeger(tonumber(line:sub(2)))
            assert.is_true(number <= last + 1) -- one may come again, none is left out
            last, seen[number] = math.max(last, number), true
        end
        assert.equal(201, #seen)
    end)
end)
