--- The small parts of the service, each by itself: tasks, timers, statuses, identifiers, wrappers.
local errors = require "moonsnap".error
local identifier = require "moonsnap.service.grpc.identifier"
local moonsnap = require "moonsnap"
local snapshotters = require "moonsnap.service.snapshotters"
local status = require "moonsnap.service.status"
local task = require "moonsnap.service.task"
local timers = require "moonsnap.service.timers"

describe("task", function()
    it("goes on with what resume got, later and at once", function()
        local tasks, got, later = task.new(), {}, nil
        tasks:spawn(function(a, b)
            got[1] = a .. b
            got[2] = task.await(function(resume) later = resume end)
            got[3] = select(2, task.await(function(resume) resume(nil, "at once") end))
        end, "x", "y")
        assert.same({ "xy" }, got)
        later("later")
        assert.same({ "xy", "later", "at once" }, got)
    end)

    it("uses a coroutine again once its function has ended", function()
        local tasks, threads = task.new(), {}
        for i = 1, 3 do
            tasks:spawn(function() threads[i] = coroutine.running() end)
        end
        assert.equal(threads[1], threads[2])
        assert.equal(threads[1], threads[3])
    end)

    it("raises what a function raises, at once and after a wait", function()
        local tasks, later = task.new(), nil
        assert.error_matches(function() tasks:spawn(function() error("first") end) end, "first")
        tasks:spawn(function()
            task.await(function(resume) later = resume end)
            error("second")
        end)
        assert.error_matches(function() later() end, "second")
    end)

    it("does nothing when it is resumed twice", function()
        local tasks, later, times = task.new(), nil, 0
        tasks:spawn(function()
            task.await(function(resume) later = resume end)
            times = times + 1
        end)
        later()
        later()
        assert.equal(1, times)
    end)
end)

describe("timers", function()
    local function at(now)
        local clock = { now = now }
        return timers.new(function() return clock.now end), clock
    end

    it("run what is due, once, and what is periodic again", function()
        local all, clock = at(100)
        local ran = {}
        all:after(1, function() ran[#ran + 1] = "once" end)
        all:every(2, function() ran[#ran + 1] = "again" end)
        assert.equal(1000, all:left())
        clock.now = 101
        all:run()
        clock.now = 102
        all:run()
        clock.now = 104
        all:run()
        assert.same({ "once", "again", "again" }, ran)
    end)

    it("do not run what was cancelled, and say -1 when there is none", function()
        local all, clock = at(0)
        local timer = all:after(1, function() error("ran") end)
        all:cancel(timer)
        clock.now = 5
        all:run()
        assert.equal(-1, all:left())
    end)
end)

describe("status", function()
    it("has a number for every kind that the engine knows, and no other", function()
        local kinds = {}
        for _, kind in ipairs(require("moonsnap.core").kinds()) do
            kinds[#kinds + 1] = kind
            assert.is_truthy(status.KINDS[kind], kind)
        end
        local count = 0
        for _ in pairs(status.KINDS) do
            count = count + 1
        end
        assert.equal(#kinds, count)
    end)

    it("ends a message with containerd's class, once", function()
        assert.same({ 5, "snapshot 'a': not found" }, { status.of(errors("not_found", "snapshot 'a'")) })
        assert.same({ 5, "snapshot 'a': not found" }, { status.of(errors("not_found", "snapshot 'a': not found")) })
    end)

    it("names each of its numbers", function()
        for kind, known in pairs(status.KINDS) do
            local name = status.CODES[known[1]]
            assert.is_truthy(name == kind:upper() or kind == "canceled" and name == "CANCELLED", kind)
        end
    end)
end)

describe("identifier.valid(text)", function()
    it("takes letters and digits with single dots, dashes and underscores between", function()
        for _, good in ipairs { "a", "k8s.io", "a-b_c.d", ("a"):rep(76), "0" } do
            assert.is_true(identifier.valid(good), good)
        end
        for _, bad in ipairs { "", "-a", "a-", "a..b", "a/b", "a b", ("a"):rep(77), "ä", "a\0b" } do
            assert.is_false(identifier.valid(bad), bad)
        end
    end)

    it("tells topics", function()
        for topic, good in pairs { ["/snapshot/prepare"] = true, ["/a"] = true, [""] = false, ["/"] = false,
            ["a/b"] = false, ["/a//b"] = false, ["/a/"] = false } do
            assert.equal(good, identifier.topic(topic), topic)
        end
    end)
end)

describe("snapshotters:around(methods)", function()
    --- A backend that tells what it was called with.
    local function backend(told)
        local object = { driver = "overlay", pages = function() end }
        function object.prepare(_, key) told[#told + 1] = "prepare " .. key return {} end
        function object.stat(_, key) told[#told + 1] = "stat " .. key return { name = key } end
        function object.namespace(_, name) told[#told + 1] = "namespace " .. name return object end
        return object
    end

    it("puts methods around those of every snapshotter, the last one outermost", function()
        local told = {}
        local inner = snapshotters.new { overlayfs = backend(told) }
        local outer = inner:around { prepare = function(into, key) return into:prepare(key .. "1") end }
            :around { prepare = function(into, key) return into:prepare(key .. "2") end }
        outer:find("overlayfs", "ns"):prepare("a")
        outer:find("overlayfs", "ns"):stat("b")
        inner:find("overlayfs", "ns"):prepare("c")
        assert.same({ "namespace ns", "prepare a21", "stat b", "namespace ns", "prepare c" }, told)
    end)

    it("has no pages when rows are shown otherwise", function()
        local service = snapshotters.new { overlayfs = backend {} }
        assert.is_function(service:find("overlayfs", "ns").pages)
        local other = service:around { stat = function(into, key) return into:stat(key) end }
        assert.is_false(other:find("overlayfs", "ns").pages)
    end)

    it("knows no other name", function()
        assert.is_nil(snapshotters.new({ overlayfs = backend {} }):find("native", "ns"))
    end)
end)

describe("filter:match_fields(fields)", function()
    it("matches whole paths, quoted or not", function()
        local filter = assert(moonsnap.filter { 'topic~=|^/snapshot/|,event.key==a', 'labels."a/b".c==d' })
        assert.is_true(filter:match_fields { topic = "/snapshot/prepare", ["event.key"] = "a" })
        assert.is_false(filter:match_fields { topic = "/snapshot/prepare", ["event.key"] = "b" })
        assert.is_true(filter:match_fields { ["labels.a/b.c"] = "d" })
        assert.is_true(assert(moonsnap.filter {}):match_fields {})
    end)

    it("raises for what are no strings", function()
        local filter = assert(moonsnap.filter { "a" })
        assert.error_matches(function() filter:match_fields { a = 1 } end, "must be strings")
        assert.error_matches(function() filter:match_fields { true } end, "must be strings")
    end)
end)
