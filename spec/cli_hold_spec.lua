--- The verbs of the command that hold: pins and leases, as people see them.
local command = require "spec.support.command"
local process = require "spec.support.process"
local service = require "spec.support.service"
local when = require "moonsnap.cli.when"
local world = require "spec.support.world"

local SECOND = 1000000000

local function setting(options)
    local home = world.new(options)
    return home, command.on(home.root)
end

describe("moonsnap pin", function()
    it("keeps a snapshot, and rm says why and what to do", function()
        local home <close>, moonsnap = setting()
        assert(home.store:prepare("a b"))
        assert.equal("", moonsnap("pin", "a b", "--reason", "release 1.4", "--until", "2100-01-01").out)
        local answer = moonsnap("rm", "a b")
        assert.equal(5, answer.code)
        assert.matches("pinned until 2100%-01%-01T00:00:00Z: release 1%.4; unpin it first", answer.err)
        assert.matches("try: moonsnap unpin 'a b'", answer.err)
        assert.same({ pins = 1 }, { pins = #moonsnap("pins", "-q"):lines() })
        assert.same({ pinned = nil, unpinned = { "a b" } }, moonsnap("unpin", "a b", "--json"):json())
        assert.equal(0, moonsnap("rm", "a b").code)
    end)

    it("lists what is pinned, for people and as JSON", function()
        local home <close>, moonsnap = setting()
        for _, key in ipairs { "a", "b", "c" } do
            assert(home.store:prepare(key))
        end
        assert.same({ pinned = { "a", "b" } }, moonsnap("pin", "a", "b", "--until", "6h", "--json"):json())
        assert(home.store:pins():add("c", { until_ = SECOND, reason = "old" }))
        local pins = moonsnap("pins", "--json"):json()
        assert.same({ "a", "", "c", "old", true, "1970-01-01T00:00:01.000000000Z" },
            { pins[1].key, pins[1].reason, pins[3].key, pins[3].reason, pins[3].ended, pins[3]["until"] })
        local table_of = moonsnap("pins").out
        assert.matches("KEY +UNTIL +REASON", table_of)
        assert.matches("c +ended 1970%-01%-01", table_of)
        assert.equal("[]\n", moonsnap("pins", "--namespace", "other", "--json").out)
    end)

    it("goes on after one that is not there, and fails", function()
        local home <close>, moonsnap = setting()
        assert(home.store:prepare("a"))
        assert.equal(3, moonsnap("pin", "nobody", "a").code)
        assert.equal(1, #home.store:pins():list())
        assert.equal(2, moonsnap("pin", "a", "--until", "someday").code)
        assert.equal(3, moonsnap("unpin", "nobody").code)
    end)
end)

describe("moonsnap lease", function()
    it("makes one, with an end or with a process", function()
        local home <close>, moonsnap = setting()
        assert.equal("job\n", moonsnap("lease", "create", "job", "--ttl", "6h", "--label", "a=b").out)
        local made = moonsnap("lease", "create", "--pid", tostring(require("posix.unistd").getpid()), "--json"):json()
        assert.matches("^%d+%-....$", made.id)
        assert.is_number(made.pid)
        local all = moonsnap("lease", "ls", "id==job", "--json"):json()
        assert.same({ 1, 21600, "b" }, { #all, all[1].ttl, all[1].labels.a })
        assert.equal("job\n", moonsnap("lease", "renew", "job", "--ttl", "7d").out)
        assert.equal(604800, home.store:leases():list("id==job")[1].ttl)
        assert.matches("job +%d+%-%d+%-%S+ +%d+%-%d+%-%S+Z +%- +a=b", moonsnap("lease", "ls").out)
    end)

    it("releases one with what it held, and says what went", function()
        local home <close>, moonsnap = setting()
        moonsnap("lease", "create", "job")
        assert(home.store:prepare("scratch", nil, { lease = "job" }))
        assert(home.store:prepare("mine"))
        assert.equal("", moonsnap("lease", "add", "job", "mine").out)
        assert.equal("removed scratch\n", moonsnap("lease", "release", "job").out)
        assert.equal(3, moonsnap("lease", "release", "job").code)
        assert(home.store:stat("mine"))
    end)

    it("reaps what has ended", function()
        local home <close>, moonsnap = setting()
        local child = process.start { "sleep", "1000" }
        moonsnap("lease", "create", "job", "--pid", tostring(child.pid))
        assert(home.store:prepare("scratch", nil, { lease = "job" }))
        child:kill()
        child:finish()
        assert.matches("job +%S+ +dead", moonsnap("lease", "ls").out)
        assert.same({ leases = { "job" }, removed = { "scratch" } }, moonsnap("lease", "reap", "--json"):json())
    end)

    it("says what it does not take", function()
        local home <close>, moonsnap = setting()
        for _, words in ipairs { { "steal" }, { "create", "a", "b" }, { "create", "--ttl", "soon" }, { "renew" },
            { "create", "--pid", "x" }, { "add", "a" }, { "release" }, { "create", "--ttl", "0s" } } do
            assert.equal(2, moonsnap("lease", table.unpack(words)).code, table.concat(words, " "))
        end
        assert.equal(3, moonsnap("lease", "create", "--pid", "999999999").code)
        assert.same({}, home.store:leases():list())
    end)

    it("works on a running service, as pins do", function()
        local served <close> = service.start { mode = "direct" }
        local function moonsnap(...)
            return command.run({ "bin/moonsnap", "--address", served.address, ... })
        end
        assert.equal("job\n", moonsnap("lease", "create", "job", "--ttl", "1h").out)
        assert.equal(0, moonsnap("prepare", "a").code)
        assert.equal(0, moonsnap("lease", "add", "job", "a").code)
        assert.equal(3600, moonsnap("lease", "ls", "--json"):json()[1].ttl)
        assert.equal(0, moonsnap("pin", "a", "--until", "1d").code)
        assert.equal(5, moonsnap("rm", "a").code)
        assert.matches("^a\n$", moonsnap("pins", "-q").out)
    end)
end)

describe("a time on the command line", function()
    it("is a date in UTC, or so long from now", function()
        for text, seconds in pairs {
            ["1970-01-01"] = 0, ["2000-02-29"] = 951782400, ["2026-11-24T17:45:58Z"] = 1795542358,
            ["2100-03-01"] = 4107542400, ["90m"] = 1000 + 5400, ["1d12h"] = 1000 + 129600,
        } do
            assert.equal(seconds * SECOND, (when.moment(text, 1000 * SECOND)), text)
        end
    end)

    it("is refused when it is none", function()
        for _, text in ipairs { "", "tomorrow", "2026-13-01", "2026-02-30", "2100-02-29", "1969-12-31",
            "2026-01-01T25:00:00Z", "2026-1-1", "999999999y", "-5d" } do
            local at, wrong = when.moment(text, 0)
            assert.is_nil(at, text)
            assert.is_string(wrong)
        end
    end)
end)
