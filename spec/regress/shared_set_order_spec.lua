--- Hooks kept their place among all on themselves: when two stores asked the hooks of one set, each beside its own, the
--- place was that of the store whose hooks were put in order last, and the other one asked them in a wrong order.
local hooks = require "moonsnap.hooks"
local moonsnap = require "moonsnap"

local function new()
    return hooks.new { failure = moonsnap.error, clock = moonsnap.sys.steady, filter = moonsnap.filter }
end

local function add(made, name, priority, label)
    assert(made:add { name, on = "prepare", priority = priority, match = label .. "==x", run = print })
end

describe("a set of hooks that two stores use", function()
    it("is asked by each at its place among the store's own hooks", function()
        local policy, first, second = new(), new(), new()
        add(policy, "high", 9, "labels.a")
        add(policy, "low", 1, "labels.b")
        add(first, "between", 5, "labels.c")
        for i = 1, 3 do
            add(second, "before" .. i, 20, "labels.a")
        end
        for _, made in ipairs { first, second } do
            made:use("policy", policy)
            made:all()
        end
        local names, request = {}, { verb = "prepare", key = "k", labels = { a = "x", b = "x", c = "x" }, parent = "" }
        for i, entry in ipairs(first.indexes.prepare:find(request)) do
            names[i] = entry.name
        end
        assert.same({ "high", "between", "low" }, names)
    end)
end)
