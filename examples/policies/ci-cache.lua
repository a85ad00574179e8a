--- A build cache below a ceiling: what is cheapest to build again, for each byte it frees, goes first.
---
---     moonsnap commit --label class=cache --label project=web --label moonsnap/cost=340 web-1f3a work
---
--- moonsnap/cost is what building it took, in seconds. The newest three of a project always stay, and what was used
--- within a week stays as long as the ceiling allows.

local ceiling = option("ceiling", { type = "size", default = "40GiB", doc = "what the cache may hold" })
local last = option("last", { type = "integer", default = 3, min = 1, doc = "of a project that stay" })
local young = option("min_age", { type = "duration", default = "10m", doc = "nothing younger goes" })
local unknown = option("unknown_cost", { type = "integer", default = 60, min = 0, doc = "seconds" })

local CACHE = "labels.class==cache"

labels {
    label.require { "project", verbs = { "commit", "import" }, match = CACHE, pattern = "^[a-z][a-z0-9-]*$" },
    label.default { "moonsnap/cost", tostring(unknown), verbs = { "commit", "import" }, match = CACHE },
    label.bound { "moonsnap/cost", match = CACHE, type = "number", min = 0, max = 86400, on = "clamp" },
}

retention {
    rule {
        "ci-cache",
        match = CACHE .. ",kind==committed",
        group_by = "project",
        min_age = young,
        keep = { last = last },
        rest = "stay", -- what is older goes below the ceiling only
    },
    rule {
        "ceiling",
        match = CACHE .. ",kind==committed",
        keep = { used_within = "7d" },
        min_age = young,
        bounds = { max_used = ceiling },
        order = "cheapest",
        hard = true,
        every = "15m",
    },
}
