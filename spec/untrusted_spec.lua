--- Labels that an image or a pod brings along: what would grant something is bounded or dropped, in every service.
local caller = require "spec.support.caller"
local containerd = require "spec.support.containerd"
local images = require "spec.support.image"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local registries = require "spec.support.registry"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local PREFIX = "containerd.io/snapshot/"

--- What stays of labels that a prepare brings.
local function left(mode, labels)
    local home <close> = world.new { untrusted = mode }
    assert(home.store:prepare("a", nil, { labels = labels }))
    return home.store:stat("a").labels
end

describe("labels that a service is brought", function()
    it("keep what grants nothing", function()
        local labels = { [PREFIX .. "cri.image-ref"] = "x", ["containerd.io/snapshot.ref"] = "sha256:1",
            ["containerd.io/gc.root"] = "now", tier = "front" }
        assert.same(labels, left("proxy", labels))
        assert.same(labels, left("direct", labels))
    end)

    it("keep the maps of containerd's user namespaces #root", needs.owners(function()
        local labels = { [PREFIX .. "uidmapping"] = "0:100000:65536", [PREFIX .. "gidmapping"] = "0:100000:65536" }
        assert.same(labels, left("proxy", labels))
    end))

    it("lose what would grant something", function()
        assert.same({}, left("proxy", {
            [PREFIX .. "overlay.upperdir"] = "/etc", [PREFIX .. "overlay.volatile"] = "true",
            [PREFIX .. "disk-quota"] = "100GiB", [PREFIX .. "moonsnap.keep"] = "yes",
            ["moonsnap/expires"] = "2099-01-01T00:00:00Z", ["moonsnap/cost"] = "9",
        }))
    end)

    it("may be moonsnap's own where clients are in front", function()
        assert.same({ ["moonsnap/cost"] = "9" }, left("direct", { ["moonsnap/cost"] = "9" }))
    end)

    for value, kept in pairs { ["1048576"] = "1048576", ["1099511627777"] = "1099511627776",
        ["99999999999999999999999999"] = "1099511627776", ["10GiB"] = false, ["-1"] = false, ["1e9"] = false } do
        it(("have a max-size of %s for %s"):format(kept or "none", value), function()
            assert.equal(kept or nil, left("proxy", { [PREFIX .. "max-size"] = value })[PREFIX .. "max-size"])
        end)
    end

    it("are looked at in each request, however many names came before", function()
        local home <close> = world.new { untrusted = "proxy" }
        local size, many = PREFIX .. "max-size", {}
        for i = 1, 400 do
            many[PREFIX .. "cri." .. i] = "x"
        end
        assert(home.store:prepare("a", nil, { labels = many }))
        many[size] = "5"
        assert(home.store:prepare("b", nil, { labels = many }))
        assert.same(many, home.store:stat("b").labels)
        many[size], many[PREFIX .. "overlay.upperdir"] = "2000000000000", "/etc"
        assert(home.store:prepare("c", nil, { labels = many }))
        many[size], many[PREFIX .. "overlay.upperdir"] = "1099511627776", nil
        assert.same(many, home.store:stat("c").labels)
    end)

    it("are bounded at the commit too", function()
        local home <close> = world.new { untrusted = "proxy" }
        assert(home.store:prepare("a"))
        assert(home.store:commit("b", "a", { labels = { [PREFIX .. "overlay.upperdir"] = "/etc", x = "y" } }))
        assert.same({ x = "y" }, home.store:stat("b").labels)
    end)

    it("are those of the command's callers where no service is", function()
        local home <close> = world.new()
        local labels = { [PREFIX .. "overlay.upperdir"] = "/etc" }
        assert(home.store:prepare("a", nil, { labels = labels }))
        assert.same(labels, home.store:stat("a").labels)
    end)
end)

for _, mode in ipairs { "proxy", "direct" } do
    describe("a service in " .. mode .. " mode", function()
        it("bounds them on its socket", function()
            local served <close> = service.start { mode = mode }
            local to <close> = caller.new(served.address, { ["containerd-namespace"] = "one" })
            assert(to:snapshots("Prepare", { snapshotter = "overlayfs", key = "a",
                labels = { [PREFIX .. "overlay.upperdir"] = "/etc", [PREFIX .. "max-size"] = "2000000000000" } }))
            local info = assert(to:snapshots("Stat", { snapshotter = "overlayfs", key = "a" })).info
            assert.same({ [PREFIX .. "max-size"] = "1099511627776" }, info.labels)
        end)
    end)
end

describe("an image that tries, with containerd #slow", function()
    it("gets layers without what its manifest asks for", needs.containers(needs.grpcio(function()
        local served <close> = service.start { mode = "proxy" }
        local layout = tree.mkdir(served.dir .. "/image")
        images.make(layout, "moonsnap.test/image:1", nil, {
            [PREFIX .. "max-size"] = "99999999999999", [PREFIX .. "overlay.upperdir"] = "/etc",
            [PREFIX .. "overlay.volatile"] = "true", [PREFIX .. "harmless"] = "kept",
            ["moonsnap/expires"] = "2099-01-01T00:00:00Z",
        })
        local registry <close>, name = registries.start(layout)
        local node <close> = containerd.start(served, name)
        node:kubelet("pull", name)
        local store <close> = assert(moonsnap.open { root = served.root, namespace = "containerd", look = true })
        local layers = 0
        for info in store:walk "kind==committed" do
            layers = layers + 1
            assert.equal("1099511627776", info.labels[PREFIX .. "max-size"])
            assert.equal("kept", info.labels[PREFIX .. "harmless"], "containerd handed on nothing")
            assert.is_nil(info.labels[PREFIX .. "overlay.upperdir"])
            assert.is_nil(info.labels[PREFIX .. "overlay.volatile"])
            assert.is_nil(info.labels["moonsnap/expires"])
        end
        assert.equal(3, layers)
        assert(registry.pid)
    end)))
end)
