--- Scratch space for jobs: gone with the job's process, or when its time is over.
---
---     moonsnap prepare --label class=scratch --label ttl=2h --owner $$ job-17 base
---
--- A snapshot of class scratch belongs to a process. When that has ended, cleanup removes it, even if the job was
--- killed; a ttl (six hours where none is given, two days at most) ends it before.

local normal = option("ttl", { type = "duration", default = "6h", doc = "where a job gives none" })
local longest = option("longest", { type = "duration", default = "2d", doc = "that a job may ask for" })

local SCRATCH = "labels.class==scratch"

labels {
    label.expire { "ttl", match = SCRATCH, default = normal, max = longest },
}

hook {
    "owned",
    on = "prepare",
    phase = "validate",
    match = SCRATCH,
    run = function(request)
        if not request.owner then
            return deny("invalid_argument", "scratch belongs to a process: say whose (--owner $$)")
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
