--- Layers that are there before a pull: examples/policies/seeds.lua answers containerd that they exist.
local containerd = require "spec.support.containerd"
local images = require "spec.support.image"
local json = require "dkjson"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local registries = require "spec.support.registry"
local service = require "spec.support.service"
local tree = require "spec.support.tree"

local REF = "containerd.io/snapshot.ref"

local function blob_of(layout, digest)
    return layout .. "/blobs/" .. digest:gsub(":", "/")
end

--- The layers of the image in a layout: their blobs' digests and the chains' ids, lowest first.
local function layers_of(layout)
    local index = json.decode(tree.read(layout .. "/index.json"))
    local manifest = json.decode(tree.read(blob_of(layout, index.manifests[1].digest)))
    local digests, chains = {}, {}
    for i, layer in ipairs(manifest.layers) do
        digests[i] = layer.digest
        chains[i] = i == 1 and layer.digest or "sha256:" .. process.must("sh", "-c",
            ("printf '%%s %%s' %s %s | sha256sum"):format(chains[i - 1], layer.digest)):match("^%x+")
    end
    return digests, chains
end

--- Imports the lowest layers as seeds, with the command as the policy's page says, and takes their blobs away.
local function seed(served, layout, count)
    local digests, chains = layers_of(layout)
    for i = 1, count do
        local words = { "bin/moonsnap", "--root", served.root, "--namespace", "containerd", "import", "--label",
            "seed=yes", "--label", REF .. "=" .. chains[i] }
        if i > 1 then
            table.move({ "--parent", chains[i - 1] }, 1, 2, #words + 1, words)
        end
        table.move({ chains[i], blob_of(layout, digests[i]) }, 1, 2, #words + 1, words)
        process.must(table.unpack(words))
        tree.remove(blob_of(layout, digests[i]))
    end
    return chains
end

--- Names of the committed snapshots that containerd is shown.
local function committed_in(served)
    local store <close> = assert(moonsnap.open {
        root = served.root, namespace = "containerd", create = false, look = true,
    })
    local names = {}
    for info in store:walk "kind==committed" do
        names[#names + 1] = info.name
    end
    table.sort(names)
    return names
end

local function sorted(...)
    local names = { ... }
    table.sort(names)
    return names
end

describe("seeds, with containerd #slow", function()
    it("are not fetched, run in a pod, and survive containerd's collector", needs.containers(needs.grpcio(function()
        local served <close> = service.new { mode = "proxy" }
        tree.mkdir(served.root)
        tree.write(served.root .. "/policy.lua", tree.read("examples/policies/seeds.lua"))
        tree.chmod(served.root .. "/policy.lua", 384)
        served:start()
        local layout = tree.mkdir(served.dir .. "/image")
        images.make(layout, "moonsnap.test/image:1")
        local chains = seed(served, layout, 2)
        local registry <close>, name = registries.start(layout)
        local node <close> = containerd.start(served, name)

        node:kubelet("pull", name) -- the registry has only the last layer

        assert.equal(3, #committed_in(served))
        local said = node:kubelet("live", name)
        assert.is_truthy(said:find("container says 0 b'hello again\\nwritten\\n'", 1, true), said)
        node:collect("k8s.io")
        assert.same(sorted(chains[1], chains[2]), committed_in(served))
        assert.is_truthy(served:log():find("FAILED_PRECONDITION", 1, true))
        assert(registry.pid)
    end)))
end)
