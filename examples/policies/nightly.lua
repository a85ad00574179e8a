--- Nightly roots: a week of days, a month of weeks, a year of months, for each host; and a word when they stop coming.
---
---     moonsnap commit --label class=nightly --label host=alpha alpha-2026-11-24 work
---
--- What a month older than the newest still needs as a parent stays with it.

local days = option("days", { type = "integer", default = 7, min = 1, doc = "days that keep their newest" })

retention {
    rule {
        "nightly",
        match = "labels.class==nightly,kind==committed",
        group_by = "host",
        min_age = "1h",
        keep = { last = 2, daily = days, weekly = { min = 2, max = 4 }, monthly = 12, label = { important = "yes" } },
        expire = { ttl = "400d" },
        every = "1h",
        monitor = { newest_max_age = "26h", level = "warn" },
    },
    rule {
        "room",
        match = "labels.class==nightly,kind==committed",
        bounds = { min_free = "10%" },
        order = "oldest",
        on = { "pressure", "manual" },
    },
}
