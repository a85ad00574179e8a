local BLUE = { labels = { tenant = "blue" } }

test("a name begins with its tenant", function(t)
    t:allowed(t.store:prepare("blue/a", nil, BLUE))
    t:denied("invalid_argument", "blue/NAME", t.store:prepare("a", nil, BLUE))
    t:denied("invalid_argument", "blue/NAME", t.store:prepare("red/a", nil, BLUE))
    t:denied("invalid_argument", "blue/NAME", t.store:view("blue/a b", nil, BLUE))
end)

test("a snapshot says whose it is", function(t)
    t:denied("invalid_argument", "tenant", t.store:prepare("blue/a"))
    t:denied("invalid_argument", "tenant", t.store:prepare("Blue/a", nil, { labels = { tenant = "Blue" } }))
end)

test("a tenant has so many snapshots, and others theirs", { snapshots = 2 }, function(t)
    t:allowed(t.store:prepare("blue/a", nil, BLUE))
    t:allowed(t.store:prepare("blue/b", nil, BLUE))
    t:denied("resource_exhausted", "its 2 snapshots", t.store:prepare("blue/c", nil, BLUE))
    t:allowed(t.store:prepare("red/a", nil, { labels = { tenant = "red" } }))
    t:allowed(t.store:remove("blue/a"))
    t:allowed(t.store:prepare("blue/c", nil, BLUE))
end)

test("a tenant has so many bytes", { bytes = "1GiB" }, function(t)
    t:allowed(t.store:import("blue/a", "/tree", BLUE))
    t:usage("blue/a", "1GiB")
    t:denied("resource_exhausted", "bytes", t.store:prepare("blue/b", nil, BLUE))
    t:allowed(t.store:prepare("red/b", nil, { labels = { tenant = "red" } }))
end)

test("of a quota that is full a commit can still come", { snapshots = 1 }, function(t)
    t:allowed(t.store:prepare("blue/a", nil, BLUE))
    t:allowed(t.store:commit("blue/b", "blue/a", BLUE))
end)

test("a snapshot stays its tenant's", function(t)
    t:allowed(t.store:prepare("blue/a", nil, BLUE))
    t:denied("permission_denied", "stays", t.store:update({ name = "blue/a", labels = {} }, { "labels.tenant" }))
    t:denied("permission_denied", "stays", t.store:update({ name = "blue/a", labels = { tenant = "red" } }))
    t:allowed(t.store:update({ name = "blue/a", labels = { note = "x" } }, { "labels.note" }))
    local red = { labels = { tenant = "red" } }
    t:denied("permission_denied", "is tenant 'blue''s", t.store:commit("red/a", "blue/a", red))
end)
