local function scratch(ttl, owner)
    return { labels = { class = "scratch", ttl = ttl }, owner = owner }
end

local JOB = 4711

test("scratch belongs to a process, or has its time", function(t)
    t:denied("invalid_argument", "--owner", t.store:prepare("a", nil, scratch()))
    t:allowed(t.store:prepare("a", nil, scratch(nil, JOB)))
    t:allowed(t.store:prepare("c", nil, scratch("1h")))
    t:allowed(t.store:prepare("b"))
end)

test("it ends with its process", function(t)
    t:allowed(t.store:prepare("a", nil, scratch(nil, JOB)))
    t:allowed(t.store:cleanup())
    t:allowed(t.store:stat("a"))
    t:exit(JOB)
    t:allowed(t.store:cleanup())
    t:denied("not_found", "a", t.store:stat("a"))
end)

test("it ends when its time is over", function(t)
    t:allowed(t.store:prepare("short", nil, scratch("1h")))
    t:allowed(t.store:prepare("long", nil, scratch("6h")))
    t:advance("2h")
    t.equal({ "short" }, t:plan().removed)
    t:advance("5h")
    t.equal({ "long", "short" }, t:plan().removed)
end)

test("it does not end below a job that lives", function(t)
    t:allowed(t.store:prepare("a", nil, scratch("1h", JOB)))
    t:advance("2h")
    t.equal("owned", t:plan().why.a)
    t:exit(JOB)
    t.equal({ "a" }, t:plan().removed)
end)

test("nobody gets more than two days", function(t)
    t:allowed(t.store:prepare("a", nil, scratch("30d")))
    t:advance("49h")
    t.equal({ "a" }, t:plan().removed)
end)

test("it is not committed", function(t)
    t:allowed(t.store:prepare("a", nil, scratch(nil, JOB)))
    t:denied("failed_precondition", "thrown away", t.store:commit("kept", "a"))
    t:allowed(t.store:prepare("b"))
    t:allowed(t.store:commit("c", "b"))
end)
