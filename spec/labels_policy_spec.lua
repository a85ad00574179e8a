--- Label policies on requests as the hooks see them: who may give which labels, and what becomes of them.

local labels = require "moonsnap.policy.labels"
local moonsnap = require "moonsnap"

local SECOND = 1000000000
local NOW = 1795543200 * SECOND -- 2026-11-24T18:00:00Z

local function new()
    return labels.new { filter = moonsnap.filter, now = function() return NOW end }
end

--- Applies policies to a request as the hooks do: what is denied, or the labels that come out.
local function apply(policies, request)
    local set, hooks = new(), {}
    for i, policy in ipairs(policies) do
        local hook, wrong = set:add(policy[1], policy[2])
        assert(hook, wrong)
        hooks[i] = hook
        hook.rank = i
    end
    table.sort(hooks, function(a, b)
        if a.phase ~= b.phase then
            return a.phase == "validate"
        end
        return a.priority > b.priority or a.priority == b.priority and a.rank < b.rank
    end)
    for _, hook in ipairs(hooks) do
        local about = false
        for _, verb in ipairs(hook.on) do
            about = about or verb == request.verb
        end
        local verdict = about and hook.run(request)
        if verdict and verdict.verdict == "deny" then
            return nil, verdict
        end
        for name, value in pairs(verdict and verdict.labels or {}) do
            request.labels[name] = value or nil
        end
    end
    return request.labels
end

local function request(fields)
    local made = { verb = "prepare", namespace = "default", key = "k", parent = "", kind = "active", labels = {},
        caller = { door = "command", uid = 1000, gid = 100, pid = 1 } }
    for name, value in pairs(fields) do
        made[name] = value
    end
    return made
end

local function with(given)
    return request { labels = given }
end

--- An update of single labels of a snapshot that has old.
local function update(old, given, ...)
    local paths = {}
    for name in pairs(given) do
        paths[#paths + 1] = "labels." .. name
    end
    for _, name in ipairs { ... } do
        paths[#paths + 1] = "labels." .. name
    end
    return request { verb = "update", labels = given, fieldpaths = paths,
        current = { name = "k", labels = old, created = NOW - 3600 * SECOND } }
end

local function denied(kind, says, policies, asked)
    local out, verdict = apply(policies, asked)
    assert.is_nil(out)
    assert.equal(kind, verdict.kind)
    assert.is_truthy(verdict.text:find(says, 1, true), verdict.text)
end

describe("label.require", function()
    local TENANT = { { "require", { "tenant", pattern = "^[a-z][a-z0-9-]*$" } } }

    it("lets a request pass that has the label", function()
        assert.same({ tenant = "blue-1" }, apply(TENANT, with { tenant = "blue-1" }))
    end)

    it("refuses one without it, and one of another form", function()
        denied("invalid_argument", "label 'tenant' is missing", TENANT, with {})
        denied("invalid_argument", "label 'tenant' is 'Blue': it must match", TENANT, with { tenant = "Blue" })
        denied("invalid_argument", "missing", TENANT, with { tenant = "" })
    end)

    it("names what may be given", function()
        denied("invalid_argument", "it must be a, b or c", { { "require", { "x", one_of = { "a", "b", "c" } } } },
            with { x = "d" })
    end)

    it("is content with what a default or a rewrite makes of the labels", function()
        assert.same({ tenant = "nobody" }, apply({ TENANT[1], { "default", { "tenant", "nobody" } } }, with {}))
        assert.same({ tenant = "blue" },
            apply({ TENANT[1], { "rewrite", { "team", as = "tenant" } } }, with { team = "blue" }))
    end)

    it("holds an update to it that takes the label away, and no other", function()
        denied("invalid_argument", "missing", TENANT, update({ tenant = "blue" }, {}, "tenant"))
        denied("invalid_argument", "must match", TENANT, update({ tenant = "blue" }, { tenant = "?" }))
        assert.is_truthy(apply(TENANT, update({ tenant = "blue" }, { other = "x" })))
        assert.is_truthy(apply(TENANT, update({}, { other = "x" })))
    end)

    it("leaves updates alone with update = false", function()
        local policy = { { "require", { "tenant", pattern = "^[a-z]+$", update = false } } }
        assert.is_truthy(apply(policy, update({ tenant = "blue" }, {}, "tenant")))
    end)

    it("is about the snapshots that key, namespace, match and peer say", function()
        local policy = { { "require", { "base", key = "base/*", namespace = { "a", "b*" }, match = "kind==active",
            peer = { uid = { 1000 } } } } }
        denied("invalid_argument", "missing", policy, request { key = "base/1", namespace = "bb" })
        assert.is_truthy(apply(policy, request { key = "other", namespace = "bb" }))
        assert.is_truthy(apply(policy, request { key = "base/1", namespace = "c" }))
        assert.is_truthy(apply(policy, request { key = "base/1", namespace = "a", kind = "view" }))
        assert.is_truthy(apply(policy, request { key = "base/1", namespace = "a",
            caller = { door = "module", uid = 0, gid = 0 } }))
    end)

    it("matches an update by the labels as they will be", function()
        local policy = { { "bound", { "cost", max = 10, match = "labels.class==cache" } } }
        denied("invalid_argument", "at most 10", policy, update({ class = "cache" }, { cost = "11" }))
        assert.is_truthy(apply(policy, update({ class = "x" }, { cost = "11" })))
    end)
end)

describe("label.default", function()
    it("sets what is not given, by a text or a function of the request", function()
        local policies = { { "default", { "tier", "scratch" } },
            { "default", { "who", function(asked) return "uid-" .. asked.caller.uid end } } }
        assert.same({ tier = "scratch", who = "uid-1000" }, apply(policies, with {}))
        assert.same({ tier = "gold", who = "me" }, apply(policies, with { tier = "gold", who = "me" }))
    end)
end)

describe("label.deny", function()
    it("refuses the label, by name or pattern", function()
        denied("invalid_argument", "label 'secret/x' may not be given", { { "deny", { "secret/*" } } },
            with { ["secret/x"] = "1" })
        assert.is_truthy(apply({ { "deny", { "secret/*" } } }, with { public = "1" }))
    end)

    it("says what its author says", function()
        denied("invalid_argument", "ask the operators", { { "deny", { "x", text = "ask the operators" } } },
            with { x = "1" })
    end)

    it("lets an update name it with the value that it has: nothing is given", function()
        local policy = { { "deny", { "seed" } } }
        assert(apply(policy, update({ seed = "old" }, { seed = "old", other = "x" })))
        assert.is_nil(apply(policy, update({ seed = "old" }, { seed = "new" })))
    end)

    it("does not mind what policies themselves set", function()
        assert.same({ mark = "ours" },
            apply({ { "deny", { "mark" } }, { "default", { "mark", "ours" } } }, with {}))
    end)
end)

describe("label.rewrite", function()
    it("changes values by text, map and function, and drops", function()
        local function out(fields, value)
            return apply({ { "rewrite", fields } }, with { x = value })
        end
        assert.same({ x = "new" }, out({ "x", from = "old", to = "new" }, "old"))
        assert.same({ x = "other" }, out({ "x", from = "old", to = "new" }, "other"))
        assert.same({ x = "production" }, out({ "x", map = { prod = "production" } }, "prod"))
        assert.same({ x = "ABC" }, out({ "x", to = string.upper }, "abc"))
        assert.same({}, out({ "x", to = false }, "abc"))
        assert.same({ y = "abc" }, out({ "x", as = "y" }, "abc"))
    end)
end)

describe("label.bound", function()
    local SIZE = "containerd.io/snapshot/max-size"

    it("denies, clamps or drops what is out of bounds", function()
        denied("invalid_argument", "must be at most 10GiB", { { "bound", { SIZE, type = "size", max = "10GiB" } } },
            with { [SIZE] = "11GiB" })
        local clamp = { { "bound", { SIZE, type = "size", min = "1MiB", max = "10GiB", on = "clamp" } } }
        assert.same({ [SIZE] = "10737418240" }, apply(clamp, with { [SIZE] = "11GiB" }))
        assert.same({ [SIZE] = "1048576" }, apply(clamp, with { [SIZE] = "5" }))
        assert.same({ [SIZE] = "2GiB" }, apply(clamp, with { [SIZE] = "2GiB" }))
        assert.same({}, apply(clamp, with { [SIZE] = "a lot" }))
        assert.same({}, apply({ { "bound", { "x", one_of = { "a" }, on = "drop" } } }, with { x = "b" }))
    end)

    it("reads numbers, integers and durations", function()
        denied("invalid_argument", "no integer", { { "bound", { "n", type = "integer" } } }, with { n = "1.5" })
        denied("invalid_argument", "no number", { { "bound", { "n", type = "number" } } }, with { n = "0x10" })
        denied("invalid_argument", "no number", { { "bound", { "n", type = "number" } } }, with { n = "nan" })
        assert.same({ ttl = "86400s" },
            apply({ { "bound", { "ttl", type = "duration", max = "1d", on = "clamp" } } }, with { ttl = "2w" }))
    end)
end)

describe("label.expire", function()
    local TTL = { { "expire", { "ttl", default = "6h", max = "2d" } } }
    local EXPIRES = "moonsnap/expires"

    it("writes the end from the label, the default, or the most there is", function()
        assert.same("2026-11-24T20:00:00Z", apply(TTL, with { ttl = "2h" })[EXPIRES])
        assert.same("2026-11-25T00:00:00Z", apply(TTL, with {})[EXPIRES])
        assert.same("2026-11-26T18:00:00Z", apply(TTL, with { ttl = "1y" })[EXPIRES])
    end)

    it("ends at the last moment that can be written, where a ttl goes beyond", function()
        for _, ttl in ipairs { "300y", "106751d", "150000d", "3000000d", "9999999999999d" } do
            assert.equal("2261-12-31T23:59:59Z", apply({ { "expire", { "ttl" } } }, with { ttl = ttl })
                ["moonsnap/expires"], ttl)
            assert.equal("2261-12-31T23:59:59Z", apply({ { "expire", { "ttl", max = ttl } } }, with {})
                ["moonsnap/expires"], ttl)
        end
        assert.equal("2226-09-20T18:00:00Z",
            apply({ { "expire", { "ttl" } } }, with { ttl = "72983d" })["moonsnap/expires"])
    end)

    it("lets nobody write a later end", function()
        assert.same("2026-11-26T18:00:00Z", apply(TTL, with { [EXPIRES] = "2099-01-01T00:00:00Z" })[EXPIRES])
        assert.same("2026-11-24T19:00:00Z", apply(TTL, with { [EXPIRES] = "2026-11-24T19:00:00Z" })[EXPIRES])
        assert.same("2026-11-25T00:00:00Z", apply(TTL, with { [EXPIRES] = "never" })[EXPIRES])
    end)

    it("counts an update from when the snapshot was made", function()
        local old = { ttl = "2h", [EXPIRES] = "2026-11-24T19:00:00Z" }
        assert.same("2026-11-26T17:00:00Z", apply(TTL, update(old, { ttl = "30d" }))[EXPIRES])
        assert.same("2026-11-24T19:00:00Z", apply(TTL, update(old, {}, EXPIRES))[EXPIRES])
        assert.is_nil(apply(TTL, update(old, { other = "x" }))[EXPIRES])
    end)

    it("refuses a ttl that is no duration", function()
        denied("invalid_argument", "'soon' is no duration", TTL, with { ttl = "soon" })
    end)
end)

describe("label.protect", function()
    local BASE = { { "protect", { "base", peer = { uid = 0 }, snapshot = true } } }
    local ROOT = { door = "command", uid = 0, gid = 0, pid = 1 }

    it("lets only its peers set, change and take away the label", function()
        denied("permission_denied", "uid 1000 may not", BASE, with { base = "x" })
        denied("permission_denied", "uid 1000 may not", BASE, update({ base = "x" }, { base = "y" }))
        denied("permission_denied", "uid 1000 may not", BASE, update({ base = "x" }, {}, "base"))
        denied("permission_denied", "uid 1000 may not", BASE,
            request { verb = "update", labels = {}, current = { labels = { base = "x" } } })
        local asked = update({ base = "x" }, {}, "base")
        asked.caller = ROOT
        assert.is_truthy(apply(BASE, asked))
    end)

    it("lets others change what it does not protect", function()
        assert.is_truthy(apply(BASE, update({ base = "x" }, { other = "y" })))
        assert.is_truthy(apply(BASE, update({ base = "x" }, { base = "x" })))
    end)

    it("keeps what carries the label, also from its peers", function()
        local remove = request { verb = "remove", current = { labels = { base = "x" } }, caller = ROOT }
        denied("failed_precondition", "take the label away first", BASE, remove)
        assert.is_truthy(apply(BASE, request { verb = "remove", current = { labels = {} } }))
    end)

    it("knows doors", function()
        local policy = { { "protect", { "seed", doors = { "command", "module" } } } }
        denied("permission_denied", "may not", policy,
            request { labels = { seed = "x" }, caller = { door = "service", uid = 0, gid = 0 } })
        assert.is_truthy(apply(policy, with { seed = "x" }))
    end)

    it("does not let a commit lose what the active carries", function()
        local commit = request { verb = "commit", name = "n", current = { labels = { base = "x" } } }
        denied("permission_denied", "may not", BASE, commit)
    end)
end)

describe("label policies, wherever they stand,", function()
    it("rewrite first, then default, then bound, then expire", function()
        local policies = {
            { "expire", { "ttl" } },
            { "bound", { "ttl", type = "duration", max = "1h", on = "clamp" } },
            { "bound", { "cost", max = 10, on = "clamp" } },
            { "default", { "ttl", "2h" } },
            { "default", { "cost", "20" } },
            { "rewrite", { "time", as = "ttl" } },
        }
        assert.same({ cost = "10", ttl = "3600s", ["moonsnap/expires"] = "2026-11-24T19:00:00Z" },
            apply(policies, with {}))
        assert.same({ cost = "5", ttl = "10m", ["moonsnap/expires"] = "2026-11-24T18:10:00Z" },
            apply(policies, with { cost = "5", time = "10m" }))
        assert.equal("10", apply(policies, with { cost = "30" }).cost)
    end)
end)
