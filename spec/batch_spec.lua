local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local task = require "moonsnap.service.task"
local tree = require "spec.support.tree"
local turns = require "spec.support.turns"
local world = require "spec.support.world"

local fails = expect.fails

local function prepares(loop, count, answers, name)
    local fns = {}
    for i = 1, count do
        fns[i] = function()
            local key = (name or "k") .. i
            answers[i] = table.pack(loop.batch:write(function(store) return store:prepare(key) end))
        end
    end
    return fns
end

describe("batch:write(fn)", function()
    it("answers what fn answers", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local mounts
        loop:all { function() mounts = loop.batch:write(function(store) return store:prepare("a") end) end }
        assert.equal("bind", mounts[1].type)
        assert.equal("active", assert(loop.reader:stat("a")).kind)
    end)

    it("makes one transaction of what arrived together", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local answers = {}
        loop:all(prepares(loop, 64, answers))
        for i = 1, 64 do
            assert(answers[i][1])
        end
        assert.equal(1, loop.batch.counts.batches)
        assert.equal(64, loop.batch.counts.largest)
        assert.equal(64, loop.batch.counts.writes)
    end)

    it("lets one that fails fail alone, without a row or a directory", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local answers = {}
        local fns = prepares(loop, 9, answers)
        fns[4] = function()
            answers[4] = table.pack(loop.batch:write(function(store)
                assert(store:prepare("half"))
                return store:prepare("x", "no such parent")
            end))
        end
        fns[6] = function()
            answers[6] = table.pack(loop.batch:write(function(store)
                assert(store:prepare("raised"))
                error("a bug")
            end))
        end
        fns[8] = function()
            answers[8] = table.pack(loop.batch:write(function(store)
                assert(store:prepare("yielded"))
                coroutine.yield()
            end))
        end
        loop:all(fns)
        fails("not_found", table.unpack(answers[4], 1, 2))
        expect.fails_saying("internal", "a bug", table.unpack(answers[6], 1, 2))
        fails("internal", table.unpack(answers[8], 1, 2))
        assert.same({ "k1", "k2", "k3", "k5", "k7", "k9" }, expect.names(loop.reader:walk()))
        assert.equal(6, #tree.list(home.root .. "/layers"))
        assert.equal(6, #tree.list(home.root .. "/work"))
    end)

    it("commits nothing when all have failed", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local err
        loop:all { function() err = select(2, loop.batch:write(function(store) return store:remove("x") end)) end }
        assert.equal("not_found", err.kind)
        assert.equal(0, loop.batch.counts.batches)
    end)

    it("sees what the writes before it in the batch did", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local first, second
        loop:all {
            function() first = loop.batch:write(function(store) return store:prepare("a") end) end,
            function()
                second = select(2, loop.batch:write(function(store) return store:prepare("a") end))
            end,
        }
        assert.is_table(first)
        assert.equal("already_exists", second.kind)
    end)

    it("answers nobody before the batch is durable, and reads wait for nothing meanwhile", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local state = loop:spawn(function()
            assert(loop.batch:write(function(store)
                local mounts = store:prepare("a")
                fails("not_found", loop.reader:stat("a"))
                return mounts
            end))
        end)
        loop.batch:turn()
        assert.is_false(state.ended)
        assert.same({ 0, 1 }, { loop.batch:pending() })
        loop:until_then(function() return state.ended end)
        assert(loop.reader:stat("a"))
    end)

    it("does not begin what nobody waits for", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local err
        loop:all { function()
            err = select(2, loop.batch:write(function(store) return store:prepare("a") end,
                function() return false end))
        end }
        assert.equal("canceled", err.kind)
        fails("not_found", loop.reader:stat("a"))
        local counts = loop.batch.counts
        assert.same({ 1, 0, 0 }, { counts.canceled, counts.failures, counts.writes })
    end)

    it("waits on its thread while another one writes", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local answer
        home.store:transaction(function(store)
            assert(store:prepare("theirs"))
            local state = loop:spawn(function()
                answer = loop.batch:write(function(mine) return mine:prepare("ours") end)
            end)
            loop.batch:turn()
            assert.equal(1, loop.batch.counts.waits)
            assert.is_false(state.ended)
            fails("not_found", loop.reader:stat("theirs"))
            return true
        end)
        loop:until_then(function() return answer end)
        assert.same({ "ours", "theirs" }, expect.names(loop.reader:walk()))
    end)

    it("tells everybody in a batch that cannot be made durable", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local answers = {}
        local fns = prepares(loop, 3, answers)
        fns[4] = function() answers[4] = table.pack(loop.batch:write(function(store) return store:stat("x") end)) end
        fns[5] = function()
            answers[5] = table.pack(loop.batch:write(function(store) return store:stat("k1") end))
        end
        tree.remove(home.root .. "/layers") -- no directory can be made there any more
        loop:all(fns)
        for _, i in ipairs { 1, 2, 3, 5 } do
            expect.fails_saying("unavailable", "make the directory", table.unpack(answers[i], 1, 2))
        end
        fails("not_found", table.unpack(answers[4], 1, 2))
        assert.same({}, expect.names(loop.reader:walk()))
        assert.same({}, tree.list(home.root .. "/work"))
        assert.equal(1, loop.batch.counts.broken)
        tree.mkdir(home.root .. "/layers")
    end)

    it("makes directories when it commits, or when somebody looks", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local before, after, path
        loop:all { function()
            assert(loop.batch:write(function(store)
                assert(store:prepare("a"))
                assert(store:prepare("b"))
                before = #tree.list(home.root .. "/layers")
                path = assert(store:layers("a"))[1]
                tree.write(path .. "/f", "x")
                after = #tree.list(home.root .. "/layers")
                assert(store:commit("base", "a"))
                return store:prepare("c", "base")
            end))
        end }
        assert.same({ 0, 2 }, { before, after })
        assert.equal(4, #tree.list(home.root .. "/layers")) -- three and a marker
        assert.is_true(tree.exists(path .. "/f"))
        assert.same({}, assert(home.store:check()))
    end)

    it("takes directories of what was removed away behind it", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        loop:all(prepares(loop, 40, {}))
        local layers = #tree.list(home.root .. "/layers")
        local removes = {}
        for i = 1, 40 do
            removes[i] = function()
                assert(loop.batch:write(function(store) return store:remove("k" .. i, { later = true }) end))
            end
        end
        loop:all(removes)
        loop:all { function()
            task.await(function(resume) loop.batch.retire:when_done(resume) end)
        end }
        assert.same({ 40, 0, 0, 0 }, { layers, #tree.list(home.root .. "/layers"), #tree.list(home.root .. "/work"),
            #tree.list(home.root .. "/trash") })
    end)

    it("takes them away when it closes, at the latest", function()
        local home <close> = world.new()
        do
            local loop <close> = turns.new(home)
            loop:all(prepares(loop, 3, {}))
            local guard = loop.writer.engine:transaction()
            assert(guard:begin())
            assert(loop.writer:remove("k1", { later = true }))
            assert(guard:commit())
            assert.equal(3, #tree.list(home.root .. "/layers"))
        end
        assert.equal(2, #tree.list(home.root .. "/layers"))
    end)

    it("sends entries of new directories to disk behind it", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        loop:all { function()
            assert(loop.batch:write(function(store) return store:prepare("a") end))
        end }
        loop:until_then(function() return not loop.batch.cover.waiting end)
        assert.is_false(loop.writer.engine:cover())
        loop:all { function()
            assert(loop.batch:write(function(store) return store:commit("b", "a") end))
        end }
        assert.is_truthy(loop.writer.engine:cover()) -- its marker
    end)

    it("gives the loop a turn between many writes", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local answers = {}
        for _, fn in ipairs(prepares(loop, 400, answers)) do
            loop:spawn(fn)
        end
        local again = loop.batch:turn()
        assert.is_true(again)
        loop:until_then(function() return loop.batch.counts.writes == 400 end)
        assert.is_true(loop.batch.counts.batches >= 2 and loop.batch.counts.batches <= 3)
    end)

    it("answers what is queued when it closes", function()
        local home <close> = world.new()
        local err
        do
            local loop <close> = turns.new(home)
            loop:spawn(function() err = select(2, loop.batch:write(function(store) return store:prepare("a") end)) end)
        end
        assert.equal("unavailable", err.kind)
    end)
end)

local function raises(text, fn, ...)
    local ok, raised = pcall(fn, ...)
    assert.is_false(ok)
    assert.is_truthy(tostring(raised):find(text, 1, true), tostring(raised))
end

describe("a store that a thread works on", function()
    it("is busy until the job has been answered", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        local guard = loop.writer.engine:transaction()
        assert(guard:begin())
        assert(loop.writer:prepare("a"))
        local ticket = assert(loop.pool:commit(guard))
        raises("store is busy", loop.writer.stat, loop.writer, "a")
        raises("store is busy", loop.writer.close, loop.writer)
        raises("transaction is closed", guard.commit, guard)
        assert.is_true(loop.writer.engine:is_open())
        assert.equal(home.root, loop.writer.engine:facts().root)
        local answer
        loop.tickets[ticket] = function(ok) answer = ok end
        loop:until_then(function() return answer end)
        assert(loop.writer:stat("a"))
    end)

    it("is waited for by the collector", function()
        local home <close> = world.new()
        local loop <close> = turns.new(home)
        for i = 1, 20 do
            assert(home.store:prepare("k" .. i))
            local seal = assert(loop.reader.engine:seal("default", "k" .. i, "layer"))
            assert(loop.pool:run(seal))
        end
        loop.pool:close()
        loop.pool = moonsnap.rpc.pool(loop.loop, 1)
        assert.equal(20, #expect.names(loop.reader:walk()))
    end)
end)
