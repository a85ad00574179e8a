--- Leases: what holds snapshots, what goes with a lease and what stays.
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"
local turns = require "spec.support.turns"
local world = require "spec.support.world"

local backend = require "moonsnap.service.backend"
local errors = require "moonsnap".error

local fails = expect.fails

local ROOT, EXPIRE = "containerd.io/gc.root", "containerd.io/gc.expire"
local REF, BREF = "containerd.io/gc.ref.snapshot.overlayfs", "containerd.io/gc.bref.image"

--- What a lease holds, as "type id".
local function held(leases, id)
    local found = {}
    for i, resource in ipairs(assert(leases:resources(id))) do
        found[i] = resource.type .. " " .. resource.id
    end
    return found
end

local function ids(leases)
    local found = {}
    for i, lease in ipairs(assert(leases)) do
        found[i] = lease.id
    end
    return found
end

--- A committed snapshot, made and named under a lease (or none).
local function committed(store, name, parent, lease, labels)
    assert(store:prepare("make " .. name, parent, { lease = lease }))
    assert(store:commit(name, "make " .. name, { lease = lease, labels = labels }))
end

--- Directories of layers that are there.
local function layers(home)
    local count = 0
    for _, name in ipairs(tree.list(home.root .. "/layers")) do
        count = count + (name:find("^%d+$") and 1 or 0)
    end
    return count
end

local function names(store)
    return expect.names(store:walk())
end

describe("leases:create(id)", function()
    it("answers the lease; an id is taken once in a namespace", function()
        local home <close> = world.new()
        local leases = home.store:leases()
        local lease = assert(leases:create("l", { labels = { a = "b", empty = "" } }))
        assert.same({ "l", { a = "b" } }, { lease.id, lease.labels })
        assert.is_true(math.abs(lease.created - require("moonsnap").sys.now()) < 60 * 1000000000)
        fails("already_exists", leases:create("l"))
        assert(assert(home.store:namespace("other")):leases():create("l"))
    end)

    it("makes up an id as containerd does", function()
        local home <close> = world.new()
        local leases, seen = home.store:leases(), {}
        for _ = 1, 20 do
            local id = assert(leases:create()).id
            assert.is_truthy(id:match("^%d+%-[%w_-][%w_-][%w_-][%w_-]$"), id)
            assert.is_nil(seen[id])
            seen[id] = true
        end
    end)

    it("refuses ids and labels that can be none", function()
        local home <close> = world.new()
        local leases = home.store:leases()
        fails("invalid_argument", leases:create("a\0b"))
        fails("invalid_argument", leases:create("\xff"))
        fails("invalid_argument", leases:create("a", { labels = { [""] = "x" } }))
        assert.same({}, ids(leases:list()))
    end)
end)

describe("leases:list(...)", function()
    it("gives those of the namespace that a filter matches", function()
        local home <close> = world.new()
        local leases = home.store:leases()
        assert(leases:create("b", { labels = { team = "blue", ["a.b/c"] = "1" } }))
        assert(leases:create("a", { labels = { team = "red" } }))
        assert(assert(home.store:namespace("other")):leases():create("c"))
        assert.same({ "a", "b" }, ids(leases:list()))
        assert.same({ "b" }, ids(leases:list("labels.team==blue")))
        assert.same({ "b" }, ids(leases:list('labels."a.b/c"')))
        assert.same({ "a" }, ids(leases:list("id==a")))
        assert.same({ "a", "b" }, ids(leases:list("id==a", "labels.team==blue")))
        assert.same({}, ids(leases:list("name==a")))
        fails("invalid_argument", leases:list("id=="))
    end)
end)

describe("leases:add, drop and resources", function()
    it("hold what exists and what does not, once", function()
        local home <close> = world.new()
        local leases = home.store:leases()
        assert(leases:create("l"))
        assert(leases:add("l", { type = "snapshots/overlayfs", id = "x" }))
        assert(leases:add("l", { type = "snapshots/overlayfs", id = "x" }))
        assert(leases:add("l", { type = "content", id = "sha256:00" }))
        assert.same({ "content sha256:00", "snapshots/overlayfs x" }, held(leases, "l"))
        assert(leases:drop("l", { type = "content", id = "sha256:00" }))
        assert(leases:drop("l", { type = "content", id = "sha256:00" }))
        assert.same({ "snapshots/overlayfs x" }, held(leases, "l"))
    end)

    it("say not_found for a lease that is none", function()
        local home <close> = world.new()
        local leases = home.store:leases()
        fails("not_found", leases:add("l", { type = "content", id = "x" }))
        fails("not_found", leases:drop("l", { type = "content", id = "x" }))
        fails("not_found", leases:resources("l"))
        fails("not_found", leases:delete("l"))
        fails("not_found", home.store:prepare("k", nil, { lease = "l" }))
        assert.same({}, names(home.store))
    end)
end)

describe("a verb with the option lease", function()
    it("adds what it makes; commit moves key to name in every lease", function()
        local home <close> = world.new()
        local store, leases = home.store, home.store:leases()
        assert(leases:create("l"))
        assert(leases:create("m"))
        assert(store:prepare("k", nil, { lease = "l" }))
        assert(leases:add("m", { type = "snapshots/overlayfs", id = "k" }))
        assert.same({ "snapshots/overlayfs k" }, held(leases, "l"))
        assert(store:commit("n", "k", { lease = "l" }))
        assert.same({ "snapshots/overlayfs n" }, held(leases, "l"))
        assert.same({ "snapshots/overlayfs n" }, held(leases, "m"))
        assert(store:view("v", "n", { lease = "m" }))
        assert.same({ "snapshots/overlayfs n", "snapshots/overlayfs v" }, held(leases, "m"))
    end)

    it("adds what exists already, although the answer is already_exists", function()
        local home <close> = world.new()
        local store, leases = home.store, home.store:leases()
        assert(leases:create("l"))
        committed(store, "n")
        assert(store:prepare("k"))
        fails("already_exists", store:prepare("k", nil, { lease = "l" }))
        fails("already_exists", store:view("n", nil, { lease = "l" }))
        assert.same({ "snapshots/overlayfs k", "snapshots/overlayfs n" }, held(leases, "l"))
        assert(leases:drop("l", { type = "snapshots/overlayfs", id = "n" }))
        fails("already_exists", store:commit("n", "k", { lease = "l" }))
        assert.same({ "snapshots/overlayfs k", "snapshots/overlayfs n" }, held(leases, "l"))
        fails("not_found", store:prepare("k", nil, { lease = "none" }))
    end)

    it("changes nothing when the verb fails for another reason", function()
        local home <close> = world.new()
        local store, leases = home.store, home.store:leases()
        assert(leases:create("l"))
        fails("not_found", store:prepare("k", "none", { lease = "l" }))
        fails("not_found", store:commit("n", "none", { lease = "l" }))
        assert.same({}, held(leases, "l"))
    end)

    it("takes back with its transaction what the lease holds", function()
        local home <close> = world.new()
        local store, leases = home.store, home.store:leases()
        assert(leases:create("l"))
        fails("canceled", store:transaction(function()
            assert(store:prepare("k", nil, { lease = "l" }))
            return nil, errors("canceled", "never mind")
        end))
        assert.same({}, held(leases, "l"))
    end)

    it("names native's snapshots after native", function()
        local home <close> = world.new { driver = "native" }
        local leases = home.store:leases()
        assert(leases:create("l"))
        assert(home.store:prepare("k", nil, { lease = "l" }))
        assert.same({ "snapshots/native k" }, held(leases, "l"))
        assert.same({ "k" }, leases:delete("l"))
    end)
end)

describe("store:remove(key)", function()
    it("takes the snapshot from all leases: the next one of that key is another", function()
        local home <close> = world.new()
        local store, leases = home.store, home.store:leases()
        assert(leases:create("l"))
        assert(store:prepare("k", nil, { lease = "l" }))
        assert(store:remove("k"))
        assert.same({}, held(leases, "l"))
        assert(store:prepare("k"))
        assert.same({}, leases:delete("l"))
        assert.same({ "k" }, names(store))
    end)
end)

--- What may stand beside the lease "l", which made a chain a <- b <- c (an active), and what is left without "l".
local STAYS = {
    { "nothing", function() end, {} },
    { "another lease on the top", function(_, leases)
        assert(leases:create("m"))
        assert(leases:add("m", { type = "snapshots/overlayfs", id = "c" }))
    end, { "a", "b", "c" } },
    { "another lease on the middle", function(_, leases)
        assert(leases:create("m"))
        assert(leases:add("m", { type = "snapshots/overlayfs", id = "b" }))
    end, { "a", "b" } },
    { "an expired lease", function(_, leases)
        assert(leases:create("m", { labels = { [EXPIRE] = "2020-02-29T12:00:00.5+02:00" } }))
        assert(leases:add("m", { type = "snapshots/overlayfs", id = "b" }))
    end, {} },
    { "a lease that expires much later", function(_, leases)
        assert(leases:create("m", { labels = { [EXPIRE] = "9020-02-29T12:00:00Z" } }))
        assert(leases:add("m", { type = "snapshots/overlayfs", id = "a" }))
    end, { "a" } },
    { "a lease whose time is no time", function(_, leases)
        assert(leases:create("m", { labels = { [EXPIRE] = "2020-02-30T1" } }))
        assert(leases:add("m", { type = "snapshots/overlayfs", id = "a" }))
    end, { "a" } },
    { "a lease of another namespace", function(store)
        local other = assert(store:namespace("other")):leases()
        assert(other:create("m"))
        assert(other:add("m", { type = "snapshots/overlayfs", id = "a" }))
    end, {} },
    { "a lease on another snapshotter's", function(_, leases)
        assert(leases:create("m"))
        assert(leases:add("m", { type = "snapshots/native", id = "a" }))
    end, {} },
    { "a gc.root label", function(store)
        assert(store:update({ name = "b", labels = { [ROOT .. ".x"] = "now" } }))
    end, { "a", "b" } },
    { "a back reference", function(store)
        assert(store:update({ name = "a", labels = { [BREF] = "docker.io/x" } }))
    end, { "a" } },
    { "a reference from one that stays", function(store)
        assert(store:prepare("else", nil, { labels = { [REF .. "/1"] = "a" } }))
    end, { "a", "else" } },
    { "a reference from one that goes", function(store)
        assert(store:update({ name = "c", labels = { [REF] = "a" } }))
    end, {} },
    { "a child of somebody else", function(store)
        assert(store:prepare("child", "a"))
    end, { "a", "child" } },
    { "one in the chain committed without the lease", function(store)
        assert(store:prepare("make d", "b", { lease = "l" }))
        assert(store:commit("d", "make d"))
    end, { "a", "b", "d" } },
    { "one only added to the lease", function(store, leases)
        assert(store:prepare("mine"))
        assert(leases:add("l", { type = "snapshots/overlayfs", id = "mine" }))
    end, { "mine" } },
}

describe("leases:delete(id)", function()
    for _, case in ipairs(STAYS) do
        it("removes what was made under leases and nothing else holds, beside " .. case[1], function()
            local home <close> = world.new()
            local store, leases = home.store, home.store:leases()
            assert(leases:create("l"))
            committed(store, "a", nil, "l")
            committed(store, "b", "a", "l")
            assert(store:prepare("c", "b", { lease = "l" }))
            case[2](store, leases)
            assert(leases:delete("l"))
            assert.same(case[3], names(store))
            assert(store:cleanup())
            assert.equal(#case[3], layers(home))
        end)
    end

    it("removes a long row of references, whichever way they point", function()
        local home <close> = world.new()
        local store, leases = home.store, home.store:leases()
        for _, step in ipairs { 1, -1 } do
            assert(leases:create("l"))
            for i = 1, 50 do
                assert(store:prepare("k" .. i, nil, { lease = "l", labels = { [REF] = "k" .. i + step } }))
            end
            assert.equal(50, #leases:delete("l"))
        end
    end)

    it("removes at the last lease what was made under an earlier one", function()
        local home <close> = world.new()
        local store, leases = home.store, home.store:leases()
        assert(leases:create("first"))
        committed(store, "a", nil, "first")
        assert(leases:create("second"))
        assert(leases:add("second", { type = "snapshots/overlayfs", id = "a" }))
        assert.same({}, leases:delete("first"))
        assert.same({ "a" }, leases:delete("second"))
    end)

    it("removes ancestors that only what went kept", function()
        local home <close> = world.new()
        local store, leases = home.store, home.store:leases()
        assert(leases:create("first"))
        committed(store, "a", nil, "first")
        assert(leases:create("second"))
        assert(store:prepare("c", "a", { lease = "second" }))
        assert.same({}, leases:delete("first"))
        assert.same({ "c", "a" }, leases:delete("second"))
    end)

    it("is part of a transaction, and tells removals as events", function()
        local home <close> = world.new()
        local store, leases = home.store, home.store:leases()
        assert(leases:create("l"))
        committed(store, "a", nil, "l")
        fails("canceled", store:transaction(function()
            assert.same({ "a" }, leases:delete("l"))
            return nil, errors("canceled", "never mind")
        end))
        assert.same({ "snapshots/overlayfs a" }, held(leases, "l"))
        assert.same({ "a" }, leases:delete("l"))
        local topics = {}
        for event in store:events() do
            topics[#topics + 1] = event.topic .. " " .. event.key
        end
        assert.equal("/snapshot/remove a", topics[#topics])
    end)

    it("stops at what this store has mounted", needs.mounts(function()
        local home <close> = world.new()
        local store, leases = home.store, home.store:leases()
        assert(leases:create("l"))
        assert(store:prepare("a", nil, { lease = "l" }))
        home:mounted("a", function()
            assert.same({}, leases:delete("l"))
        end)
        assert.same({ "a" }, names(store))
    end))
end)

describe("a backend's verb with the option lease", function()
    it("keeps in its batch what already_exists has added, beside others", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local behind = backend.new { writer = loop.writer, reader = loop.reader, batch = loop.batch, pool = loop.pool,
            tickets = loop.tickets, timers = loop.timers, failure = errors }
        assert(home.store:prepare("k"))
        assert(home.store:leases():create("l"))
        local answers = {}
        loop:all {
            function() answers[1] = table.pack(behind:prepare("k", nil, { lease = "l" })) end,
            function() answers[2] = table.pack(behind:prepare("j", nil, { lease = "l" })) end,
            function() answers[3] = table.pack(behind:prepare("i", "none", { lease = "l" })) end,
        }
        fails("already_exists", table.unpack(answers[1]))
        assert(answers[2][1])
        fails("not_found", table.unpack(answers[3]))
        loop:all { function() answers[4] = table.pack(behind:commit("n", "j", { lease = "l" })) end }
        assert(answers[4][1])
        assert.same({ "snapshots/overlayfs k", "snapshots/overlayfs n" }, held(home.store:leases(), "l"))
    end)
end)
