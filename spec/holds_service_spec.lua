--- Pins, and leases with an end, behind a service: over Control, and what it refuses.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local service = require "spec.support.service"

local fails = expect.fails

local function connect(served, options)
    local with = { address = served.address }
    for name, value in pairs(options or {}) do
        with[name] = value
    end
    return assert(moonsnap.connect(with))
end

describe("pins behind a service", function()
    it("are added, listed and taken away, and hold against removal", function()
        local served <close> = service.start { mode = "direct" }
        local store <close> = connect(served)
        assert(store:prepare("a"))
        assert.is_true(store:pins():add("a", { reason = "mine", until_ = 4102444800000000000 }))
        local pins = assert(store:pins():list())
        assert.same({ 1, "a", "mine", 4102444800000000000 },
            { #pins, pins[1].key, pins[1].reason, pins[1].until_ })
        expect.fails_saying("failed_precondition", "pinned until 2100-01-01T00:00:00Z: mine", store:remove("a"))
        assert.is_true(store:pins():remove("a"))
        fails("not_found", store:pins():remove("a"))
        assert(store:remove("a"))
    end)

    it("are refused with words where an argument is wrong", function()
        local served <close> = service.start { mode = "direct" }
        local store <close> = connect(served)
        fails("not_found", store:pins():add("nobody"))
        fails("invalid_argument", store:ask("pin", {}))
        fails("invalid_argument", store:ask("pin", { key = "a", ["until"] = "tomorrow" }))
        fails("invalid_argument", store:ask("pin", { key = "a", forever = true }))
    end)

    it("hold against containerd's own call, with FAILED_PRECONDITION", function()
        local served <close> = service.start { mode = "proxy" }
        local store <close> = connect(served)
        assert(store:prepare("a"))
        local beside <close> = assert(moonsnap.open { root = served.root, namespace = "containerd" })
        assert(beside:pins():add("a", { reason = "kept" }))
        expect.fails_saying("failed_precondition", "kept", store:remove("a"))
    end)
end)

describe("leases with an end, behind a service", function()
    it("live as long as they are told, and are renewed", function()
        local served <close> = service.start { mode = "direct" }
        local store <close> = connect(served)
        local lease = assert(store:leases():create("l", { ttl = 60, labels = { a = "b" } }))
        assert.same({ "l", 60, "b" }, { lease.id, lease.ttl, lease.labels.a })
        assert.equal(7200, assert(store:leases():renew("l", 7200)).ttl)
        local all = assert(store:leases():list("id==l"))
        assert.same({ 1, 7200 }, { #all, all[1].ttl })
        fails("failed_precondition", store:leases():renew(assert(store:leases():create()).id))
    end)

    it("end with their process, and are reaped with what they held", function()
        local served <close> = service.start { mode = "direct", config = 'disable "io.moonsnap.gc.v1.reaper"' }
        local store <close> = connect(served)
        local child = process.start { "sleep", "1000" }
        assert(store:leases():create("job", { pid = child.pid }))
        assert(store:prepare("scratch", nil, { lease = "job" }))
        assert.same({}, store:leases():expired())
        child:kill()
        child:finish()
        local ended = assert(store:leases():expired())
        assert.same({ 1, "job", "dead" }, { #ended, ended[1].id, ended[1].ended })
        local reaped = assert(store:leases():reap())
        assert.same({ "job", "scratch" }, { reaped.leases[1], reaped.removed[1] })
        fails("not_found", store:stat("scratch"))
    end)
end)

--- Waits until fn answers something.
local function eventually(fn)
    local from = moonsnap.sys.steady()
    repeat
        local value = fn()
        if value then
            return value
        end
        require("posix.time").nanosleep({ tv_sec = 0, tv_nsec = 20000000 })
    until moonsnap.sys.steady() - from > 30
    error("it never came")
end

local REAPER = 'plugin "io.moonsnap.gc.v1.reaper" { every = %s }'

describe("a service", function()
    it("reaps what a process held when it ends, long before the clock says so", function()
        local served <close> = service.start { mode = "direct", config = REAPER:format("3600") }
        local store <close> = connect(served)
        local child = process.start { "sleep", "1000" }
        assert(store:leases():create("job", { pid = child.pid }))
        assert(store:prepare("scratch", nil, { lease = "job" }))
        assert(store:prepare("mine"))
        child:kill()
        eventually(function() return select(2, store:stat("scratch")) end)
        child:finish()
        assert.same({}, store:leases():list())
        assert(store:stat("mine"))
    end)

    it("reaps by the clock what a time to live held, in every namespace", function()
        local served <close> = service.start { mode = "direct", config = REAPER:format("0.2") }
        local store <close> = connect(served, { namespace = "elsewhere" })
        assert(store:leases():create("old", { labels = { ["containerd.io/gc.expire"] = "2020-01-01T00:00:00Z" } }))
        eventually(function() return #assert(store:leases():list()) == 0 end)
    end)
end)

describe("a namespace that is containerd's", function()
    it("is left alone by a service of mode direct on the same root", function()
        local served <close> = service.start { mode = "direct", config = REAPER:format("0.2") }
        local ours <close> = connect(served, { namespace = "ours" })
        local theirs <close> = assert(moonsnap.open { root = served.root, namespace = "theirs" })
        assert(theirs.engine:set_tenant("theirs", "containerd"))
        local over = { labels = { ["containerd.io/gc.expire"] = "2020-01-01T00:00:00Z" } }
        assert(theirs:leases():create("old", over))
        assert(ours:leases():create("old", over))
        eventually(function() return #assert(ours:leases():list()) == 0 end)
        assert.equal(1, #assert(theirs:leases():list()))
    end)
end)

describe("a proxy endpoint", function()
    it("marks its namespace as containerd's", function()
        local served <close> = service.start { mode = "proxy" }
        local store <close> = assert(moonsnap.open { root = served.root })
        assert.same({ "containerd", false }, { store.engine:tenant("containerd"), store.engine:tenant("default") })
    end)
end)
