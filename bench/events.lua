--- How fast a reader who is 100,000 events behind catches up: `./run bench events`. Events of views with two labels,
--- as the engine wrote them; in-process, and over the socket of a service that runs beside.
local measure = require "bench.support.measure"
local moonsnap = require "moonsnap"
local server = require "bench.support.server"

local COUNT, ROUNDS, WANTED = 100000, 5, 50000

local function fill(store)
    assert(store:prepare("making"))
    assert(store:commit("base", "making"))
    local since = assert(store:cursor())
    for first = 1, COUNT, 1000 do
        assert(store:transaction(function()
            for i = first, first + 999 do
                assert(store:view("view-" .. i, "base", { labels = { number = tostring(i), project = "demo" } }))
            end
            return true
        end))
    end
    return since
end

--- The median of some rounds of read, which answers how many events it saw.
local function report(what, read)
    local took = {}
    for round = 1, ROUNDS do
        took[round] = measure.took(function() assert(read() == COUNT) end)
    end
    local rate = COUNT / (measure.median(took) / 1e9)
    measure.report(what, ("%.0f events/s"):format(rate), (">= %d"):format(WANTED), rate >= WANTED)
end

local function count_of(iterator)
    local count = 0
    for _ in iterator do
        count = count + 1
    end
    return count
end

local function lines_of(words)
    return measure.number(("bin/moonsnap %s watch --once --json --since %s | wc -l"):format(words[1], words[2]))
end

local home <close> = measure.scratch()
local served <close> = server.moonsnap(home.path, "store")
table.move({ "--mode", "direct" }, 1, 2, #served.argv + 1, served.argv)
local root = served.root
local since
do
    local store <close> = assert(moonsnap.open { root = root })
    since = fill(store)
    report("store:events(), in-process", function() return count_of(assert(store:events { since = since })) end)
    report("the same by a filter that all match", function()
        return count_of(assert(store:events { since = since, filter = "labels.project==demo" }))
    end)
    report("moonsnap watch --json, in-process, its start included", function()
        return lines_of { "--root " .. root, since }
    end)
end
served:start()
local store <close> = assert(moonsnap.connect { address = served.address })
report("store:events(), over the socket", function() return count_of(assert(store:events { since = since })) end)
report("moonsnap watch --json, over the socket, its start included", function()
    return lines_of { "--address " .. served.address, since }
end)
