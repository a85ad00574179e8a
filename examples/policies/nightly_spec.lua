--- One a night, so many nights; the clock stands at the last.
local function nights(t, host, count)
    for i = 1, count do
        t:layer(("%s-%03d"):format(host, i), nil, { labels = { class = "nightly", host = host }, size = "1GiB" })
        t:advance("1d")
    end
end

test("a week of days, of two hosts", { days = 7 }, function(t)
    nights(t, "alpha", 7)
    t:layer("beta-001", nil, { labels = { class = "nightly", host = "beta" } })
    t:advance("2h")
    t.equal({}, t:plan().removed)
end)

test("a year leaves days, weeks and months", function(t)
    t:disk { size = "1TiB", free = "500GiB" }
    nights(t, "alpha", 365)
    local kept = #t:plan().kept
    t.truthy(kept >= 7 + 10 and kept <= 7 + 4 + 13, "kept " .. kept)
    t.equal({}, t:plan().unmet)
end)

test("what is important stays, for 400 days", function(t)
    t:layer("first", nil, { labels = { class = "nightly", host = "alpha", important = "yes" } })
    t:advance("2d")
    nights(t, "alpha", 60)
    t.equal("kept", t:plan().why["first"])
    t:advance("340d")
    t.equal("expired", t:plan().why["first"])
end)

test("what others stand on stays", function(t)
    t:layer("ground", nil, { labels = { class = "nightly", host = "alpha" } })
    t:advance("90d")
    t:layer("on", "ground", { labels = { class = "nightly", host = "alpha" } })
    t:layer("next", "ground", { labels = { class = "nightly", host = "alpha" } })
    t:layer("last", "ground", { labels = { class = "nightly", host = "alpha" } })
    t:advance("2d")
    t.truthy(t:plan().why.ground == "needed" or t:plan().why.ground == "kept")
end)

test("nights that stop are told", function(t)
    nights(t, "alpha", 3)
    t.equal(0, #t:plan().monitors)
    t:advance("3d")
    t.equal("warn", t:plan().monitors[1].level)
end)

test("what others made is left alone", function(t)
    t:layer("other", nil, { labels = { class = "cache" } })
    t:advance("1000d")
    t.equal("no_rule", t:plan().why.other)
end)
