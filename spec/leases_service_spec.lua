--- The services Leases and Namespaces over a service's socket.
local caller = require "spec.support.caller"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local service = require "spec.support.service"
local tree = require "spec.support.tree"

local fails = expect.fails

local LEASES, NAMESPACES = "containerd.services.leases.v1.", "containerd.services.namespaces.v1."
local ONE = { ["containerd-namespace"] = "one" }
local EMPTY = { Delete = true, AddResource = true, DeleteResource = true }

local function leases(to, method, request, headers)
    return to:call("/" .. LEASES .. "Leases/" .. method, LEASES .. method .. "Request", request,
        EMPTY[method] and "google.protobuf.Empty" or LEASES .. method .. "Response", headers)
end

local function namespaces(to, method, request)
    local message = NAMESPACES .. method .. (method == "List" and "Namespaces" or "Namespace")
    return to:call("/" .. NAMESPACES .. "Namespaces/" .. method, message .. "Request", request,
        method == "Delete" and "google.protobuf.Empty" or message .. "Response")
end

local function under(lease, name_space)
    return { ["containerd-namespace"] = name_space or "one", ["containerd-lease"] = lease }
end

local function resources(to, id)
    local found = {}
    for i, resource in ipairs(assert(leases(to, "ListResources", { id = id })).resources) do
        found[i] = resource.type .. " " .. resource.id
    end
    return found
end

local function made(to, key, headers)
    return to:snapshots("Prepare", { snapshotter = "overlayfs", key = key }, headers)
end

describe("the service Leases", function()
    it("makes, lists and deletes leases as containerd does", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, ONE)
        local lease = assert(leases(to, "Create", { id = "l", labels = { a = "b" } })).lease
        assert.same({ "l", { a = "b" } }, { lease.id, lease.labels })
        assert.is_true(lease.created_at > 0)
        fails("already_exists", leases(to, "Create", { id = "l" }))
        local other = assert(leases(to, "Create", {})).lease
        assert.is_truthy(other.id:match("^%d+%-[%w_-][%w_-][%w_-][%w_-]$"), other.id)
        assert.equal(2, #assert(leases(to, "List", {})).leases)
        assert.same({ lease }, assert(leases(to, "List", { filters = { "labels.a==b" } })).leases)
        fails("invalid_argument", leases(to, "List", { filters = { "id==" } }))
        assert.same({}, assert(leases(to, "List", {}, { ["containerd-namespace"] = "two" })).leases)
        assert(leases(to, "Delete", { id = "l", sync = true }))
        fails("not_found", leases(to, "Delete", { id = "l" }))
        fails("failed_precondition", leases(to, "List", {}, { ["containerd-namespace"] = "" }))
        fails("invalid_argument", leases(to, "List", {}, { ["containerd-namespace"] = "-" }))
    end)

    it("holds resources of containerd's types", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, ONE)
        assert(leases(to, "Create", { id = "l" }))
        local function add(type, id)
            return leases(to, "AddResource", { id = "l", resource = { type = type, id = id } })
        end
        assert(add("snapshots/overlayfs", "a"))
        assert(add("snapshots/devmapper", "a"))
        assert(add("content", "sha256:0123abcdef"))
        assert(add("images", "docker.io/library/x:1"))
        assert(add("ingests", "ref"))
        for _, bad in ipairs {
            { "snapshots", "a" }, { "snapshots/", "a" }, { "snapshots/a/b", "a" }, { "content", "x" },
            { "content/x", "sha256:00" }, { "images/x", "a" }, { "snapshots/overlayfs", "" },
        } do
            fails("invalid_argument", add(bad[1], bad[2]))
        end
        fails("unimplemented", add("tasks", "a"))
        fails("unimplemented", add("", "a"))
        fails("invalid_argument", leases(to, "AddResource", { id = "l" }))
        fails("not_found", leases(to, "AddResource", { id = "none", resource = { type = "images", id = "a" } }))
        fails("not_found", leases(to, "ListResources", { id = "none" }))
        assert(leases(to, "DeleteResource", { id = "l", resource = { type = "images", id = "docker.io/library/x:1" } }))
        assert.same({ "content sha256:0123abcdef", "ingests ref", "snapshots/devmapper a", "snapshots/overlayfs a" },
            resources(to, "l"))
    end)

    it("holds what calls with its header make, and takes it along", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, ONE)
        assert(leases(to, "Create", { id = "l" }))
        assert(made(to, "k", under "l"))
        fails("already_exists", made(to, "k", under "l"))
        assert(made(to, "old"))
        fails("already_exists", made(to, "old", under "l"))
        fails("not_found", made(to, "x", under "none"))
        fails("not_found", made(to, "x", under("l", "two")))
        assert(to:snapshots("Commit", { snapshotter = "overlayfs", key = "k", name = "n" }, under "l"))
        assert.same({ "snapshots/overlayfs n", "snapshots/overlayfs old" }, resources(to, "l"))
        assert(leases(to, "Delete", { id = "l", sync = true }))
        fails("not_found", to:snapshots("Stat", { snapshotter = "overlayfs", key = "n" }))
        assert(to:snapshots("Stat", { snapshotter = "overlayfs", key = "old" }))
        assert.same({}, tree.list(served.root .. "/trash"))
    end)

    it("holds the snapshots of every store of the service", function()
        local served <close> = service.new { mode = "direct" }
        served:configure(('plugin "io.containerd.snapshotter.v1.native" { root_path = %q }\n')
            :format(served.dir .. "/native"))
        served:start()
        local to <close> = caller.new(served.address, ONE)
        assert(leases(to, "Create", { id = "l" }))
        assert(made(to, "a", under "l"))
        assert(to:snapshots("Prepare", { snapshotter = "native", key = "a" }, under "l"))
        assert(to:snapshots("Prepare", { snapshotter = "native", key = "mine" }))
        assert(leases(to, "AddResource", { id = "l", resource = { type = "snapshots/native", id = "mine" } }))
        assert.same({ "snapshots/overlayfs a", "snapshots/native a", "snapshots/native mine" }, resources(to, "l"))
        assert(leases(to, "Delete", { id = "l", sync = true }))
        fails("not_found", to:snapshots("Stat", { snapshotter = "overlayfs", key = "a" }))
        fails("not_found", to:snapshots("Stat", { snapshotter = "native", key = "a" }))
        assert(to:snapshots("Stat", { snapshotter = "native", key = "mine" }))
        expect.fails_saying("failed_precondition", "must be empty", namespaces(to, "Delete", { name = "one" }))
    end)
end)

describe("the service Namespaces", function()
    it("makes, labels, lists and deletes namespaces as containerd does", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address)
        assert.same({ name = "a", labels = { x = "1" } },
            assert(namespaces(to, "Create", { namespace = { name = "a", labels = { x = "1" } } })).namespace)
        fails("already_exists", namespaces(to, "Create", { namespace = { name = "a" } }))
        assert.same({ name = "a", labels = { x = "1", y = "2" } }, assert(namespaces(to, "Update", {
            namespace = { name = "a", labels = { y = "2", z = "3" } }, update_mask = { "labels.y" } })).namespace)
        fails("invalid_argument", namespaces(to, "Update", { namespace = { name = "a" }, update_mask = { "name" } }))
        assert(namespaces(to, "Update", { namespace = { name = "b", labels = { z = "3" } } }))
        assert.same({ name = "b", labels = { z = "3" } }, assert(namespaces(to, "Get", { name = "b" })).namespace)
        assert.same({ { name = "a", labels = { x = "1", y = "2" } }, { name = "b", labels = { z = "3" } } },
            assert(namespaces(to, "List", {})).namespaces)
        assert(namespaces(to, "Delete", { name = "a" }))
        fails("not_found", namespaces(to, "Delete", { name = "a" }))
    end)

    it("answers a namespace that nobody made without labels: clients ask it for a default", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address)
        assert.same({ name = "new", labels = {} }, assert(namespaces(to, "Get", { name = "new" })).namespace)
        assert.same({}, assert(namespaces(to, "List", {})).namespaces)
    end)

    it("does not delete one that has snapshots", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address)
        assert(made(to, "k", ONE))
        assert.same({ { name = "one", labels = {} } }, assert(namespaces(to, "List", {})).namespaces)
        fails("already_exists", namespaces(to, "Create", { namespace = { name = "one" } }))
        expect.fails_saying("failed_precondition", "must be empty", namespaces(to, "Delete", { name = "one" }))
        assert(to:snapshots("Remove", { snapshotter = "overlayfs", key = "k" }, ONE))
        fails("not_found", namespaces(to, "Delete", { name = "one" }))
    end)

    it("refuses names and labels that can be none", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address)
        for _, name in ipairs { "", "-a", "a-", "a..b", "a/b", ("a"):rep(77), "\u{e4}" } do
            fails("invalid_argument", namespaces(to, "Create", { namespace = { name = name } }))
            fails("invalid_argument", namespaces(to, "Get", { name = name }))
        end
        assert(namespaces(to, "Create", { namespace = { name = ("a"):rep(76) } }))
        fails("invalid_argument", namespaces(to, "Create", {}))
        fails("invalid_argument", namespaces(to, "Update", {}))
        assert(namespaces(to, "Create", { namespace = { name = "b", labels = { k = ("x"):rep(4095) } } }))
        local long = { k = ("x"):rep(4096) }
        fails("invalid_argument", namespaces(to, "Create", { namespace = { name = "c", labels = long } }))
        fails("invalid_argument", namespaces(to, "Update", { namespace = { name = "b", labels = long } }))
        fails("invalid_argument", leases(to, "Create", { id = "l", labels = long }, ONE))
    end)
end)

describe("moonsnap.connect{...}", function()
    it("has leases as a store has them", function()
        local served <close> = service.start { mode = "direct" }
        local store <close> = assert(moonsnap.connect { address = served.address, namespace = "one" })
        local held = store:leases()
        local lease = assert(held:create("l", { labels = { a = "b" } }))
        assert.same({ "l", { a = "b" } }, { lease.id, lease.labels })
        fails("already_exists", held:create("l"))
        assert.is_truthy(assert(held:create()).id)
        assert(store:prepare("k", nil, { lease = "l" }))
        assert(store:commit("n", "k", { lease = "l" }))
        assert(store:view("v", "n", { lease = "l" }))
        assert(held:add("l", { type = "images", id = "x" }))
        assert(held:add("l", { type = "images", id = "y" }))
        assert(held:drop("l", { type = "images", id = "x" }))
        assert.same({ { type = "images", id = "y" }, { type = "snapshots/overlayfs", id = "n" },
            { type = "snapshots/overlayfs", id = "v" } }, held:resources("l"))
        assert.same({ lease }, held:list("labels.a==b"))
        assert.same({ lease }, held:list((moonsnap.filter { "id==l" })))
        assert.equal(2, #held:list())
        assert.same({}, held:delete("l"))
        fails("not_found", held:delete("l"))
        fails("not_found", store:stat("n"))
        fails("not_found", store:prepare("k", nil, { lease = "l" }))
        fails("unimplemented", store:commit("n", "k", { lease = "l", durability = "layer" }))
    end)

    it("has namespaces as a store has them", function()
        local served <close> = service.start { mode = "direct" }
        local store <close> = assert(moonsnap.connect { address = served.address })
        local records = store:namespace_records()
        assert.same({ name = "a", created = 0, labels = { x = "1" } }, records:create("a", { labels = { x = "1" } }))
        assert.same({ y = "2" }, assert(records:update { name = "a", labels = { y = "2" } }).labels)
        assert.same({ y = "2", z = "3" }, assert(records:update({ name = "a", labels = { z = "3" } },
            { "labels.z" })).labels)
        assert.same({}, assert(records:get("b")).labels)
        assert.same({ { name = "a", created = 0, labels = { y = "2", z = "3" } } }, records:list())
        assert(records:delete("a"))
        fails("not_found", records:delete("a"))
    end)

    it("has neither behind a proxy", function()
        local served <close> = service.start { mode = "proxy" }
        local store <close> = assert(moonsnap.connect { address = served.address })
        fails("unimplemented", store:leases():create("l"))
        fails("unimplemented", store:namespace_records():list())
    end)
end)
