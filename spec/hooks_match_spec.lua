--- Which requests a hook is called for: filters, tables, the index, and what is refused at registration.
local expect = require "spec.support.expect"
local hooks = require "moonsnap.hooks"
local moonsnap = require "moonsnap"
local seed = require "spec.support.seed"
local world = require "spec.support.world"

local fails_saying = expect.fails_saying

local function new()
    return hooks.new { failure = moonsnap.error, clock = moonsnap.sys.steady, filter = moonsnap.filter }
end

--- What a hook with that match is called for, of some requests.
local function called(match, ...)
    local made, seen = new(), {}
    assert(made:add { "h", on = "*", match = match, run = function(request) seen[#seen + 1] = request.key end })
    for i, request in ipairs { ... } do
        request.verb, request.key = request.verb or "prepare", request.key or tostring(i)
        made.indexes.prepare:find(request)
        for _, entry in ipairs(made.indexes[request.verb]:find(request) or {}) do
            entry.run(request)
        end
    end
    return table.concat(seen, " ")
end

local function labelled(labels, more)
    local request = { labels = labels, parent = "", namespace = "default" }
    for name, value in pairs(more or {}) do
        request[name] = value
    end
    return request
end

describe("a match", function()
    it("is containerd's filter over the request's fields", function()
        assert.equal("1 3", called("labels.team==blue", labelled { team = "blue" }, labelled { team = "red" },
            labelled { team = "blue", x = "y" }, labelled {}))
        assert.equal("1 2", called("labels.team", labelled { team = "blue" }, labelled { team = "red" }, labelled {}))
        assert.equal("2 3", called("labels.team!=blue", labelled { team = "blue" }, labelled { team = "red" },
            labelled {}))
        assert.equal("1", called("labels.team~=^b", labelled { team = "blue" }, labelled { team = "red" }, labelled {}))
        assert.equal("2", called("labels.team==blue,kind==view", labelled({ team = "blue" }, { kind = "active" }),
            labelled({ team = "blue" }, { kind = "view" })))
    end)

    it("is a list of filters of which one holds", function()
        assert.equal("1 2", called({ "labels.team==blue", "labels.x" }, labelled { team = "blue", x = "y" },
            labelled { x = "z" }, labelled { team = "red" }))
        assert.equal("1 3", called({ "labels.a~=^x,labels.b", "labels.a==y" }, labelled { a = "xx", b = "1" },
            labelled { a = "xx" }, labelled { a = "y" }))
    end)

    it("is a table of fields that all hold", function()
        assert.equal("1", called({ ["labels.team"] = "blue", kind = "view" },
            labelled({ team = "blue" }, { kind = "view" }), labelled({ team = "blue" }, { kind = "active" })))
        assert.equal("2", called({ ["caller.uid"] = 0 }, labelled({}, { caller = { uid = 7 } }),
            labelled({}, { caller = { uid = 0 } }), labelled {}))
    end)

    it("reaches who calls, and the snapshot that is there", function()
        assert.equal("1", called("caller.door==service,caller.endpoint==proxy",
            labelled({}, { caller = { door = "service", endpoint = "proxy" } }),
            labelled({}, { caller = { door = "service", endpoint = "direct" } })))
        assert.equal("2", called('current.labels."a.b"==c', labelled({}, { current = { labels = {} } }),
            labelled({}, { current = { labels = { ["a.b"] = "c" } } }), labelled({ ["a.b"] = "c" })))
        assert.equal("1 2", called("parent", labelled {}, labelled({}, { parent = "p" })))
    end)

    it("is met by the verbs themselves: remove by the snapshot as it is, its kind and its parent", function()
        local home <close> = world.new()
        local seen = {}
        assert(home.store:prepare("making"))
        assert(home.store:commit("base", "making"))
        assert(home.store:prepare("a", "base", { labels = { team = "blue" } }))
        assert(home.store:hook { "h", on = { "remove", "update", "commit" }, match = "current.labels.team==blue",
            run = function(r) seen[#seen + 1] = ("%s %s %s %s"):format(r.verb, r.kind, r.parent, r.current.kind) end })
        assert(home.store:update({ name = "a", labels = {} }, { "labels.none" }))
        assert(home.store:commit("b", "a", { labels = { team = "blue" } }))
        assert(home.store:remove("b"))
        assert.same({ "update active base active", "commit committed base active",
            "remove committed base committed" }, seen)
    end)
end)

describe("the index", function()
    --- Some number below n.
    local function any(n)
        return math.random(n)
    end

    local function random_terms()
        local fields, ops = { "labels.a", "labels.b", "current.labels.a", "kind", "parent" }, { "==", "!=", "~=", "" }
        local terms = {}
        for i = 1, any(3) do
            local op = ops[any(4)]
            terms[i] = fields[any(5)] .. op .. (op == "" and "" or tostring(any(3)))
        end
        return table.concat(terms, ",")
    end

    local function random_request()
        local function labels()
            return { a = any(2) == 1 and tostring(any(3)) or nil, b = any(2) == 1 and tostring(any(3)) or nil }
        end
        return { verb = "prepare", key = "k", namespace = "n", parent = tostring(any(3)), kind = tostring(any(3)),
            labels = labels(), current = any(2) == 1 and { labels = labels() } or nil }
    end

    it("finds exactly the hooks whose match holds, in order", function()
        math.randomseed(seed)
        for round = 1, 30 do
            local made = new()
            for i = 1, 20 do
                local list = {}
                for j = 1, any(3) do
                    list[j] = random_terms()
                end
                assert(made:add { "h" .. i, on = "prepare", priority = any(3), match = any(5) > 1 and list or nil,
                    run = print })
            end
            for _ = 1, 20 do
                local request, wanted, found = random_request(), {}, {}
                for _, entry in ipairs(made:all()) do
                    if not entry.match or entry.match:matches(request, {}) then
                        wanted[#wanted + 1] = entry.name
                    end
                end
                for i, entry in ipairs(made.indexes.prepare:find(request) or {}) do
                    found[i] = entry.name
                end
                assert.same(wanted, found, ("MOONSNAP_SEED=%d, round %d"):format(seed, round))
            end
        end
    end)

    it("does not look at hooks whose label the request does not have", function()
        local made, looked = new(), 0
        for i = 1, 100 do
            assert(made:add { "h" .. i, on = "prepare", run = print,
                match = { ("labels.l%d==x,kind!=view"):format(i), ("labels.m%d==x"):format(i) } })
        end
        for _, entry in ipairs(made:all()) do
            local matches = entry.match.matches
            entry.match = setmetatable({ matches = function(...)
                looked = looked + 1
                return matches(...)
            end }, { __index = entry.match })
        end
        assert.is_nil(made.indexes.prepare:find(labelled { other = "x", l7 = "y" }))
        assert.equal(0, looked)
        assert.equal("h7", made.indexes.prepare:find(labelled { l7 = "x" })[1].name)
        assert.equal(1, looked)
    end)
end)

describe("hooks:add refuses", function()
    local function refused(text, hook)
        hook.run = hook.run == nil and print or hook.run
        hook.name = hook.name == nil and "h" or hook.name or nil
        hook.on = hook.on == nil and "prepare" or hook.on or nil
        fails_saying("invalid_argument", text, new():add(hook))
    end

    it("a filter that does not parse, with its error", function()
        refused("hook 'h': match: filters: parse error", { match = "labels.team=blue" })
        refused("match: filters: parse error", { match = { "kind==view", "labels.(" } })
    end)

    it("a field that no request has", function()
        refused("a request has no field 'label.team'", { match = "label.team==blue" })
        refused("a request has no field 'caller.name'", { match = { ["caller.name"] = "root" } })
    end)

    it("a match that is none", function()
        refused("match: it is empty", { match = {} })
        refused("match: fields with the text that each must have", { match = { kind = true } })
        refused("match: a filter, a list of filters or a table of fields expected, got number", { match = 7 })
    end)

    it("an unknown verb, phase, effect, field, and says which one was meant", function()
        refused("on: there is no 'prepares': did you mean 'prepare'?", { on = { "prepares" } })
        refused("phase: there is no 'befor': did you mean 'before'?", { phase = "befor" })
        refused("effects: there is no 'denied'", { effects = { "denied" } })
        refused("field: there is no 'priorty': did you mean 'priority'?", { priorty = 3 })
        refused("fail: there is no 'shut'", { fail = "shut" })
        refused("budget: there is no 'time'", { budget = { time = 3 } })
    end)

    it("values of a wrong type", function()
        refused("priority: integer expected, got string", { priority = "high" })
        refused("budget: seconds: a number above 0 expected", { budget = { seconds = "1s" } })
        refused("budget: memory: a whole number above 0 expected", { budget = { memory = 0 } })
        refused("on: it is empty", { on = {} })
        refused("run: a function expected, got string", { run = "print" })
        refused("name: it has none", { name = "" })
        fails_saying("invalid_argument", "a table expected, got nil", new():add())
    end)

    it("around where nothing can be taken back", function()
        refused("phase around: not of mount", { phase = "around", on = "mount" })
    end)

    it("a second one of a name", function()
        local made = new()
        assert(made:add { "h", on = "prepare", run = print })
        fails_saying("already_exists", "hook 'h': there is one of that name",
            made:add { "h", on = "view", run = print })
    end)
end)
