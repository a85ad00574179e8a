--- The planner's figures: `./run bench gc`. Each in a process of its own, so that its memory is its own.
---
---     lua5.4 bench/gc.lua plan|survey COUNT     prints seconds, and the kilobytes it held at most
local measure = require "bench.support.measure"
local moonsnap = require "moonsnap"

local COUNT = 100000
local SECOND = 1000000000

--- A store's worth of facts: builds in a hundred projects, chains of eight, a few actives.
local function facts_of(count)
    local now, list = moonsnap.sys.now(), {}
    local labels = {}
    for i = 0, 99 do
        labels[i] = { class = i % 2 == 0 and "cache" or "nightly", project = "p" .. i, ["moonsnap/cost"] = tostring(i) }
    end
    for i = 1, count do
        local depth = (i - 1) % 8 + 1
        list[i] = {
            name = "s" .. i, parent = depth > 1 and "s" .. i - 1 or "", kind = i % 16 == 0 and "active" or "committed",
            created = now - (count - i) * 300 * SECOND, updated = now, used = now - (i * 7919 % count) * 300 * SECOND,
            use_count = i * 31 % 17, number = i, labels = labels[i % 100], size = i * 7907 % 1000000, inodes = 10,
            depth = depth,
        }
    end
    return list, now
end

local RULES = {
    { name = "grace", min_age = "10m" },
    { name = "important", keep = { label = { important = "yes" } }, rest = "stay" },
    { name = "nightly", match = "labels.class==nightly", group_by = "project", min_age = "1h",
        keep = { last = 2, daily = 7, weekly = 4, monthly = 12 }, expire = { ttl = "400d" } },
    { name = "cache", match = "labels.class==cache", group_by = "project", keep = { last = 3 }, rest = "stay" },
    { name = "used", match = "labels.class==cache,kind==committed", keep = { used_within = "7d" },
        bounds = { max_used = "8GiB" }, order = "cheapest", hard = true },
    { name = "old", match = "age>2y", expire = { idle = "300d" } },
    { name = "scratch", match = "kind==active,labels.class==scratch", expire = { at_label = "moonsnap/expires" } },
    { name = "big", match = "size>900KiB", bounds = { max_count = 5000 }, order = "lfu" },
    { name = "names", match = "name~=^s[0-9]*7$", bounds = { max_inodes = 50000 }, order = "mixed" },
    { name = "room", bounds = { min_free = "10%" }, order = "lru" },
}

--- What this process held at most, in kilobytes.
local function peak()
    for line in io.lines("/proc/self/status") do
        local kilobytes = line:match("^VmHWM:%s*(%d+)")
        if kilobytes then
            return tonumber(kilobytes)
        end
    end
end

local PARTS = {}

--- Facts to a plan, ten rules.
function PARTS.plan(count)
    local plan = require("moonsnap.gc.plan").plan
    local list, now = facts_of(count)
    local made
    local took = measure.took(function()
        made = assert(plan(list, RULES, { namespace = "default", now = now, filter = moonsnap.filter,
            failure = moonsnap.error, filesystem = { size = 100 << 30, free = 9 << 30 } }))
    end)
    assert(#made.items == count and made.after.count < count and made.after.count > 0)
    return took
end

--- A store of so many views on one base.
local function many_views(root, count)
    local store = assert(moonsnap.open { root = root, durability = "metadata" })
    assert(store:prepare("k"))
    assert(store:commit("base", "k"))
    for first = 1, count, 1000 do
        assert(store:transaction(function()
            for i = first, math.min(first + 999, count) do
                assert(store:view("v" .. i, "base"))
            end
            return true
        end))
    end
    return store
end

--- Applying a plan, against removing the same in transactions of 200.
local function apply_rate()
    local REMOVED = 4000
    local home <close> = measure.scratch()
    local round = 0
    local function with(remove)
        return function()
            round = round + 1
            local store <close> = many_views(("%s/%d"):format(home.path, round), REMOVED)
            return remove(store)
        end
    end
    local found = measure.side_by_side(3, with(function(store)
        local gc = store:gc { { name = "views", match = "kind==view", expire = { ttl = 0 } } }
        local plan = assert(gc:plan())
        return measure.took(function() assert(gc:apply(plan.id, { force = true, later = true })) end)
    end), with(function(store)
        return measure.took(function()
            for first = 1, REMOVED, 200 do
                assert(store:transaction(function()
                    for i = first, first + 199 do
                        assert(store:remove("v" .. i, { later = true }))
                    end
                    return true
                end))
            end
        end)
    end))
    measure.report(("apply a plan of %d, against bare removes"):format(REMOVED),
        ("%.2f (%.0f a second)"):format(found.ratio, REMOVED / found.ours * 1e9), "<= 1.1", found.ratio <= 1.1)
end

local function alone(part, count)
    local pipe = assert(io.popen(("lua5.4 bench/gc.lua %s %d"):format(part, count)))
    local seconds, kilobytes = pipe:read("n", "n")
    assert(pipe:close() and seconds, part .. " failed")
    return seconds, kilobytes
end

if arg[1] and PARTS[arg[1]] then
    local took = PARTS[arg[1]](tonumber(arg[2]))
    print(took / 1e9, peak())
    return
end

local seconds, memory = {}, 0
for round = 1, 3 do
    local kilobytes
    seconds[round], kilobytes = alone("plan", COUNT)
    memory = math.max(memory, kilobytes)
end
local median = measure.median(seconds)
measure.report(("plan %d snapshots by %d rules"):format(COUNT, #RULES), ("%.2f s"):format(median), "<= 1 s",
    median <= 1)
measure.report("and the memory that it takes, the facts included", ("%.0f MB"):format(memory / 1024), "<= 200 MB",
    memory <= 200 * 1024)
apply_rate()
