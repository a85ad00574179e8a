--- The plugin graph: order, refusals, failures, wrappers.
local moonsnap = require "moonsnap"
local plugin = require "moonsnap.plugin"

local function registration(type_id, requires, init)
    local type_of, id = type_id:match("^(.*)%.([^.]+)$")
    return { type = type_of, id = id, requires = requires, init = init or function() return { name = type_id } end }
end

--- A registry of registrations, in that order.
local function registry_of(...)
    local registry = plugin.registry()
    for _, one in ipairs { ... } do
        registry:register(one)
    end
    return registry
end

local function start(registry, options)
    options = options or {}
    options.root, options.failure = "/root", moonsnap.error
    return registry:start(options)
end

local function names(plugins)
    local found = {}
    for i, one in ipairs(plugins) do
        found[i] = one.name or plugin.name(one)
    end
    return found
end

describe("registry:order()", function()
    it("puts a plugin behind what it requires, by type and by name", function()
        local registry = registry_of(
            registration("grpc.snapshots", { "service.snapshots" }),
            registration("service.snapshots", { "snapshotter" }),
            registration("snapshotter.native"), registration("snapshotter.overlayfs"))
        assert.same({ "snapshotter.native", "snapshotter.overlayfs", "service.snapshots", "grpc.snapshots" },
            names(registry:order()))
    end)

    it("refuses a cycle, naming its path", function()
        local registry = registry_of(registration("a.one", { "b" }), registration("b.two", { "c" }),
            registration("c.three", { "b.two" }))
        local order, wrong = registry:order()
        assert.is_nil(order)
        assert.equal("a cycle: b.two -> c.three -> b.two", wrong)
    end)

    it("refuses a plugin that requires itself", function()
        local _, wrong = registry_of(registration("a.one", { "a.one" })):order()
        assert.equal("a cycle: a.one -> a.one", wrong)
    end)

    it("refuses what nobody registered, naming who needs it", function()
        local registry = registry_of(registration("a.one", { "b" }), registration("b.two", { "missing" }))
        local _, wrong = registry:order()
        assert.equal("nothing is registered that is required: a.one -> b.two -> missing", wrong)
    end)
end)

describe("registry:register(plugin)", function()
    it("raises for the same name twice, without a type, without an init", function()
        local registry = registry_of(registration("a.one"))
        assert.error_matches(function() registry:register(registration("a.one")) end, "registered already")
        assert.error_matches(function() registry:register({ id = "x", init = print }) end, "type must be a string")
        assert.error_matches(function() registry:register({ type = "a", id = "x" }) end, "init must be a function")
    end)
end)

describe("registry:start(options)", function()
    it("keeps the rest when one fails, and tells why it failed", function()
        local registry = registry_of(
            registration("a.bad", nil, function() return nil, moonsnap.error("data_loss", "broken") end),
            registration("a.good"),
            registration("b.needs", { "a.bad" }, function(ic) return ic:get("a.bad") end))
        local graph = start(registry)
        assert.same({ "a.bad", "a.good", "b.needs" }, names(graph.started))
        assert.equal("data_loss", graph.by_name["a.bad"].err.kind)
        assert.is_truthy(graph.by_name["a.good"].instance)
        assert.equal("failed_precondition", graph.by_name["b.needs"].err.kind)
        assert.is_truthy(graph.by_name["b.needs"].err.message:find("a.bad did not start: broken", 1, true))
    end)

    it("takes an error raised by init as its failure, with where it was", function()
        local graph = start(registry_of(registration("a.bad", nil, function() error("oops") end)))
        local err = graph.by_name["a.bad"].err
        assert.equal("internal", err.kind)
        assert.is_truthy(err.message:find("plugin_spec.lua:%d+: oops"))
    end)

    it("tells a plugin that skips from one that fails", function()
        local graph = start(registry_of(registration("a.skips", nil, function()
            return nil, plugin.skip(moonsnap.error, "not here")
        end)))
        local started = graph.by_name["a.skips"]
        assert.is_true(started.skipped)
        assert.equal("not here: skip plugin", started.err.message)
    end)

    it("gives options over defaults, and a directory of the plugin's own", function()
        local seen
        local one = registration("a.one", nil, function(ic)
            seen = ic
            return {}
        end)
        one.config = { size = 1, word = "" }
        start(registry_of(one), { config = { ["a.one"] = { size = 2 } } })
        assert.same({ size = 2, word = "" }, seen.config)
        assert.equal("/root/a.one", seen.root)
    end)

    it("leaves out what is disabled, by name or by type; what needs it fails", function()
        local registry = registry_of(registration("a.one"), registration("b.two"),
            registration("c.three", { "a" }, function(ic) return ic:get("a.one") end))
        local graph = start(registry, { disabled = { a = true, ["b.two"] = true } })
        assert.same({ "c.three" }, names(graph.started))
        assert.equal("not_found", graph.by_name["c.three"].err.kind)
    end)

    it("puts wrappers around an instance, the first one innermost", function()
        local registry = registry_of(registration("a.one", nil, function() return "x" end))
        local graph = start(registry, { wrappers = { ["a.one"] = {
            function(inner) return inner .. "1" end, function(inner) return inner .. "2" end,
        } } })
        assert.equal("x12", graph:get("a.one"))
    end)

    it("finds the only one of a type, and all of it by id", function()
        local graph = start(registry_of(registration("a.one"), registration("b.two"), registration("b.three")))
        assert.equal("a.one", graph:get("a").name)
        assert.is_nil((graph:get("b")))
        local all = graph:all("b")
        assert.same({ "b.two", "b.three" }, { all.two.name, all.three.name })
    end)

    it("closes instances in the reverse order", function()
        local closed = {}
        local function closing(name)
            return registration(name, nil, function()
                return { close = function() closed[#closed + 1] = name end }
            end)
        end
        start(registry_of(closing("a.one"), closing("b.two"), registration("c.three"))):close()
        assert.same({ "b.two", "a.one" }, closed)
    end)
end)
