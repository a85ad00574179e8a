--- Calendar buckets, windows, tags: what a keep holds.
local buckets = require "moonsnap.gc.buckets"
local facts = require "spec.support.facts"

local plan, kept, reasons = facts.plan, facts.kept, facts.reasons

--- What a keep holds of snapshots that are called by the time at which they were made.
local function holds(times, keep)
    local words = {}
    for i, time in ipairs(times) do
        words[i] = { time, made = time }
    end
    return kept(assert(plan(words, { { name = "n", keep = keep } })))
end

describe("buckets", function()
    it("agree with the system's calendar", function()
        local seed = require "spec.support.seed"
        math.randomseed(seed)
        local found = buckets.new()
        for _ = 1, 20000 do
            local second = math.random(-2 ^ 33 // 1, 2 ^ 35 // 1)
            local date = os.date("!*t", second)
            local note = ("second %d, MOONSNAP_SEED=%d"):format(second, seed)
            assert.equal(date.year, found.yearly(second), note)
            assert.equal(date.year * 12 + date.month - 1, found.monthly(second), note)
            assert.equal(date.year * 4 + (date.month - 1) // 3, found.quarterly(second), note)
        end
    end)

    it("begin weeks on Monday, as ISO 8601 has it, or on another day", function()
        local monday = facts.at("2026-11-23") // 1000000000
        local iso, sunday = buckets.new().weekly, buckets.new({ week_starts = "sunday" }).weekly
        assert.equal(iso(monday) - 1, iso(monday - 1))
        assert.equal(iso(monday), iso(monday + 7 * 86400 - 1))
        assert.equal(sunday(monday), sunday(monday - 1))
        assert.equal(sunday(monday) - 1, sunday(monday - 86401))
    end)

    it("know zones by their distance from UTC", function()
        assert.same({ 0, 7200, -19800 }, { buckets.offset("UTC"), buckets.offset("+02:00"), buckets.offset("-0530") })
        assert.is_nil(buckets.offset("Europe/Berlin"))
    end)
end)

describe("keep", function()
    it("daily takes the newest of each of the newest days that have any", function()
        assert.same({ "2026-11-20 10:00", "2026-11-23 23:59", "2026-11-24 09:00" },
            holds({ "2026-11-24 09:00", "2026-11-24 08:00", "2026-11-23 23:59", "2026-11-23 00:00", "2026-11-20 10:00",
                "2026-11-19 10:00" }, { daily = 3 }))
    end)

    it("takes the first of each with choose = oldest", function()
        assert.same({ "2026-11-23 00:00", "2026-11-24 08:00" },
            holds({ "2026-11-24 09:00", "2026-11-24 08:00", "2026-11-23 23:59", "2026-11-23 00:00" },
                { daily = 2, choose = "oldest" }))
    end)

    it("reads days in the zone, and from the hour, that it is told", function()
        local times = { "2026-11-24 01:00", "2026-11-23 23:30", "2026-11-23 20:00" }
        assert.same({ "2026-11-23 23:30", "2026-11-24 01:00" }, holds(times, { daily = 9 }))
        assert.same({ "2026-11-23 20:00", "2026-11-24 01:00" }, holds(times, { daily = 9, zone = "+02:00" }))
        assert.same({ "2026-11-24 01:00" }, holds(times, { daily = 9, day_starts = "4h" }))
    end)

    it("holds by each word, one snapshot in several buckets", function()
        assert.same({ "2025-12-31 10:00", "2026-10-31 10:00", "2026-11-23 10:00", "2026-11-24 10:00" },
            holds({ "2026-11-24 10:00", "2026-11-23 10:00", "2026-10-31 10:00", "2026-10-30 10:00", "2025-12-31 10:00",
                "2025-12-30 10:00" }, { daily = 2, monthly = 2, yearly = 2 }))
    end)

    it("counts hours, quarters and any interval", function()
        local times = { "2026-11-24 10:50", "2026-11-24 10:20", "2026-11-24 10:05", "2026-11-24 09:59", "2026-07-01",
            "2026-06-30" }
        assert.same({ "2026-11-24 09:59", "2026-11-24 10:50" }, holds(times, { hourly = 2 }))
        assert.same({ "2026-07-01", "2026-11-24 10:50" }, holds(times, { quarterly = 2 }))
        assert.same({ "2026-11-24 10:05", "2026-11-24 10:20", "2026-11-24 10:50" },
            holds(times, { frequently = { every = "15m", n = 3 } }))
    end)

    it("knows windows: by time, by buckets back from now, from the newest", function()
        local times = { "2026-11-22 10:00", "2026-11-21 10:00", "2026-11-21 09:00", "2026-11-19 10:00" }
        assert.same({ "2026-11-21 10:00", "2026-11-22 10:00" }, holds(times, { daily = { within = "4d" } }))
        assert.same({ "2026-11-21 10:00", "2026-11-22 10:00" }, holds(times, { daily = { span = 3 } }))
        assert.same({ "2026-11-22 10:00" }, holds(times, { within = "3d" }))
        assert.same({ "2026-11-21 09:00", "2026-11-21 10:00", "2026-11-22 10:00" },
            holds(times, { within = "2d", from = "newest" }))
    end)

    it("all keeps one of each bucket, however many", function()
        assert.same({ "2024-01-01", "2025-01-01", "2026-01-01" },
            holds({ "2026-01-01", "2025-01-01", "2024-01-01" }, { yearly = "all" }))
    end)

    it("keeps who carries a tag or a label", function()
        local made = assert(plan({ { "a", labels = { ["moonsnap/tags"] = "v1,release" } },
            { "b", labels = { ["moonsnap/tags"] = "nightly" } }, { "c", labels = { base = "stable" } }, { "d" } },
            { { name = "n", keep = { tagged = { "v*" }, label = { base = "*" } } } }))
        assert.same({ "a", "c" }, kept(made))
        local _, texts = reasons(made)
        assert.equal("tagged v1 (rule n)", texts.a)
    end)

    it("keeps who was used within the window, though it is old", function()
        local made = assert(plan({ { "a", age = "90d", idle = "2d" }, { "b", age = "90d" } },
            { { name = "n", keep = { used_within = "7d" } } }))
        assert.same({ "a" }, kept(made))
    end)
end)
