local function base(t, name)
    t:allowed(t.store:import(name, "/rootfs", { labels = { base = "stable" } }))
end

test("a base image is not removed before somebody lets go of it", function(t)
    base(t, "base/debian")
    t:denied("failed_precondition", "base", t.store:remove("base/debian"))
    t:allowed(t.store:update({ name = "base/debian", labels = {} }, { "labels.base" }))
    t:allowed(t.store:remove("base/debian"))
end)

test("only root makes, changes or frees one", function(t)
    base(t, "base/debian")
    t:as { uid = 1000 }
    t:denied("permission_denied", "base", t.store:import("base/own", "/tree", { labels = { base = "stable" } }))
    t:denied("permission_denied", "base", t.store:update({ name = "base/debian", labels = {} }, { "labels.base" }))
    t:denied("permission_denied", "base",
        t.store:update({ name = "base/debian", labels = { base = "testing" } }, { "labels.base" }))
    t:allowed(t.store:update({ name = "base/debian", labels = { note = "mine" } }, { "labels.note" }))
end)

test("below base/ it says which it is", function(t)
    t:denied("invalid_argument", "base", t.store:import("base/debian", "/rootfs"))
    t:denied("invalid_argument", "base", t.store:import("base/debian", "/rootfs", { labels = { base = "odd" } }))
    t:allowed(t.store:import("tools", "/tree"))
end)

test("no collection takes one", function(t)
    base(t, "base/debian")
    t:advance("1000d")
    t.equal({}, t:plan().removed)
    t.equal("kept", t:plan().why["base/debian"])
end)

test("production stands on bases", function(t)
    local production = t.store:namespace("production")
    t:allowed(production:import("base/debian", "/rootfs", { labels = { base = "stable" } }))
    t:allowed(production:import("app", "/tree", { parent = "base/debian" }))
    t:allowed(production:import("stray", "/tree"))
    t:allowed(production:prepare("one", "app"))
    t:denied("permission_denied", "base images only", production:prepare("two", "stray"))
    t:denied("permission_denied", "base images only", production:view("three"))
    t:allowed(t.store:prepare("elsewhere"))
end)
