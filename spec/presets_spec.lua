--- Other tools' words, against what those tools' own pages say they do.
local facts = require "spec.support.facts"

local presets = require "moonsnap.gc.presets"
local rules = require "moonsnap.gc.rules"

local plan, kept, removed, reasons = facts.plan, facts.kept, facts.removed, facts.reasons

--- Plans snapshots called by their times; more is what each has besides.
local function of_times(times, list, more)
    local words = {}
    for i, time in ipairs(times) do
        local word = { time, made = time }
        for name, value in pairs(more or {}) do
            word[name] = value
        end
        words[i] = word
    end
    return assert(plan(words, list))
end

describe("every preset", function()
    it("makes rules that check finds nothing wrong with", function()
        for name, words in pairs {
            restic = { keep_last = 1, keep_daily = 7, keep_within_weekly = "1m", keep_tag = { "a,b", "c" } },
            snapper = { NUMBER_CLEANUP = "yes", TIMELINE_CLEANUP = "yes", SPACE_LIMIT = "0.5", FREE_LIMIT = "20 GiB" },
            sanoid = { hourly = 36, daily = 30, monthly = 3, yearly = 0, frequently = 4, hourly_warn = "90m",
                daily_crit = 32, prune_defer = 60 },
            btrbk = { preserve_min = "2d", preserve = "14d 4w 6m *y" },
            buildkit = { { filters = { "type==source.local" }, keepDuration = "48h", maxUsedSpace = "512MB" },
                { all = true, reservedSpace = "10%", maxUsedSpace = "80%", minFreeSpace = "20%" } },
        } do
            for _, rule in ipairs(presets[name](words)) do
                assert.same({ true }, { rules.check(rule) }, name)
            end
        end
        assert.is_true(rules.check(presets.containerd_marks()[1]))
    end)

    it("refuses words that hold nothing", function()
        assert.error_matches(function() presets.restic { keep_daily = 0 } end, "no policy was specified")
        assert.error_matches(function() presets.snapper {} end, "neither NUMBER_CLEANUP nor TIMELINE_CLEANUP")
        assert.error_matches(function() presets.sanoid {} end, "hourly, daily")
        assert.error_matches(function() presets.btrbk { preserve_min = "no" } end, "everything would go")
        assert.error_matches(function() presets.btrbk { preserve = "14 days" } end, "preserve '14 days'")
    end)
end)

describe("restic", function()
    --- doc/060_forget.rst: "Suppose you have only made one backup every Sunday for 12 weeks".
    local SUNDAYS = { "2019-09-01 11:00", "2019-09-08 11:00", "2019-09-15 11:00", "2019-09-22 11:00",
        "2019-09-29 11:00", "2019-10-06 11:00", "2019-10-13 11:00", "2019-10-20 11:00", "2019-10-27 11:00",
        "2019-11-03 11:00", "2019-11-10 11:00", "2019-11-17 11:00" }

    it("--keep-daily 4 keeps the last four Sundays, and removes the other 8 (its page's example)", function()
        local made = of_times(SUNDAYS, presets.restic { keep_daily = 4 })
        assert.same({ "2019-10-27 11:00", "2019-11-03 11:00", "2019-11-10 11:00", "2019-11-17 11:00" }, kept(made))
        assert.equal(8, #removed(made))
    end)

    it("--keep-daily 7 --keep-weekly 5 --keep-monthly 12 of a backup a day (its page's example)", function()
        local times = {}
        for day = 0, 3 * 365 do -- back from a Sunday
            times[#times + 1] = os.date("!%Y-%m-%d 12:00", facts.NOW // 1000000000 - 2 * 86400 - day * 86400)
        end
        local _, why = reasons(of_times(times, presets.restic { keep_daily = 7, keep_weekly = 5, keep_monthly = 12,
            keep_yearly = 75 }))
        local counts = {}
        for _, text in pairs(why) do
            local word = text:match("^%a+ly") or text:match("^%a+")
            counts[word] = (counts[word] or 0) + 1
        end
        -- "the most recent 7 daily snapshots and 4 last-day-of-the-week ones (since the 7 dailies already include 1
        -- weekly). Additionally, 12 or 11 last-day-of-the-month snapshots"
        assert.same({ 7, 4, 11 }, { counts.daily, counts.weekly, counts.monthly })
    end)

    it("keeps the oldest where a count is not used up, as 'oldest hourly snapshot'", function()
        local made = of_times({ "2019-09-01 11:00", "2019-09-01 12:00", "2019-09-01 13:00" },
            presets.restic { keep_yearly = 3 })
        assert.same({ "2019-09-01 11:00", "2019-09-01 13:00" }, kept(made))
    end)

    it("--keep-within counts back from the latest snapshot, m being months", function()
        assert.equal(2, #kept(of_times(SUNDAYS, presets.restic { keep_within = "8d" })))
        assert.equal(5, #kept(of_times(SUNDAYS, presets.restic { keep_within = "1m" })))
        -- a forum answer to "what would --keep-within-daily 4d keep": of two of one day the newer, within 4 days
        assert.same({ "2026-05-02 11:00", "2026-05-04 09:00", "2026-05-05 10:00" },
            kept(of_times({ "2026-05-01 08:00", "2026-05-02 08:00", "2026-05-02 11:00", "2026-05-04 09:00",
                "2026-05-05 10:00" }, presets.restic { keep_within_daily = "4d" })))
    end)

    it("--keep-tag keeps what has all of its tags", function()
        local words = { { "a", labels = { ["moonsnap/tags"] = "foo,bar" } },
            { "b", labels = { ["moonsnap/tags"] = "foo" } }, { "c" } }
        assert.same({ "a" }, kept(assert(plan(words, presets.restic { keep_tag = { "foo,bar" } }))))
        assert.same({ "a", "b" }, kept(assert(plan(words, presets.restic { keep_tag = { "foo", "bar" } }))))
    end)
end)

describe("snapper", function()
    local NUMBER = { labels = { cleanup = "number" } }

    local function days(count)
        local times = {}
        for day = 1, count do
            times[day] = ("2026-10-%02d"):format(day)
        end
        return times
    end

    it("NUMBER_LIMIT keeps the youngest, none younger than NUMBER_MIN_AGE goes", function()
        local five = presets.snapper { NUMBER_CLEANUP = "yes", NUMBER_LIMIT = "5" }
        assert.equal(5, #kept(of_times(days(20), five, NUMBER)))
        assert.equal(1, #removed(assert(plan({ { "young", age = "10m", labels = NUMBER.labels },
            { "old", age = "31m", labels = NUMBER.labels } },
            presets.snapper { NUMBER_CLEANUP = "yes", NUMBER_LIMIT = "0" }))))
    end)

    it("a range 2-10: more than 10 always go, more than 2 when space is needed", function()
        local words = presets.snapper { NUMBER_CLEANUP = "yes", NUMBER_LIMIT = "2-10", FREE_LIMIT = "0.2" }
        local list = {}
        for i, time in ipairs(days(20)) do
            list[i] = { time, made = time, labels = NUMBER.labels, size = 10 }
        end
        local function left(free)
            return #kept(assert(plan(list, words, { filesystem = { size = 1000, free = free } })))
        end
        assert.equal(10, left(300))
        assert.equal(7, left(70)) -- 70 + 100 of those beyond 10, 30 more are missing to 200
        assert.equal(2, left(0))
    end)

    it("important ones have a limit of their own beside the common one", function()
        local list = {}
        for i, time in ipairs(days(8)) do
            list[i] = { time, made = time, labels = { cleanup = "number", important = i <= 3 and "yes" or nil } }
        end
        assert.same({ "2026-10-02", "2026-10-03", "2026-10-07", "2026-10-08" },
            kept(assert(plan(list, presets.snapper { NUMBER_CLEANUP = "yes", NUMBER_LIMIT = "2",
                NUMBER_LIMIT_IMPORTANT = "2" }))))
    end)

    it("the timeline keeps the first of each hour, day, month and year", function()
        local made = of_times({ "2025-12-31 22:00", "2026-01-01 01:00", "2026-10-30 02:00", "2026-10-31 23:00",
            "2026-11-01 00:05", "2026-11-02 00:05", "2026-11-02 08:00", "2026-11-02 08:30", "2026-11-02 09:00" },
            presets.snapper { TIMELINE_CLEANUP = "yes", TIMELINE_LIMIT_HOURLY = "2", TIMELINE_LIMIT_DAILY = "2",
                TIMELINE_LIMIT_MONTHLY = "2", TIMELINE_LIMIT_YEARLY = "2" }, { labels = { cleanup = "timeline" } })
        assert.same({ "2025-12-31 22:00", "2026-01-01 01:00", "2026-10-30 02:00", "2026-11-01 00:05",
            "2026-11-02 00:05", "2026-11-02 08:00", "2026-11-02 09:00" }, kept(made))
    end)
end)

describe("sanoid", function()
    local function of_period(period, count, step)
        local list = {}
        for i = 1, count do
            list[i] = { period .. i, age = i * step, labels = { period = period } }
        end
        return list
    end

    --- sanoid.defaults.conf: "if daily = 90, we'll prune any dailies older than 90 days".
    it("prunes dailies older than 90 days, when daily = 90", function()
        local made = assert(plan(of_period("daily", 100, 86400), presets.sanoid { daily = 90 }))
        assert.equal(90, #kept(made))
    end)

    it("prunes only when there are more than that many, too", function()
        local made = assert(plan(of_period("daily", 10, 30 * 86400), presets.sanoid { daily = 90 }))
        assert.equal(10, #kept(made))
        made = assert(plan(of_period("hourly", 100, 60), presets.sanoid { hourly = 36 }))
        assert.equal(100, #kept(made)) -- more than 36, none older than 36 hours
    end)

    --- sanoid.defaults.conf: "If any snapshot type is set to 0, we will ... immediately prune any of those".
    it("prunes a type that is set to 0, and no other", function()
        local list = of_period("yearly", 3, 86400)
        list[4] = { "by hand", age = "900d" }
        assert.same({ "by hand" }, kept(assert(plan(list, presets.sanoid { yearly = 0 }))))
    end)

    it("defers while the file system has room", function()
        local words, list = presets.sanoid { daily = 2, prune_defer = 60 }, of_period("daily", 5, 86400)
        assert.equal(5, #kept(assert(plan(list, words, { filesystem = { size = 100, free = 50 } }))))
        assert.equal(2, #kept(assert(plan(list, words, { filesystem = { size = 100, free = 30 } }))))
    end)

    --- sanoid.defaults.conf: "hourly_warn = 90 means issue WARNING if most recent hourly snapshot is not less than 90
    --- minutes old, daily_crit = 36 means issue CRITICAL if ... 36 hours old".
    it("warns by age, in units of one period down", function()
        local list = { { "h", age = "91m", labels = { period = "hourly" } },
            { "d", age = "35h", labels = { period = "daily" } } }
        local made = assert(plan(list, presets.sanoid { hourly = 36, hourly_warn = 90, daily = 30, daily_crit = 36 }))
        assert.equal(1, #made.monitors)
        assert.equal("warn", made.monitors[1].level)
    end)
end)

describe("btrbk", function()
    --- btrbk.conf(5): daily is the first of a day (from preserve_hour_of_day on), weekly the first of a week (from
    --- preserve_day_of_week on), monthly the first weekly of a month, yearly the first monthly of a year.
    it("takes the first of a day, and the first weekly one of a month", function()
        local times = {}
        for day = 1, 24 do
            times[#times + 1] = ("2026-11-%02d 08:00"):format(day)
            times[#times + 1] = ("2026-11-%02d 20:00"):format(day)
        end
        for day = 20, 31 do
            times[#times + 1] = ("2026-10-%02d 08:00"):format(day)
        end
        local made = of_times(times, presets.btrbk { preserve_min = "latest", preserve = "2d 2w 1m" })
        -- the last 2 days and today; the Sundays of 2 weeks and of this; the first Sundays of this and last month
        assert.same({ "2026-10-20 08:00", "2026-11-01 08:00", "2026-11-08 08:00", "2026-11-15 08:00",
            "2026-11-22 08:00", "2026-11-23 08:00", "2026-11-24 08:00", "2026-11-24 20:00" }, kept(made))
    end)

    it("preserve_min keeps all of so many days, all, or the latest", function()
        local times = { "2026-11-24 10:00", "2026-11-24 09:00", "2026-11-22 00:30", "2026-11-22 00:10",
            "2026-11-21 23:59" }
        assert.equal(4, #kept(of_times(times, presets.btrbk { preserve_min = "2d" })))
        assert.equal(1, #kept(of_times(times, presets.btrbk { preserve_min = "latest" })))
        assert.equal(5, #kept(of_times(times, presets.btrbk {})))
    end)

    --- Called by their times: one every so many hours, for 400 days back from 2026-11-24, by a preset.
    local function every(hours, from, words)
        local times = {}
        for i = 0, 400 * 24 // hours do
            times[#times + 1] = os.date("!%Y-%m-%d %H:%M", facts.at(from) // 1000000000 - i * hours * 3600)
        end
        return kept(of_times(times, presets.btrbk(words)))
    end

    local MONTHLY = { "2025-10-20", "2025-11-02", "2025-12-07", "2026-01-04", "2026-02-01", "2026-03-01", "2026-04-05",
        "2026-05-03", "2026-06-07", "2026-07-05", "2026-08-02" }
    local WEEKLY = { "2026-09-06", "2026-09-13", "2026-09-20", "2026-09-27", "2026-10-04", "2026-10-11", "2026-10-18",
        "2026-10-25", "2026-11-01", "2026-11-08", "2026-11-15", "2026-11-22" }

    local function at_eight(...)
        local times = {}
        for _, days in ipairs { ... } do
            for _, day in ipairs(days) do
                times[#times + 1] = day .. " 08:00"
            end
        end
        return times
    end

    -- the examples of its README, with what btrbk 0.32.5 itself makes of them
    it("keeps the snapshots of 'laptop with usb-disk': 2 days all, 14 days one a day", function()
        local found = every(24, "2026-11-24 08:00", { snapshot_preserve_min = "2d", snapshot_preserve = "14d" })
        assert.same({ 15, "2026-11-10 08:00" }, { #found, found[1] })
    end)

    it("keeps its backups: 20 days, 10 weeks, months forever", function()
        local found = every(24, "2026-11-24 08:00", { target_preserve_min = "no", target_preserve = "20d 10w *m" })
        assert.equal(41, #found)
        for i = 1, 20 do
            assert.equal(at_eight(MONTHLY, WEEKLY)[i], found[i])
        end
    end)

    it("keeps the hours of 'local time-machine': 18 all, 48, then 20 days and 6 months", function()
        local found = every(1, "2026-11-24 12:00", { snapshot_preserve_min = "18h", snapshot_preserve = "48h 20d 6m" })
        assert.equal(75, #found)
        assert.same({ "2026-05-03 00:00", "2026-06-07 00:00" }, { found[1], found[2] })
    end)

    it("keeps the weeks and months alone of 'multiple instances': a 0 is none", function()
        assert.same(at_eight(MONTHLY, WEEKLY),
            every(24, "2026-11-24 08:00", { target_preserve_min = "no", target_preserve = "0d 10w *m" }))
    end)

    it("takes a week's first whatever its day, and for the month that the week begins in", function()
        assert.same(at_eight({ "2025-10-21", "2025-11-02", "2025-12-08", "2026-01-04", "2026-02-03", "2026-03-02",
            "2026-04-07", "2026-05-04", "2026-06-09", "2026-07-06", "2026-08-02", "2026-09-07", "2026-10-04",
            "2026-11-03", "2026-11-09", "2026-11-15", "2026-11-24" }),
            every(72, "2026-11-24 08:00", { target_preserve_min = "no", target_preserve = "2w *m" }))
    end)

    it("begins days at preserve_hour_of_day", function()
        assert.same({ "2026-11-23 05:00" }, kept(of_times({ "2026-11-23 05:00", "2026-11-24 03:00" },
            presets.btrbk { preserve_min = "no", preserve = "9d", preserve_hour_of_day = 4 })))
    end)
end)

describe("BuildKit", function()
    local GB = 1000 ^ 3 // 1

    --- docs.docker.com, build garbage collection: the policies that a 20 GB cache resolves to.
    local DEFAULTS = presets.buildkit {
        { reservedSpace = "2.764GB", keepDuration = "48h",
            filter = { "type=source.local", "type=exec.cachemount", "type=source.git.checkout" } },
        { reservedSpace = "20GB", keepDuration = "1440h" }, { reservedSpace = "20GB" },
        { reservedSpace = "20GB", all = true },
    }

    local function cache(words)
        for i, word in ipairs(words) do
            word.labels = { type = word.type or "regular" }
            words[i] = word
        end
        return words
    end

    it("takes what is easily made again first, if not used for 48 hours and there are more than 2.764 GB", function()
        local words = cache { { "context", type = "source.local", age = "3d", size = 2 * GB },
            { "fresh", type = "source.local", age = "1d", size = 1 * GB }, { "layer", age = "3d", size = 9 * GB } }
        assert.same({ "context" }, removed(assert(plan(words, DEFAULTS))))
        words[3].size = 0
        words[2].size = 0
        assert.same({}, removed(assert(plan(words, DEFAULTS))))
    end)

    it("takes what was not used for 60 days while there are more than 20 GB, then whatever is in the way", function()
        local words = cache { { "old", age = "70d", size = 5 * GB }, { "a", age = "9d", size = 8 * GB },
            { "b", age = "1d", size = 9 * GB } }
        assert.same({ "old" }, removed(assert(plan(words, DEFAULTS))))
        words[2].size, words[1].age = 12 * GB, "50d"
        assert.same({ "old", "a" }, removed(assert(plan(words, DEFAULTS))))
    end)

    it("leaves internal records to a policy with all", function()
        local words = cache { { "internal", type = "internal", age = "9d", size = 30 * GB } }
        assert.same({}, removed(assert(plan(words, presets.buildkit { { reservedSpace = "1GB" } }))))
        assert.same({ "internal" }, removed(assert(plan(words, DEFAULTS))))
    end)

    it("never goes below reservedSpace for minFreeSpace, and takes all without a bound", function()
        local words = cache { { "a", age = "9d", size = 4 * GB }, { "b", age = "8d", size = 4 * GB } }
        local disk = { filesystem = { size = 100 * GB, free = 1 * GB } }
        assert.same({ "a" }, removed(assert(plan(words, presets.buildkit { { minFreeSpace = "20GB",
            reservedSpace = "4GB" } }, disk))))
        assert.same({ "a", "b" }, removed(assert(plan(words, presets.buildkit { { keepDuration = "48h" } }))))
    end)
end)

describe("preset in a policy file", function()
    local moonsnap = require "moonsnap"
    local tree = require "spec.support.tree"
    local world = require "spec.support.world"

    local function retention(text)
        local home <close> = world.bare()
        tree.write(home.dir .. "/p.lua", text)
        local policy, err = moonsnap.load_policy { files = { { path = home.dir .. "/p.lua" } } }
        local names = {}
        for i, rule in ipairs(policy and policy.retention or {}) do
            names[i] = rule.name
        end
        return policy and names, err
    end

    it("adds its rules where it stands", function()
        assert.same({ "a", "buildkit-1", "buildkit-2", "z", "containerd-marks" }, retention [[retention {
            rule { "a", min_age = "1h" },
            preset.buildkit { { keepDuration = "48h", maxUsedSpace = "5GB" }, { all = true, maxUsedSpace = "9GB" } },
            rule { "z", min_age = "1h" }, preset.containerd_marks {} }]])
    end)

    it("is told where its words are wrong", function()
        local _, err = retention 'retention {\n preset.btrbk { preserve = "x" } }'
        assert.is_truthy(err.message:find("p.lua:2: btrbk: preserve 'x'", 1, true), err.message)
        _, err = retention 'retention { preset.restic { keep_daily = 7 }, x = 1 }'
        assert.is_truthy(err.message:find("there is no field 'x'", 1, true), err.message)
    end)
end)
