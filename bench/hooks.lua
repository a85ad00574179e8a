--- What hooks cost: a prepare with none, with ten that match, with a hundred that do not: `./run bench hooks`. All of
--- it stands in transactions that are rolled back, so that no sync of the disk is in the figures.
local measure = require "bench.support.measure"
local hooks = require "moonsnap.hooks"
local moonsnap = require "moonsnap"

local ROUNDS, COUNT = 25, 100
for _, word in ipairs(arg) do
    if word == "--quick" then
        ROUNDS = 5
    end
end

local sandbox = require("moonsnap.core").sandbox

--- count hooks whose match is made by match(i), as a policy file has them; registered at the store.
local function hooks_of(store, count, match)
    local box = assert(sandbox.new { memory = 32 * 1024 * 1024, words = hooks.words })
    local text = "return function(request) if request.labels.tenant == 'nobody' then return {} end end"
    local _, run = box:call(assert(box:load("bench.lua", text)))
    store.shared.hooks = nil
    local set = hooks.of(store)
    for i = 1, count do
        assert(set:add({ name = "h" .. i, on = "prepare", match = match(i), run = run }, box))
    end
    return set
end

local LABELS = { tenant = "blue", project = "web", ["containerd.io/snapshot.ref"] = "sha256:0123456789abcdef" }

local keys = 0

local function prepare(store)
    keys = keys + 1
    local key = "k-" .. keys
    local began = measure.now()
    assert(store:prepare(key, nil, { labels = LABELS }))
    return measure.now() - began
end

--- Microseconds that a prepare takes without and with hooks, one after the other on one store.
local function side_by_side(store, set)
    local without, with = {}, {}
    for _ = 1, ROUNDS do
        store:transaction(function()
            for _ = 1, COUNT do
                store.shared.hooks = nil
                without[#without + 1] = prepare(store)
                store.shared.hooks = set
                with[#with + 1] = prepare(store)
            end
            return nil, "rolled back"
        end)
    end
    return measure.median(without) / 1000, measure.median(with) / 1000
end

local home <close> = measure.scratch()
local store <close> = assert(moonsnap.open { root = home.path .. "/store", durability = "metadata" })

local function report(what, wanted, count, match)
    local without, with = side_by_side(store, hooks_of(store, count, match))
    local more = with - without
    measure.report(what, ("%+.1f us on %.1f us"):format(more, without), ("<= %g us"):format(wanted), more <= wanted)
end

report("ten hooks that match", 10, 10, function() return "labels.tenant==blue" end)
report("ten hooks of three different matches", 10, 10, function(i)
    return ({ "labels.tenant==blue", "labels.project==web", "kind==active,labels.tenant" })[i % 3 + 1]
end)
report("ten hooks without a match", 10, 10, function() end)
report("a hundred hooks of other labels", 5, 100, function(i) return ("labels.l%d==x"):format(i) end)
report("a hundred hooks of other values of its label", 5, 100, function(i) return ("labels.tenant==t%d"):format(i) end)
report("a hundred hooks of another kind", 5, 100, function() return "kind==view" end)
store.shared.hooks = nil
