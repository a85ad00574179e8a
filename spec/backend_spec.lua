local backend = require "moonsnap.service.backend"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local tree = require "spec.support.tree"
local turns = require "spec.support.turns"
local world = require "spec.support.world"

local fails = expect.fails

--- A backend over home's root, and a loop that turns for it.
local function serve(home, options)
    local loop = turns.new(home, { look = true })
    local with = {
        writer = loop.writer, reader = loop.reader, batch = loop.batch, pool = loop.pool, tickets = loop.tickets,
        timers = loop.timers, failure = moonsnap.error,
    }
    for name, value in pairs(options or {}) do
        with[name] = value
    end
    return loop, backend.new(with)
end

--- What one verb answers, once it does.
local function call(loop, object, verb, ...)
    local arguments, answers = table.pack(...), nil
    loop:all { function()
        answers = table.pack(object[verb](object, table.unpack(arguments, 1, arguments.n)))
    end }
    return table.unpack(answers, 1, answers.n)
end

local function layers_of(home)
    return #tree.list(home.root .. "/layers")
end

for _, driver in ipairs { "overlay", "native" } do
    describe("a backend over " .. driver, function()
        it("goes from prepare to a child of what was committed", function()
            local home <close> = world.new { driver = driver }
            local loop <close>, shop = serve(home)
            local mounts = assert(call(loop, shop, "prepare", "a", nil, { labels = { l = "1" } }))
            tree.write(shop:layers("a")[1] .. "/f", "content")
            assert.same(mounts, assert(shop:mounts("a")))
            assert(call(loop, shop, "commit", "base", "a", { labels = { m = "2" } }))
            assert.same({ m = "2" }, assert(shop:stat("base")).labels)
            assert(call(loop, shop, "prepare", "b", "base"))
            assert(call(loop, shop, "view", "v", "base"))
            assert.same({ "b", "base", "v" }, expect.names(shop:walk()))
            fails("failed_precondition", call(loop, shop, "remove", "base"))
        end)

        it("answers errors as the store does", function()
            local home <close> = world.new { driver = driver }
            local loop <close>, shop = serve(home)
            assert(call(loop, shop, "prepare", "a"))
            assert(call(loop, shop, "prepare", "b"))
            assert(call(loop, shop, "commit", "base", "b"))
            fails("already_exists", call(loop, shop, "prepare", "a"))
            fails("not_found", call(loop, shop, "prepare", "c", "none"))
            fails("invalid_argument", call(loop, shop, "prepare", "c", "a"))
            fails("not_found", call(loop, shop, "commit", "x", "none"))
            fails("already_exists", call(loop, shop, "commit", "base", "a"))
            fails("already_exists", call(loop, shop, "commit", "base", "base"))
            fails("failed_precondition", call(loop, shop, "commit", "x", "base"))
            fails("not_found", call(loop, shop, "usage", "none"))
            fails("not_found", call(loop, shop, "touch", "none"))
            fails("not_found", call(loop, shop, "update", { name = "none" }))
            fails("not_found", shop:stat("none"))
            fails("failed_precondition", shop:mounts("base"))
            fails("unimplemented", shop:mount("a", "/nowhere"))
        end)

        it("measures what is large on a worker", function()
            local home <close> = world.new { driver = driver }
            local loop <close>, shop = serve(home)
            assert(call(loop, shop, "prepare", "a"))
            local layer = shop:layers("a")[1]
            for i = 1, 300 do
                tree.write(("%s/f%d"):format(layer, i), "x")
            end
            local usage = assert(call(loop, shop, "usage", "a"))
            assert.same(assert(home.store:usage("a")), usage)
            assert(call(loop, shop, "commit", "base", "a", { durability = "layer" }))
            assert.same(usage, assert(call(loop, shop, "usage", "base")))
        end)

        it("frees in the background, and at once when it is told to", function()
            local home <close> = world.new { driver = driver }
            local loop <close>, shop = serve(home)
            for _, key in ipairs { "a", "b", "c" } do
                assert(call(loop, shop, "prepare", key))
                tree.write(shop:layers(key)[1] .. "/f", "x")
            end
            for _, key in ipairs { "a", "b", "c" } do
                assert(call(loop, shop, "remove", key))
            end
            loop:until_then(function() return not shop.shop.sweeping and not shop.shop.soon end)
            assert.same({}, tree.list(home.root .. "/trash"))
            assert.equal(0, layers_of(home))
            assert(call(loop, shop, "prepare", "d"))
            local waiting = backend.new {
                writer = loop.writer, reader = loop.reader, batch = loop.batch, pool = loop.pool,
                tickets = loop.tickets, timers = loop.timers, failure = moonsnap.error, sync_remove = true,
            }
            tree.write(shop:layers("d")[1] .. "/f", "x")
            assert(call(loop, waiting, "remove", "d"))
            assert.same({}, tree.list(home.root .. "/trash"))
        end)

        it("cleans up what a crash left", function()
            local home <close> = world.new { driver = driver }
            local loop <close>, shop = serve(home)
            assert(call(loop, shop, "prepare", "a"))
            assert(call(loop, shop, "prepare", "gone"))
            assert(call(loop, shop, "remove", "gone"))
            loop:until_then(function() return not shop.shop.sweeping and not shop.shop.soon end)
            tree.mkdir(home.root .. "/layers/2")
            tree.write(home.root .. "/layers/2/f", "x")
            local cleaned = assert(call(loop, shop, "cleanup"))
            assert.equal(1, cleaned.orphans)
            assert.equal(1, layers_of(home))
            assert.same({}, assert(call(loop, shop, "check")))
        end)
    end)
end

describe("a backend over native", function()
    it("copies parents on workers, with the batch free meanwhile", function()
        local home <close> = world.new { driver = "native" }
        local loop <close>, shop = serve(home)
        assert(call(loop, shop, "prepare", "a"))
        for i = 1, 400 do
            tree.write(("%s/f%d"):format(shop:layers("a")[1], i), tostring(i))
        end
        assert(call(loop, shop, "commit", "base", "a"))
        local order = {}
        loop:all {
            function()
                assert(shop:prepare("child", "base"))
                order[#order + 1] = "child"
            end,
            function()
                assert(shop:prepare("other"))
                order[#order + 1] = "other"
            end,
        }
        assert.same({ "other", "child" }, order)
        assert.equal("400", tree.read(shop:layers("child")[1] .. "/f400"))
        fails("already_exists", call(loop, shop, "prepare", "child", "base"))
        fails("canceled", call(loop, shop, "prepare", "late", "base", { alive = function() return false end }))
        assert.same({}, tree.list(home.root .. "/new"))
    end)

    it("takes no copy of a parent that was replaced meanwhile", function()
        local home <close> = world.new { driver = "native" }
        local loop <close>, shop = serve(home)
        for _, name in ipairs { "one", "two" } do
            assert(call(loop, shop, "prepare", "k"))
            tree.write(shop:layers("k")[1] .. "/f", name)
            assert(call(loop, shop, "commit", name, "k"))
        end
        local stage = assert(loop.reader.engine:fill("default", "x", "one", "active"))
        repeat until not stage:step(1000)
        assert(call(loop, shop, "remove", "one"))
        assert(call(loop, shop, "prepare", "k", "two"))
        assert(call(loop, shop, "commit", "one", "k"))
        fails("aborted", home.store:prepare("x", "one", { filled = stage }))
        stage:close()
        assert(call(loop, shop, "prepare", "x", "one"))
        assert.equal("two", tree.read(shop:layers("x")[1] .. "/f"))
    end)
end)

describe("a backend's pages", function()
    local list = moonsnap.message.type "containerd.services.snapshots.v1.ListSnapshotsResponse"

    --- All infos of the pages that filters select, as walk tells them; and how many pages there were.
    local function paged(shop, filters)
        local infos, count = {}, 0
        for bytes in assert(shop:pages(filters)) do
            count = count + 1
            for _, info in ipairs(assert(list:decode(bytes)).info) do
                infos[#infos + 1] = ("%s<%s %d %d %d %s"):format(info.name, info.parent, info.kind, info.created_at,
                    info.updated_at, info.labels.l or "")
            end
        end
        return infos, count
    end

    local KINDS = { view = 1, active = 2, committed = 3 }

    local function walked(shop, ...)
        local infos = {}
        for info in shop:walk(...) do
            infos[#infos + 1] = ("%s<%s %d %d %d %s"):format(info.name, info.parent, KINDS[info.kind], info.created,
                info.updated, info.labels.l or "")
        end
        return infos
    end

    --- Chains of many lengths, so that parents are near and far; other namespaces between.
    local function forest(home)
        home.store:transaction(function(store)
            local other = assert(store:namespace("other"))
            local names = {}
            for i = 1, 450 do
                local parent = names[(i * 7919) % (#names + 1)]
                local labels = i % 3 == 0 and { l = tostring(i), m = ("x"):rep(i) } or nil
                if i % 2 == 0 then
                    assert(store:prepare("k" .. i, parent))
                    names[#names + 1] = "n" .. i
                    assert(store:commit("n" .. i, "k" .. i, { labels = labels }))
                else
                    assert(store:view("v" .. i, parent, { labels = labels }))
                    assert(other:view("v" .. i))
                end
            end
            return true
        end)
    end

    it("show what a walk shows", function()
        local home <close> = world.new()
        forest(home)
        local _loop <close>, shop = serve(home)
        local infos, count = paged(shop, {})
        assert.same(walked(shop), infos)
        assert.is_true(count >= 5)
        for _, filter in ipairs { "kind==view", "labels.l", "parent==n2", "name~=^n.*0$", "name==nothing" } do
            assert.same(walked(shop, filter), (paged(shop, { filter })))
        end
        assert.same(walked(shop, "kind==view", "labels.l==30"), (paged(shop, { "kind==view", "labels.l==30" })))
    end)

    it("pass over what was removed under way, and close early", function()
        local home <close> = world.new()
        forest(home)
        local loop <close>, shop = serve(home)
        local pages = assert(shop:pages {})
        assert(list:decode(pages()))
        for i = 301, 449, 2 do
            assert(call(loop, shop, "remove", "v" .. i))
        end
        local seen = {}
        for bytes in pages do
            for _, info in ipairs(assert(list:decode(bytes)).info) do
                seen[info.name] = true
            end
        end
        assert.is_true(seen.n450 and not seen.v449)
        assert(list:decode(assert(shop:pages {})()))
    end)

    it("know nothing of what was rolled back", function()
        local home <close> = world.new()
        local store = home.store
        local function parents()
            local found = {}
            local pages = assert(store.engine:pages("default"))
            for _, info in ipairs(assert(list:decode(pages:next())).info) do
                found[info.name] = info.parent
            end
            return found
        end
        store:transaction(function()
            assert(store:prepare("k"))
            assert(store:commit("lost", "k"))
            assert(store:view("v", "lost"))
            assert.same({ lost = "", v = "lost" }, parents())
            return nil, "no"
        end)
        assert(store:prepare("k"))
        assert(store:commit("kept", "k"))
        assert(store:view("v", "kept"))
        assert.same({ kept = "", v = "kept" }, parents())
    end)

    it("refuse a filter that is none", function()
        local home <close> = world.new()
        local _loop <close>, shop = serve(home)
        fails("invalid_argument", shop:pages { 'kind=="x' })
    end)
end)

describe("a backend", function()
    it("does many things at once", function()
        local home <close> = world.new()
        local loop <close>, shop = serve(home)
        local fns, wrong = {}, {}
        for i = 1, 40 do
            fns[i] = function()
                local key, name = "k" .. i, "n" .. i
                local ok, err = shop:prepare(key)
                ok, err = ok and shop:usage(key), err
                ok, err = ok and shop:commit(name, key), err
                ok, err = ok and shop:update { name = name, labels = { i = tostring(i) } }, err
                ok, err = ok and shop:remove(name), err
                if not ok then
                    wrong[#wrong + 1] = err
                end
            end
        end
        fns[41] = function() assert(shop:cleanup()) end
        loop:all(fns)
        assert.same({}, wrong)
        assert.same({}, expect.names(shop:walk()))
        assert.is_true(loop.batch.counts.batches < 40)
    end)

    it("works in the namespace that it is asked for", function()
        local home <close> = world.new()
        local loop <close>, shop = serve(home)
        local other = assert(shop:namespace("other"))
        assert(call(loop, other, "prepare", "a"))
        fails("not_found", shop:stat("a"))
        assert(other:stat("a"))
        assert.same({ "other" }, shop:namespaces())
        fails("invalid_argument", shop:namespace(""))
    end)

    it("stops a walk that nobody waits for", function()
        local home <close> = world.new()
        local loop <close>, shop = serve(home)
        assert(call(loop, shop, "prepare", "a"))
        for i = 1, 200 do
            tree.write(("%s/f%d"):format(shop:layers("a")[1], i), "x")
        end
        fails("canceled", call(loop, shop, "usage", "a", { alive = function() return false end }))
        fails("canceled", call(loop, shop, "commit", "b", "a",
            { durability = "full", alive = function() return false end }))
        fails("canceled", call(loop, shop, "remove", "a", { alive = function() return false end }))
        assert(shop:stat("a"))
    end)

    it("tells where upper directories are when it is told to", function()
        local home <close> = world.new()
        local loop <close>, shop = serve(home, { upperdir_label = true })
        assert(call(loop, shop, "prepare", "a", nil, { labels = { l = "1" } }))
        local wanted = { l = "1", ["containerd.io/snapshot/overlay.upperdir"] = shop:layers("a")[1] }
        assert.same(wanted, shop:stat("a").labels)
        for info in shop:walk() do
            assert.same(wanted, info.labels)
        end
        local updated = assert(call(loop, shop, "update", { name = "a", labels = { l = "2" } }))
        wanted.l = "2"
        assert.same(wanted, updated.labels)
        assert.same({ l = "2" }, assert(home.store:stat("a")).labels)
        local list = moonsnap.message.type "containerd.services.snapshots.v1.ListSnapshotsResponse"
        local message = assert(list:decode(shop:pages {}()))
        assert.same(wanted, message.info[1].labels)
    end)

    it("writes through one store and refuses to through the other", function()
        local home <close> = world.new()
        local loop <close>, shop = serve(home)
        fails("failed_precondition", loop.reader:prepare("a"))
        fails("failed_precondition", loop.reader:touch("a"))
        assert(call(loop, shop, "prepare", "a"))
        local store = assert(call(loop, shop, "transaction", function(store)
            assert(store:prepare("b"))
            return store:stat("b")
        end))
        assert.equal("b", store.name)
    end)
end)
