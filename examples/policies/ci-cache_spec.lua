local function built(t, name, project, cost, size)
    t:layer(name, nil, { labels = { class = "cache", project = project, ["moonsnap/cost"] = cost }, size = size })
    t:advance("1h")
end

test("a layer of the cache says which project it is of", function(t)
    t:denied("invalid_argument", "project", t.store:import("a", "/tree", { labels = { class = "cache" } }))
    t:allowed(t.store:import("b", "/tree", { labels = { class = "other" } }))
end)

test("a cost that nobody gave is a minute, a wild one a day", function(t)
    t:layer("a", nil, { labels = { class = "cache", project = "web" } })
    t:layer("b", nil, { labels = { class = "cache", project = "web", ["moonsnap/cost"] = "99999999" } })
    t.equal("60", t.store:stat("a").labels["moonsnap/cost"])
    t.equal("86400", t.store:stat("b").labels["moonsnap/cost"])
end)

test("below the ceiling nothing goes", { ceiling = "10GiB" }, function(t)
    for i = 1, 5 do
        built(t, "a" .. i, "web", "100", "1GiB")
    end
    t:advance("30d")
    t.equal({}, t:plan().removed)
end)

test("above it the cheapest go first, and only what is needed", { ceiling = "10GiB" }, function(t)
    built(t, "cheap", "web", "10", "4GiB")
    built(t, "dear", "web", "9000", "4GiB")
    built(t, "middle", "web", "600", "4GiB")
    for i = 1, 3 do
        built(t, "new" .. i, "web", "1", "1GiB")
    end
    t:advance("30d")
    t.equal({ "cheap", "middle" }, t:plan().removed)
end)

test("the newest three of a project stay even above it", { ceiling = "1GiB" }, function(t)
    for i = 1, 4 do
        built(t, "web" .. i, "web", "10", "2GiB")
        built(t, "api" .. i, "api", "10", "2GiB")
    end
    t:advance("30d")
    local plan = t:plan()
    t.equal({ "api1", "web1" }, plan.removed)
    t.truthy(plan.unmet[1], "a ceiling that cannot be met is not told")
end)

test("what a kept one stands on stays", { ceiling = "1GiB" }, function(t)
    built(t, "ground", "web", "1", "5GiB")
    for i = 1, 3 do
        t:layer("on" .. i, "ground", { labels = { class = "cache", project = "web" }, size = "1KiB" })
        t:advance("1h")
    end
    t:advance("30d")
    local plan = t:plan()
    t.equal({}, plan.removed)
    t.equal("needed", plan.why.ground)
end)

test("how many of a project stay may be said", { ceiling = "1GiB", last = 1 }, function(t)
    for i = 1, 3 do
        built(t, "web" .. i, "web", "10", "2GiB")
    end
    t:advance("30d")
    t.equal({ "web1", "web2" }, t:plan().removed)
end)
