--- containerd itself with moonsnap as its snapshotter: images, containers that run, commits, collection.
local containerd = require "spec.support.containerd"
local images = require "spec.support.image"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local registries = require "spec.support.registry"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local IMAGE = "moonsnap.test/image:1"

--- Runs fn with a service and a containerd that has the image.
local function with_node(driver, fn)
    local served <close> = service.start { mode = "proxy", driver = driver }
    local node <close> = containerd.start(served)
    node.archive = images.make(tree.mkdir(served.dir .. "/image"), IMAGE)
    node:ctr("images", "import", "--snapshotter", "moonsnap", node.archive)
    fn(node, served)
end

--- The name of the snapshot that nothing stands on.
local function top_of(node, snapshotter)
    local names, parents = {}, {}
    for name, parent in node:ctr("snapshots", "--snapshotter", snapshotter, "ls"):gmatch("(%S+) +(%S*) +Committed") do
        names[#names + 1] = name
        parents[parent] = true
    end
    for _, name in ipairs(names) do
        if not parents[name] then
            return name
        end
    end
end

--- Everything about the tree of the image, in two forms: for people, and whole (times, links, xattrs).
local function trees_of(node, snapshotter)
    local at = tree.mkdir(node.dir .. "/at-" .. snapshotter)
    local mount = node:ctr("snapshots", "--snapshotter", snapshotter, "prepare", "--target", at, "look",
        top_of(node, snapshotter))
    process.must("sh", "-c", mount)
    local described = tree.describe(at)
    local packed = process.must("tar", "--format=pax", "--sort=name", "--numeric-owner", "--xattrs",
        "--xattrs-include=*", "--pax-option=delete=atime,delete=ctime,exthdr.name=x", "-cf", "-", "-C", at,
        table.unpack(tree.list(at)))
    process.must("umount", at)
    node:ctr("snapshots", "--snapshotter", snapshotter, "rm", "look")
    return described, packed
end

--- What is left in the service's root: rows, layers, mounts.
local function left_in(served)
    local store <close> = assert(moonsnap.open { root = served.root, namespace = "containerd", create = false })
    local names = {}
    for info in store:walk() do
        names[#names + 1] = info.name
    end
    return { rows = names, layers = tree.list(served.root .. "/layers"), mounts = world.mounts_below(served.root) }
end

--- Runs a container to its end; answers what it printed.
local function run(node, id, ...)
    return node:ctr("run", "--rm", "--snapshotter", "moonsnap", IMAGE, id, "/bin/sh", "-c", ...)
end

for _, driver in ipairs { "overlay", "native" } do
    describe("containerd with moonsnap's " .. driver .. " driver #slow", function()
        it("unpacks an image as with its own overlayfs", needs.containers(function()
            with_node(driver, function(node)
                local ours, packed = trees_of(node, "moonsnap")
                node:ctr("images", "import", "--snapshotter", "overlayfs", node.archive)
                local theirs, their_packed = trees_of(node, "overlayfs")
                assert.same(theirs, ours)
                assert.is_true(packed == their_packed, "times, links or xattrs differ")
                assert.is_truthy(ours["home/user/file"], "the image is empty")
            end)
        end))

        it("runs containers, commits one and collects everything", needs.containers(function()
            with_node(driver, function(node, served)
                assert.equal("hello again\n", run(node, "one", "cat /etc/motd; echo new >/new; rm -r /home"))
                node:ctr("run", "--detach", "--null-io", "--snapshotter", "moonsnap", IMAGE, "two", "/bin/sh", "-c",
                    "echo two >/two; exec sleep 1000")
                node:await("tasks", "exec", "--exec-id", "w", "two", "/bin/cat", "/two")
                served:stop()
                assert.equal("two\n", node:ctr("tasks", "exec", "--exec-id", "x", "two", "/bin/cat", "/two"))
                served:start()
                node:await("snapshots", "--snapshotter", "moonsnap", "ls")
                assert.equal("hello again\n", run(node, "three", "cat /etc/motd"))

                node:ctr("tasks", "rm", "--force", "two")
                node:ctr("snapshots", "--snapshotter", "moonsnap", "commit", "kept", "two")
                local info = node:ctr("snapshots", "--snapshotter", "moonsnap", "info", "kept")
                assert.is_truthy(info:find('"Kind": "Committed"', 1, true))
                node:ctr("snapshots", "--snapshotter", "moonsnap", "rm", "kept")
                node:ctr("containers", "rm", "two")
                node:ctr("images", "rm", "--sync", IMAGE)

                assert.same({ rows = {}, layers = {}, mounts = {} }, left_in(served))
            end)
        end))
    end)
end

describe("many containers at once #slow", function()
    it("each have a layer of their own, and leave none", needs.containers(function()
        with_node("overlay", function(node, served)
            local running = {}
            for i = 1, 16 do
                running[i] = containerd.begin(node.address, "run", "--rm", "--snapshotter", "moonsnap", IMAGE, "c" .. i,
                    "/bin/sh", "-c", "echo " .. i .. " >/x; cat /x /etc/motd")
            end
            for i, one in ipairs(running) do
                assert.equal(i .. "\nhello again\n", (one:finish()))
            end
            node:ctr("images", "rm", "--sync", IMAGE)
            assert.same({ rows = {}, layers = {}, mounts = {} }, left_in(served))
        end)
    end))
end)

--- How many layers the root has, and how many of them have the label that says which they are.
local function layers_in(served)
    local store <close> = assert(moonsnap.open { root = served.root, namespace = "containerd", create = false })
    local layers, known = 0, 0
    for info in store:walk "kind==committed" do
        layers = layers + 1
        known = known + (info.name:match("sha256:%x+$") == info.labels["containerd.io/snapshot.ref"] and 1 or 0)
    end
    return layers, known
end

describe("a pull from a registry #slow", function()
    it("unpacks each layer once", needs.containers(function()
        with_node("overlay", function(node, served)
            node:ctr("images", "rm", "--sync", IMAGE)
            local registry <close>, name = registries.start(served.dir .. "/image")
            local pull = { "images", "pull", "--plain-http", "--snapshotter", "moonsnap", name }
            node:ctr(table.unpack(pull))
            node:ctr(table.unpack(pull))
            assert.equal("hello again\n", node:ctr("run", "--rm", "--snapshotter", "moonsnap", name, "one", "/bin/cat",
                "/etc/motd"))
            local told = containerd.second() and 3 or 0 -- the others' ctr does not tell
            assert.same({ 3, told }, { layers_in(served) })
            assert(registry.pid)
        end)
    end))
end)

--- Waits until the service has logged so many calls more than there were in its log of that length.
local function await_calls(served, length, count)
    local till = os.time() + 20
    while select(2, served:log():sub(length + 1):gsub('"msg":"call"', "")) < count do
        assert(os.time() < till, "the calls do not come")
    end
end

describe("an unpack whose snapshotter is killed #slow", function()
    it("goes well the next time, and leaves nothing", needs.containers(function()
        with_node("overlay", function(node, served)
            local import = { "images", "import", "--snapshotter", "moonsnap", node.archive }
            for calls = 1, 6 do
                node:ctr("images", "rm", "--sync", IMAGE)
                local length = #served:log()
                local importing <close> = containerd.begin(node.address, table.unpack(import))
                await_calls(served, length, calls)
                served:kill()
                importing:finish()
                served:start()
                node:await(table.unpack(import))
                assert.equal("hello again\n", run(node, "after", "cat /etc/motd"))
            end
            node:ctr("images", "rm", "--sync", IMAGE)
            assert.same({ rows = {}, layers = {}, mounts = {} }, left_in(served))
        end)
    end))
end)

describe("a container in a user namespace #slow", function()
    it("owns its files", needs.containers(function()
        with_node("overlay", function(node, served)
            tree.chmod(served.dir, 457) -- the container's root must come to its tree
            tree.chmod(node.dir, 457)
            local words = { "run", "--rm", "--snapshotter", "moonsnap", "--uidmap", "0:100000:65536", "--gidmap",
                "0:100000:65536" }
            words[#words + 1] = containerd.second() and "--remap-labels" or nil -- the others copy
            table.move({ IMAGE, "mapped", "/bin/sh", "-c",
                "cat /proc/self/uid_map; ls -ln /home; echo new >/etc/new && cat /etc/new" }, 1, 5, #words + 1, words)
            local said = node:ctr(table.unpack(words))
            assert.is_truthy(said:find("^ +0 +100000 +65536\n"), said)
            assert.is_truthy(said:find("drwx%-%-%-%-%-%- +%d +1000 +1000 .* user\n"), said)
            assert.is_truthy(said:find("\nnew\n$"), said)
        end)
    end))
end)

describe("Kubernetes' interface with moonsnap #slow", function()
    it("pulls, runs a pod, counts what its image uses, and lets all of it go", needs.containers(needs.grpcio(function()
        local served <close> = service.start { mode = "proxy" }
        images.make(tree.mkdir(served.dir .. "/image"), IMAGE)
        local registry <close>, name = registries.start(served.dir .. "/image")
        local node <close> = containerd.start(served, name)

        node:kubelet("pull", name)
        assert.same({ 3, 3 }, { layers_in(served) })
        local said = node:kubelet("live", name)

        assert.is_truthy(said:find("container says 0 b'hello again\\nwritten\\n'", 1, true), said)
        assert.is_truthy(said:find("image is gone", 1, true), said)
        node:collect("k8s.io")
        assert.same({ rows = {}, layers = {}, mounts = {} }, left_in(served))
        assert(registry.pid)
    end)))
end)
