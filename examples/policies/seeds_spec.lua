local REF = "containerd.io/snapshot.ref"

local function seed(t, name, parent)
    t:as({ uid = 0, door = "command" }, t.layer, t, name, parent, { labels = { seed = "yes", [REF] = name } })
end

local function asked(t, ref, parent)
    return t.store:prepare("extract-1 " .. ref, parent, { labels = { [REF] = ref } })
end

test("a layer that is there is not made again", function(t)
    seed(t, "sha256:a")
    seed(t, "sha256:b", "sha256:a")
    t:as { uid = 0, door = "service" }
    t:denied("already_exists", "sha256:a", asked(t, "sha256:a"))
    t:denied("already_exists", "sha256:b", asked(t, "sha256:b", "sha256:a"))
end)

test("one that is not there, or stands elsewhere, is made", function(t)
    seed(t, "sha256:a")
    seed(t, "sha256:b", "sha256:a")
    t:as { uid = 0, door = "service" }
    t:allowed(asked(t, "sha256:c"))
    t:allowed(asked(t, "sha256:b"))
end)

test("a seed is not removed, and only the command lets go of it", function(t)
    seed(t, "sha256:a")
    t:as { uid = 0, door = "service" }
    t:denied("failed_precondition", "seed", t.store:remove("sha256:a"))
    t:denied("permission_denied", "seed", t.store:update({ name = "sha256:a", labels = {} }, { "labels.seed" }))
    t:as { uid = 0, door = "command" }
    t:allowed(t.store:update({ name = "sha256:a", labels = {} }, { "labels.seed" }))
    t:allowed(t.store:remove("sha256:a"))
end)

test("nobody plants one through the service", function(t)
    t:as { uid = 0, door = "service" }
    t:denied("permission_denied", "seed", t.store:prepare("a", nil, { labels = { seed = "yes" } }))
end)
