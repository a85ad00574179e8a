--- Scratch space for jobs: gone with the job's process, or when its time is over.
---
---     moonsnap prepare --label class=scratch --owner $$ job-17 base       as long as this process
---     moonsnap prepare --label class=scratch --label ttl=2h job-18 base   two hours
---
--- A snapshot of class scratch belongs to a process or has a ttl. When the process has ended, cleanup removes it, even
--- if the job was killed; while it lives, nothing does. What no living process owns goes when its time is over: the
--- ttl, two days at most.

local normal = option("ttl", { type = "duration", default = "6h", doc = "of what is owned and says none" })
local longest = option("longest", { type = "duration", default = "2d", doc = "that a job may ask for" })

local SCRATCH = "labels.class==scratch"

labels {
    label.expire { "ttl", match = SCRATCH, default = normal, max = longest },
}

hook {
    "ends",
    on = "prepare",
    phase = "validate",
    match = SCRATCH,
    run = function(request)
        if not request.owner and not request.labels.ttl then
            return deny("invalid_argument", "scratch ends: say with which process (--owner $$), or when (ttl=2h)")
        end
    end,
}

hook {
    "thrown-away",
    on = "commit",
    phase = "validate",
    run = function(request)
        if request.current.labels.class == "scratch" then
            return deny("failed_precondition", "scratch is thrown away, not committed")
        end
    end,
}

retention {
    rule {
        "scratch",
        match = SCRATCH .. ",kind==active",
        expire = { at_label = "moonsnap/expires" },
        every = "1m",
    },
}
