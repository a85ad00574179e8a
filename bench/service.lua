--- The service's figures, beside containerd's own overlay snapshotter served by its own snapshotservice, in one
--- run: `./run bench service`, as root. Both have their roots on one ext4 of their own, in an image on this disk.
---
---     --quick  few rounds of little, to see that all works
---     --here   no image: in $TMPDIR, whatever file system that is
---     --peer   containerd's against itself, to see what the machine's noise is
local disks = require "bench.support.disks"
local figures = require "bench.support.figures"
local measure = require "bench.support.measure"
local server = require "bench.support.server"

local options = {}
for _, word in ipairs(arg) do
    options[word] = true
end
local quick = options["--quick"]

local ROUNDS = quick and 2 or 5
local SECONDS = quick and 0.3 or 1.5 -- of a read
local CALLERS = { 1, 16, 64 }
local ROWS, LAYERS, LABELS = 1000, 10, 2
local TOP = "layer-" .. LAYERS
local WRITES = quick and { [1] = 50, [16] = 500, [64] = 500 } or { [1] = 400, [16] = 2000, [64] = 3000 }
local WRITERS = 8
local GIGABYTES = 24 -- of the image; it is sparse
local LISTS = quick and { 500, 5000 } or { 500, 5000, 50000 }
local MANY = quick and 10000 or 100000

local RATE = { figure = "rate", title = "calls a second", more = true }
local CPU = { figure = "cpu", title = "CPU a call, µs" }
local CPU_INFO = { figure = "cpu_info", title = "CPU an info, µs" }
local P99 = { figure = "p99", title = "p99, µs" }
local RSS, PSS = { figure = "rss", title = "resident, MB" }, { figure = "pss", title = "proportional, MB" }

local next_key = 0

--- Numbers for count keys that no call had yet.
local function fresh(count)
    next_key = next_key + count
    return next_key - count
end

--- Both sides in turn, the first of them changing by round.
local function both(round, ours, other, fn)
    local results = {}
    for _, side in ipairs(round % 2 == 0 and { ours, other } or { other, ours }) do
        results[side] = fn(side)
    end
    return results[ours], results[other]
end

local function named(operation, callers)
    return ("%s, %d caller%s"):format(operation, callers, callers == 1 and "" or "s")
end

--- A chain of layers, and on it active rows with labels; more of them when called again.
local function fill(side, from, rows)
    if from == 0 then
        side:load("chain", 1, { calls = 2 * LAYERS, key = "layer" })
    end
    side:load("prepare", 64, { calls = rows - from, from = from, key = "row", parent = TOP, labels = LABELS })
end

local function reads(found, round, ours, other)
    for _, operation in ipairs { "stat", "mounts" } do
        for _, callers in ipairs(CALLERS) do
            found:add(named(operation, callers), { rate = 1.3, cpu = 3 },
                both(round, ours, other, function(side)
                    return side:load(operation, callers, { seconds = SECONDS, key = "row", rows = ROWS })
                end))
        end
    end
end

--- Prepares, commits and removes as many; the store is as before.
local function write(side, callers, from)
    local calls = WRITES[callers]
    return {
        prepare = side:load("prepare", callers,
            { calls = calls, from = from, key = "active", parent = TOP, labels = LABELS }),
        commit = side:load("commit", callers, { calls = calls, from = from, key = "active", name = "committed" }),
        remove = side:load("remove", callers, { calls = calls, from = from, key = "committed" }),
    }
end

local function writes(found, round, ours, other)
    for _, callers in ipairs(CALLERS) do
        local from = fresh(WRITES[callers])
        local a, b = both(round, ours, other, function(side)
            return write(side, callers, from)
        end)
        for _, operation in ipairs { "prepare", "commit", "remove" } do
            found:add(named(operation, callers), { rate = callers == 1 and 1 or 4 }, a[operation], b[operation])
        end
    end
end

--- One caller's stats while others write.
local function reads_among_writes(found, round, ours, other)
    local from = fresh(1000000)
    local a, b = both(round, ours, other, function(side)
        local written = side:begin("prepare", WRITERS,
            { seconds = SECONDS + 0.2, from = from, key = "active", parent = TOP, labels = LABELS })
        local stat = side:load("stat", 1, { seconds = SECONDS, key = "row", rows = ROWS })
        side:load("remove", 64, { calls = written().calls, from = from, key = "active" })
        return stat
    end)
    found:add(("stat, 1 caller, while %d write"):format(WRITERS), { p99 = 2 }, a, b)
end

local function memory(kept, what, ours, other)
    kept:add(what, { rss = 4 }, ours:memory(), other:memory())
end

--- All of a store of ROWS rows.
local function thousand_rows(found, kept, ours, other)
    for _, side in ipairs { ours, other } do
        side:start()
        fill(side, 0, ROWS)
        side:stop()
        side:start()
        side:load("stat", 1, { calls = 1, key = "row" })
    end
    memory(kept, "started", ours, other)
    for round = 1, ROUNDS do
        reads(found, round, ours, other)
        writes(found, round, ours, other)
        reads_among_writes(found, round, ours, other)
    end
    memory(kept, "after these calls", ours, other)
end

--- Answers how many rows there are then.
local function lists(found, ours, other)
    local rows = 0
    for _, count in ipairs(LISTS) do
        fill(ours, rows, count - LAYERS)
        fill(other, rows, count - LAYERS)
        rows = count - LAYERS
        for round = 1, ROUNDS do
            found:add(("list of %d"):format(count), { rate = 4 }, both(round, ours, other, function(side)
                local load = side:load("list", 1, { seconds = SECONDS })
                assert(load.infos == load.calls * count, "a List has not answered everything")
                load.cpu_info = load.cpu / count
                return load
            end))
        end
    end
    return rows
end

--- Whether the number of rows matters.
local function many_rows(found, rows, many, few)
    fill(many, rows, MANY)
    for round = 1, 2 * ROUNDS + 1 do
        found:add(("stat, 64 callers, %d rows / %d"):format(ROWS, MANY), { rate = 0.9 },
            both(round, many, few, function(side)
                return side:load("stat", 64, { seconds = SECONDS, key = "row", rows = side == many and MANY or ROWS })
            end))
    end
end

local function run()
    local home <close> = measure.scratch()
    local disk <close> = options["--here"] and { path = home.path } or disks.new(home.path, GIGABYTES)
    local make = options["--peer"] and server.peer or server.moonsnap
    local calls, listed = figures.new { RATE, CPU, P99 }, figures.new { RATE, CPU_INFO }
    local kept, grown = figures.new { RSS, PSS }, figures.new { RATE, CPU }
    local few <close> = make(disk.path, "few")
    do
        local other <close> = server.peer(disk.path, "other")
        thousand_rows(calls, kept, few, other)
    end
    print(("In a cell: containerd / moonsnap. Medians of %d rounds.\n"):format(ROUNDS))
    calls:print()
    local many <close> = make(disk.path, "many")
    do
        local other <close> = server.peer(disk.path, "more")
        local rows = lists(listed, many:start(), other:start())
        memory(kept, ("after lists of %d"):format(LISTS[#LISTS]), many, other)
        other:stop()
        listed:print()
        kept:print()
        many_rows(grown, rows, many, few)
    end
    grown:print()
end

run()
