--- Which syncs each verb costs, seen by strace: the promise of a level, and its price.
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local SYNCS = "fsync,fdatasync,syncfs,sync_file_range,sync"

--- Runs a chunk on the store in a process of its own and answers the syncs between mark("begin") and
--- mark("end") as "call path", in order.
local function syncs(home, chunk, whole)
    local log = home.dir .. "/strace"
    local text = [[local function mark(name) io.open("/moonsnap-mark/" .. name) end; ]] .. chunk
    local output = process.run({
        "strace", "-f", "-qq", "-y", "-o", log, "-e", "trace=openat," .. SYNCS, "lua5.4", process.WORKER, "script",
        home.root, text,
    }, { ASAN_OPTIONS = process.asan_options() })
    assert.equal("done\n", output)
    local found, inside = {}, whole or false
    for line in io.lines(log) do
        local name, path = line:match("^%d+%s+([%w_]+)%(%d+<([^>]*)>")
        if line:find('"/moonsnap-mark/begin"', 1, true) then
            inside = true
        elseif line:find('"/moonsnap-mark/end"', 1, true) then
            inside = false
        elseif inside and name and name ~= "openat" then
            found[#found + 1] = name .. " " .. path:gsub("^.*/r/", "")
        end
    end
    return found
end

--- A store with base and an active "a" that holds a file; closed.
local function filled()
    local home = world.new()
    local store = home.store
    assert(store:prepare("k"))
    assert(store:commit("base", "k"))
    assert(store:prepare("a", "base"))
    tree.write(assert(store:layers("a"))[1] .. "/f", ("x"):rep(10000))
    home.layer_of_a = "layers/" .. assert(store:stat("a")).number
    store:close()
    home.store = nil
    return home
end

local function between(text)
    return ([[mark("begin"); %s; mark("end")]]):format(text)
end

--- Does list hold a sync of path, and before a sync of the WAL?
local function synced_before_wal(list, path)
    local at, wal
    for i, line in ipairs(list) do
        local call, what = line:match("^(%S+) (.*)$")
        if call == "syncfs" or what == path then
            at = at or i
        elseif what == "metadata.db-wal" then
            wal = i
        end
    end
    return at ~= nil and wal ~= nil and at < wal
end

describe("the syncs of", function()
    it("prepare are one of the WAL", needs.strace(function()
        local home <close> = filled()
        local list = syncs(home, [[assert(store:touch("base"));]] .. between [[assert(store:prepare("b", "base"))]])
        assert.same({ "fdatasync metadata.db-wal" }, list)
    end))

    it("prepare of a native child has its copy on disk before its row", needs.strace(function()
        local home <close> = world.new { driver = "native" }
        local store = home.store
        assert(store:prepare("k"))
        tree.write(assert(store:layers("k"))[1] .. "/f", ("x"):rep(10000))
        assert(store:commit("base", "k"))
        store:close()
        home.store = nil
        local open = [[local own = assert(require("moonsnap").open { root = store.root }); ]]
        local list = syncs(home, open .. between [[assert(own:prepare("b", "base"))]])
        local told = table.concat(list, "\n")
        local copied, row = told:find("/layer/f", 1, true), told:find("metadata.db-wal", 1, true)
        assert.is_true(copied ~= nil and row ~= nil and copied < row, told)
    end))

    it("view, update and remove are one of the WAL each", needs.strace(function()
        local home <close> = filled()
        local list = syncs(home, [[assert(store:touch("base"));]] .. between [[
            assert(store:view("v", "base"))
            assert(store:update { name = "v", labels = { x = "1" } })
            assert(store:remove("v"))]])
        assert.equal(("fdatasync metadata.db-wal "):rep(3), table.concat(list, " ") .. " ")
    end))

    it("a transaction of twenty prepares are one of the WAL", needs.strace(function()
        local home <close> = filled()
        local list = syncs(home, [[assert(store:touch("base"));]] .. between [[
            store:transaction(function() for i = 1, 20 do assert(store:prepare("b" .. i)) end end)]])
        assert.same({ "fdatasync metadata.db-wal" }, list)
    end))

    it("a prepare by a process of its own are two at most", needs.strace(function()
        local home <close> = filled()
        local list = syncs(home, [[assert(store:prepare("b", "base"))]], true)
        assert.is_true(#list <= 2, table.concat(list, ", "))
    end))

    it("a look by a process of its own are none", needs.strace(function()
        local home <close> = filled()
        assert.same({}, syncs(home, [[assert(store:stat("base"))]], true))
    end))

    for _, level in ipairs { "layer", "full" } do
        it(("commit at level %s have the content before the row"):format(level), needs.strace(function()
            local home <close> = filled()
            local list = syncs(home, between(([[assert(store:commit("c", "a", { durability = %q }))]]):format(level)))
            assert.is_true(synced_before_wal(list, home.layer_of_a .. "/f"), table.concat(list, ", "))
            assert.is_true(synced_before_wal(list, home.layer_of_a), table.concat(list, ", "))
        end))
    end

    it("commit at level full have a syncfs", needs.strace(function()
        local home <close> = filled()
        local list = syncs(home, between [[assert(store:commit("c", "a", { durability = "full" }))]])
        assert.is_truthy(table.concat(list, "\n"):find("syncfs", 1, true))
    end))

    it("commit of a layer whose entry is on disk already are one of the WAL", needs.strace(function()
        local home <close> = filled()
        local list = syncs(home, [[
            assert(store:prepare("b", "base"))
            assert(store:prepare("late", "base"))
            local cover = assert(store.engine:cover())
            assert(cover:step(1) == false and store.engine:cover() == false);]]
            .. between [[assert(store:commit("c", "b", { durability = "metadata" }))]])
        assert.same({ "fdatasync metadata.db-wal" }, list)
    end))

    it("commit of a layer whose entry may not be on disk have layers/ before the WAL", needs.strace(function()
        local home <close> = filled()
        local list = syncs(home, [[
            assert(store:prepare("b", "base"))
            local cover = assert(store.engine:cover())
            assert(store:prepare("late", "base"))
            assert(cover:step(1) == false);]]
            .. between [[assert(store:commit("c", "late", { durability = "metadata" }))]])
        assert.same({ "fsync layers", "fdatasync metadata.db-wal" }, list)
    end))

    it("commit at level metadata leave the content alone", needs.strace(function()
        local home <close> = filled()
        local list = syncs(home, between [[assert(store:commit("c", "a", { durability = "metadata" }))]])
        local text = table.concat(list, "\n")
        assert.is_nil(text:find("syncfs", 1, true))
        assert.is_nil(text:find(home.layer_of_a, 1, true))
    end))

    for _, level in ipairs { "metadata", "layer", "full" } do
        it(("commit at level %s have the directory entry before the row"):format(level), needs.strace(function()
            local home <close> = filled()
            local list = syncs(home, between(([[assert(store:commit("c", "a", { durability = %q }))]]):format(level)))
            assert.is_true(synced_before_wal(list, "layers"), table.concat(list, ", "))
        end))
    end
end)

--- Runs a chunk with every call of some kind failing; answers what it printed.
local function with_failing(home, call, chunk)
    return (process.run({
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" .. call, "-e", ("inject=%s:error=EIO"):format(call),
        "lua5.4", process.WORKER, "script", home.root, chunk,
    }, { ASAN_OPTIONS = process.asan_options() }))
end

describe("a sync that fails", function()
    for _, level in ipairs { "layer", "full" } do
        it(("fails a commit at level %s, and the active stays"):format(level), needs.strace(function()
            local home <close> = filled()
            local chunk = ([[local ok, err = store:commit("c", "a", { durability = %q }); print(ok, err.kind)]])
            assert.equal("nil\tinternal\ndone\n", with_failing(home, "fsync,syncfs", chunk:format(level)))
            home.store = assert(home:open())
            assert.equal("active", assert(home.store:stat("a")).kind)
            assert(home.store:commit("c", "a"))
        end))
    end

    it("of the WAL fails a prepare, and leaves nothing that check finds serious", needs.strace(function()
        local home <close> = filled()
        local output = with_failing(home, "fdatasync", [[local ok, err = store:prepare("b"); print(ok, err.kind)]])
        assert.equal("nil\tinternal\ndone\n", output)
        home.store = assert(home:open())
        assert(home.store:cleanup())
        assert.same({}, assert(home.store:check()))
        assert(home.store:prepare("next"))
    end))
end)
