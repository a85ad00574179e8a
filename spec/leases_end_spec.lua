--- How leases end: by their time, with a process, by hand; and what goes then.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local posix_wait = require "posix.sys.wait"
local unistd = require "posix.unistd"
local signal = require "posix.signal"
local world = require "spec.support.world"

local fails, saying = expect.fails, expect.fails_saying
local EXPIRE = "containerd.io/gc.expire"

--- A child that does nothing until it is ended.
local function child()
    local pid = assert(unistd.fork())
    if pid == 0 then
        unistd.execp("sleep", { "1000" })
        unistd._exit(1)
    end
    return pid
end

local function finish(pid)
    signal.kill(pid, signal.SIGKILL)
    posix_wait.wait(pid)
end

local function committed(store, name, parent, lease)
    assert(store:prepare("make " .. name, parent, { lease = lease }))
    assert(store:commit(name, "make " .. name, { lease = lease }))
end

local function names(store)
    return expect.names(store:walk())
end

describe("leases:create(id, {ttl=})", function()
    it("ends so many seconds from now, as containerd writes it", function()
        local home <close> = world.new()
        local before = os.time()
        local lease = assert(home.store:leases():create("l", { ttl = 3600, labels = { a = "b" } }))
        assert.same({ 3600, "b" }, { lease.ttl, lease.labels.a })
        local from, to = os.date("!%Y-%m-%dT%H:%M:%SZ", before + 3600), os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + 3600)
        assert.is_true(from <= lease.labels[EXPIRE] and lease.labels[EXPIRE] <= to, lease.labels[EXPIRE])
        assert.is_nil(lease.ended)
    end)

    it("refuses a time that is none", function()
        local home <close> = world.new()
        local leases = home.store:leases()
        fails("invalid_argument", leases:create("l", { ttl = -1 }))
        fails("invalid_argument", leases:create("l", { ttl = math.maxinteger }))
        assert.has_error(function() leases:create("l", { ttl = "6h" }) end)
        assert.same({}, leases:list())
    end)
end)

describe("leases:renew(id)", function()
    it("lets it live as long again, or for another time", function()
        local home <close> = world.new()
        local leases = home.store:leases()
        assert(leases:create("l", { ttl = 60 }))
        local renewed = assert(leases:renew("l", 86400))
        assert.equal(86400, renewed.ttl)
        assert.is_true(renewed.labels[EXPIRE] > os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + 80000))
        assert.same({ renewed }, leases:list())
        assert.equal(86400, assert(leases:renew("l")).ttl)
    end)

    it("gives a time to one that had none, when it is said", function()
        local home <close> = world.new()
        local leases = home.store:leases()
        assert(leases:create("l"))
        saying("failed_precondition", "without a time to live", leases:renew("l"))
        assert.equal(5, assert(leases:renew("l", 5)).ttl)
    end)

    it("does not call back one that has ended", function()
        local home <close> = world.new()
        local leases = home.store:leases()
        assert(leases:create("l", { labels = { [EXPIRE] = "2020-01-01T00:00:00Z" } }))
        saying("failed_precondition", "ended (expired)", leases:renew("l", 60))
        fails("not_found", leases:renew("nobody", 60))
    end)
end)

describe("leases:create(id, {pid=})", function()
    it("ends with the process", function()
        local home <close> = world.new()
        local leases, pid = home.store:leases(), child()
        local lease = assert(leases:create("l", { pid = pid }))
        assert.same({ pid, nil }, { lease.pid, lease.ended })
        assert.same({}, leases:expired())
        finish(pid)
        local ended = assert(leases:expired())
        assert.same({ 1, "l", "dead" }, { #ended, ended[1].id, ended[1].ended })
        fails("failed_precondition", leases:renew("l", 60))
    end)

    it("refuses a process that is not there", function()
        local home <close> = world.new()
        local pid = child()
        finish(pid)
        fails("not_found", home.store:leases():create("l", { pid = pid }))
    end)
end)

describe("leases:reap()", function()
    it("removes what only leases that have ended held", function()
        local home <close> = world.new()
        local store, pid = home.store, child()
        local leases = store:leases()
        assert(leases:create("of the process", { pid = pid }))
        assert(leases:create("old", { labels = { [EXPIRE] = "2020-01-01T00:00:00Z" } }))
        assert(leases:create("lives", { ttl = 3600 }))
        committed(store, "base", nil, "of the process")
        committed(store, "both", "base", "of the process")
        assert(leases:add("lives", { type = "snapshots/overlayfs", id = "base" }))
        assert(store:prepare("mine"))
        assert(store:prepare("scratch", nil, { lease = "old" }))
        assert.same({ leases = { "old" }, removed = { "scratch" } }, leases:reap())
        assert.same({ "base", "both", "mine" }, names(store))
        finish(pid)
        assert.same({ leases = { "of the process" }, removed = { "both" } }, leases:reap())
        assert.same({ "base", "mine" }, names(store))
        assert.same({ leases = {}, removed = {} }, leases:reap())
    end)

    it("leaves what is pinned", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:leases():create("old", { labels = { [EXPIRE] = "2020-01-01T00:00:00Z" } }))
        assert(store:prepare("scratch", nil, { lease = "old" }))
        assert(store:pins():add("scratch"))
        assert.same({ leases = { "old" }, removed = {} }, store:leases():reap())
        assert(store:stat("scratch"))
    end)

    it("is told in the outbox", function()
        local home <close> = world.new()
        local store = home.store
        assert(store:leases():create("old", { labels = { [EXPIRE] = "2020-01-01T00:00:00Z" } }))
        assert(store:leases():reap())
        local told = {}
        for event in store:events() do
            told[#told + 1] = ("%s %s %s"):format(event.topic, event.key, event.data.action)
        end
        assert.same({ "/moonsnap/lease old create", "/moonsnap/lease old delete" }, told)
    end)
end)

describe("a lease of a process of another boot", function()
    it("has ended", function()
        local home <close> = world.new()
        local pid = child()
        assert(home.store:leases():create("l", { pid = pid }))
        home.store:close()
        require("posix.stdlib").setenv("MOONSNAP_BOOT_ID", "another")
        home.store = assert(moonsnap.open { root = home.root })
        require("posix.stdlib").setenv("MOONSNAP_BOOT_ID", nil)
        assert.equal("dead", assert(home.store:leases():expired())[1].ended)
        finish(pid)
    end)
end)
