--- kill -9 at every system call that changes something, in every verb that does.
---
--- A first run under strace counts the calls; then the verb is run once for each of them, with
--- SIGKILL delivered in its place, on a fresh copy of one prepared store. After each, the store must
--- check clean or mend itself, nothing acknowledged may be lost, and rows and events must agree.
--- Which calls: those that change names, content, sizes, owners or durability. Reads, maps and locks
--- leave nothing behind that a call in the list would not show.
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local CALLS = {
    "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "symlink", "symlinkat",
    "link", "linkat", "write", "pwrite64", "pwritev", "fsync", "fdatasync", "syncfs", "ftruncate", "fallocate",
    "fchown", "fchownat", "fchmod", "fchmodat", "flock", "copy_file_range",
}

local function strace(arguments, root, chunk)
    local argv = { "strace", "-f", "-qq" } -- with --seccomp-bpf the signal would never come
    table.move(arguments, 1, #arguments, #argv + 1, argv)
    table.move({ "lua5.4", process.WORKER, "script", root, chunk }, 1, 5, #argv + 1, argv)
    return process.run(argv, { ASAN_OPTIONS = process.asan_options() })
end

--- How often the verb makes each call, at most in one thread.
local function count_calls(home, root, chunk)
    local log = home.dir .. "/strace"
    local output = strace({ "-o", log, "-e", "trace=" .. table.concat(CALLS, ",") }, root, chunk)
    assert.equal("done\n", output)
    local counts, most = {}, {}
    for line in io.lines(log) do
        local pid, name = line:match("^(%d+)%s+([%w_]+)%(")
        if name then
            counts[pid .. name] = (counts[pid .. name] or 0) + 1
            most[name] = math.max(most[name] or 0, counts[pid .. name])
        end
    end
    return most
end

--- base, an active "a" on base with a file, "gone" in the trash, a chain under a lease, and litter.
local function prepared(home)
    home.store = assert(home:open { durability = "layer" })
    local store = home.store
    assert(store:prepare("k"))
    tree.write(assert(store:layers("k"))[1] .. "/f", "base")
    assert(store:commit("base", "k", { labels = { kept = "1" } }))
    assert(store:prepare("a", "base", { labels = { kept = "2" } }))
    tree.write(assert(store:layers("a"))[1] .. "/g", ("own"):rep(1000))
    tree.mkdir(assert(store:layers("a"))[1] .. "/d")
    assert(store:prepare("gone", "base"))
    tree.write(assert(store:layers("gone"))[1] .. "/h", "x")
    assert(store:remove("gone", { later = true }))
    assert(store:leases():create("l"))
    assert(store:prepare("held", nil, { lease = "l" }))
    assert(store:commit("held parent", "held", { lease = "l" }))
    assert(store:prepare("held", "held parent", { lease = "l" }))
    tree.mkdir(home.root .. "/layers/900")
    tree.write(home.root .. "/layers/900/later", "of another database")
    store:close()
    home.store = nil
end

--- The verbs: what runs, and how one sees in a store that it happened.
local VERBS = {
    {
        name = "prepare",
        chunk = [[assert(store:prepare("new", "base", { labels = { x = "1" } }))]],
        happened = function(store) return store:stat("new") ~= nil end,
        event = { "/snapshot/prepare", "new" },
    },
    {
        name = "commit",
        chunk = [[assert(store:commit("new", "a", { durability = "layer", labels = { x = "1" } }))]],
        happened = function(store) return store:stat("new") ~= nil end,
        event = { "/snapshot/commit", "a" },
    },
    {
        name = "remove",
        chunk = [[assert(store:remove("a"))]],
        happened = function(store) return store:stat("a") == nil end,
        event = { "/snapshot/remove", "a" },
    },
    {
        name = "a batch",
        chunk = [[
            store.engine:defer()
            assert(store:transaction(function()
                assert(store:prepare("other"))
                assert(store:prepare("new", "base"))
                assert(store:prepare("brief"))
                assert(store:remove("brief"))
                assert(store:prepare("t"))
                assert(store:commit("fresh", "t", { durability = "metadata" }))
                store:transaction(function() assert(store:prepare("half")) return nil, "no" end)
                return true
            end))]],
        happened = function(store)
            assert.equal(store:stat("new") ~= nil, store:stat("other") ~= nil, "half of a batch")
            assert.equal(store:stat("new") ~= nil, store:stat("fresh") ~= nil, "half of a batch")
            assert.is_nil((store:stat("half")))
            assert.is_nil((store:stat("t")))
            assert.is_nil((store:stat("brief")))
            return store:stat("new") ~= nil
        end,
        event = { "/snapshot/prepare", "other" },
    },
    {
        name = "prepare under a lease",
        chunk = [[assert(store:prepare("new", "base", { lease = "l" }))]],
        happened = function(store)
            local happened = store:stat("new") ~= nil
            assert.equal(happened and 3 or 2, #store:leases():resources("l"), "row and lease disagree")
            return happened
        end,
        event = { "/snapshot/prepare", "new" },
    },
    {
        name = "the deletion of a lease",
        chunk = [[assert(store:leases():delete("l"))]],
        happened = function(store)
            local happened = #store:leases():list() == 0
            assert.equal(happened, store:stat("held") == nil, "half of what it held")
            assert.equal(happened, store:stat("held parent") == nil, "half of what it held")
            return happened
        end,
        event = { "/snapshot/remove", "held parent" },
    },
    {
        name = "cleanup",
        chunk = [[assert(store:cleanup())]],
        happened = function() return nil end,
    },
}

local function has_event(store, want)
    for event in store:events() do
        if event.topic == want[1] and event.key == want[2] then
            return true
        end
    end
    return false
end

--- Everything that must hold after the kill; raises with what does not.
local function examine(root, verb, output)
    local store <close> = assert(moonsnap.open { root = root })
    for _, finding in ipairs(assert(store:check())) do
        assert.is_false(finding.serious, finding.what .. " " .. finding.where)
    end
    local happened = verb.happened(store)
    if output:find("done", 1, true) then
        assert.is_not_false(happened, "acknowledged and lost")
    end
    if verb.event then
        assert.equal(happened, has_event(store, verb.event), "row and event row disagree")
    end
    assert(store:cleanup())
    assert(store:check { repair = true })
    assert.same({}, assert(store:check()))
    assert.equal("base", tree.read(assert(store:layers("base"))[1] .. "/f"))
    assert.same({ kept = "1" }, assert(store:stat("base")).labels)
    local owner = store:stat("a") and "a" or store:stat("new") and verb.name == "commit" and "new"
    if owner then
        assert.equal(("own"):rep(1000), tree.read(assert(store:layers(owner))[1] .. "/g"))
    end
    assert.equal(verb.name ~= "remove" or not happened, owner and true or false, "the active is lost")
    assert(store:prepare("next", "base"))
end

--- Runs verb once for each call that it makes, killed there. Answers how often it did not come through.
local function sweep(home, verb)
    local template = home.root
    local function fresh(number)
        local root = ("%s/copy%d"):format(home.dir, number)
        process.must("cp", "-a", template, root)
        return root
    end
    local calls = count_calls(home, fresh(0), verb.chunk)
    local runs, kills = 0, 0
    for _, name in ipairs(CALLS) do
        for number = 1, calls[name] or 0 do
            runs = runs + 1
            local root = fresh(runs)
            local inject = ("inject=%s:signal=KILL:when=%d"):format(name, number)
            local output = strace({ "-o", "/dev/null", "-e", "trace=" .. name, "-e", inject }, root, verb.chunk)
            kills = kills + (output:find("done", 1, true) and 0 or 1)
            local ok, why = pcall(examine, root, verb, output)
            if not ok then
                local text = type(why) == "table" and tostring(why.message or why[1] or why) or tostring(why)
                error(("killed at %s %d: %s"):format(name, number, text), 0)
            end
            tree.remove(root)
        end
    end
    return kills
end

describe("kill -9 at every system call of #slow", function()
    for _, verb in ipairs(VERBS) do
        it(verb.name .. " leaves a store that checks clean or mends itself", needs.strace(function()
            local home <close> = world.bare()
            prepared(home)
            assert.is_true(sweep(home, verb) >= 15)
        end))
    end
end)

