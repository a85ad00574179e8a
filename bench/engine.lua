--- The engine's figures, as ratios in one run: `./run bench engine`. As root, in a mount namespace of
--- its own for the mounts.
local measure = require "bench.support.measure"
local moonsnap = require "moonsnap"

local ROUNDS = 7
local raw = os.getenv("MOONSNAP_SPEC_TOOLS") .. "/raw"

--- prepare and commit of an empty layer through the module, against the same directories, rows,
--- transactions and syncs in bare C.
local function prepare_and_commit()
    local COUNT = 40
    local home <close> = measure.scratch()
    local store <close> = assert(moonsnap.open { root = home.path .. "/store" })
    local function ours(round)
        local function one(i)
            local key = ("key-%d-%d"):format(round, i)
            assert(store:prepare(key))
            assert(store:commit("committed-" .. key, key))
        end
        for warm = -5, -1 do
            one(warm)
        end
        return measure.took(function()
            for i = 1, COUNT do
                one(i)
            end
        end) / COUNT
    end
    local function bare(round)
        local dir = ("%s/raw-%d"):format(home.path, round)
        assert(os.execute(("mkdir '%s'"):format(dir)))
        return measure.number(("'%s' commit '%s' %d"):format(raw, dir, COUNT)) / COUNT
    end
    local found = measure.side_by_side(ROUNDS, ours, bare)
    measure.report("prepare and commit, against the bare calls",
        ("%.2f (%s / %s)"):format(found.ratio, measure.show(found.ours), measure.show(found.other)),
        "<= 1.3", found.ratio <= 1.3)
end

--- A store with many rows: committed ones by tens of thousands, ten of which carry a label.
local function many_rows(store, count)
    for first = 1, count, 1000 do
        assert(store:transaction(function()
            for i = first, first + 999 do
                local rare = i % (count // 10) == 0 and "yes" or nil
                assert(store:view("view-" .. i, "base", { labels = { number = tostring(i), rare = rare } }))
            end
            return true
        end))
    end
end

local function large_store()
    local COUNT = 100000
    local home <close> = measure.scratch()
    local options = { root = home.path .. "/store" }
    do
        local store <close> = assert(moonsnap.open(options))
        assert(store:prepare("making"))
        assert(store:commit("base", "making"))
        many_rows(store, COUNT)
    end
    local opens, walks = {}, {}
    for round = 1, 21 do
        local store
        opens[round] = measure.took(function()
            store = assert(moonsnap.open(options))
        end)
        store:close()
    end
    local store <close> = assert(moonsnap.open(options))
    for round = 1, 21 do
        local seen = 0
        walks[round] = measure.took(function()
            for _ in store:walk("labels.rare==yes") do
                seen = seen + 1
            end
        end)
        assert(seen == 10, "the filter must select ten")
    end
    local open, walk = measure.median(opens), measure.median(walks)
    measure.report("open a store of 100,000 rows", measure.show(open), "< 10 ms", open < 10e6)
    measure.report("walk 100,000 rows, a label that ten have", measure.show(walk), "< 1 ms", walk < 1e6)
end

--- A chain of count committed layers; the name of the topmost.
local function chain(store, count, prefix)
    local parent
    for i = 1, count do
        local name = prefix .. i
        assert(store:prepare("making", parent))
        assert(store:commit(name, "making", { durability = "metadata" }))
        parent = name
    end
    return parent
end

local function deep_chains()
    local home <close> = measure.scratch()
    local store <close> = assert(moonsnap.open { root = home.path .. "/store" })
    local one, deep = chain(store, 1, "one-"), chain(store, 128, "deep-")
    local function prepares(parent)
        return function(round)
            local COUNT = 60
            return measure.took(function()
                for i = 1, COUNT do
                    assert(store:prepare(("%s-%d-%d"):format(parent, round, i), parent))
                end
            end) / COUNT
        end
    end
    prepares(one)(0)
    local found = measure.side_by_side(2 * ROUNDS + 1, prepares(deep), prepares(one))
    measure.report("prepare on 128 layers, against on one",
        ("%.2f (%s / %s)"):format(found.ratio, measure.show(found.ours), measure.show(found.other)),
        "<= 1.10", found.ratio <= 1.10)
end

--- The mounts need the right to mount; the namespace is the caller's (see the end).
local function many_layers()
    local home <close> = measure.scratch()
    local store <close> = assert(moonsnap.open { root = home.path .. "/store" })
    local top = chain(store, 500, "layer-")
    local target = home.path .. "/target"
    assert(os.execute(("mkdir '%s'"):format(target)))
    assert(store:view("view", top))
    local layers = {}
    for i, path in ipairs(assert(store:layers("view"))) do
        layers[i] = "'" .. path .. "'"
    end
    local bare = ("'%s' mount '%s' %s"):format(raw, target, table.concat(layers, " "))
    local function ours()
        local took = measure.took(function()
            assert(store:mount("view", target))
        end)
        assert(store:unmount(target))
        return took
    end
    ours()
    local found = measure.side_by_side(2 * ROUNDS + 1, ours, function()
        return measure.number(bare)
    end)
    measure.report("mount of 500 layers, against the bare calls",
        ("%.2f (%s / %s)"):format(found.ratio, measure.show(found.ours), measure.show(found.other)),
        "<= 1.2", found.ratio <= 1.2)
end

prepare_and_commit()
deep_chains()
large_store()
if moonsnap.sys.can_mount() then
    assert(moonsnap.sys.enter_mount_namespace())
    many_layers()
else
    print("mount of 500 layers: needs root")
end
