--- moonsnap.connect: a store behind a socket, what Control adds to it, who may call it; and --address.
local command = require "spec.support.command"
local containerd = require "spec.support.containerd"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"

local expect = require "spec.support.expect"

local fails, fails_saying = expect.fails, expect.fails_saying

local function connect(served, options)
    options = options or {}
    options.address = served.address
    return assert(moonsnap.connect(options))
end

--- base, top on it, an active and a view of top.
local function fill(store)
    assert(store:prepare("make base"))
    tree.write(assert(store:layers("make base"))[1] .. "/file", "content")
    assert(store:commit("base", "make base", { labels = { team = "blue" } }))
    assert(store:prepare("make top", "base"))
    assert(store:commit("top", "make top"))
    assert(store:prepare("work", "top", { labels = { a = "b" } }))
    assert(store:view("look", "top"))
end

describe("moonsnap.connect, a direct socket:", function()
    local served
    setup(function() served = service.start { mode = "direct" } end)
    teardown(function() served:close() end)

    it("says what the store is", function()
        local store <close> = connect(served)
        assert.same({ served.root, "overlay", "overlayfs", "default" },
            { store.root, store.driver, store.snapshotter, store.name_space })
    end)

    it("takes unix: addresses", function()
        for _, prefix in ipairs { "unix:", "unix://" } do
            local store <close> = assert(moonsnap.connect { address = prefix .. served.address })
            assert.equal(served.root, store.root)
        end
    end)

    it("tells all that the engine knows of a snapshot", function()
        local store <close> = connect(served, { namespace = "infos" })
        local near <close> = assert(moonsnap.open { root = served.root, namespace = "infos" })
        fill(store)
        for _, name in ipairs { "base", "top", "work", "look" } do
            assert.same(assert(near:stat(name)), assert(store:stat(name)))
        end
        local walked = {}
        for info in store:walk() do
            walked[info.name] = info
        end
        assert.same(assert(near:stat("work")), walked.work)
        local filter = moonsnap.filter { "parent==top" }
        assert.same({ "look", "work" }, expect.names(store:walk(filter)))
    end)

    it("does over Control what containerd has no call for", function()
        local store <close> = connect(served, { namespace = "control" })
        fill(store)
        local before = assert(store:stat("base")).use_count
        assert(store:touch("base"))
        assert.equal(before + 1, assert(store:stat("base")).use_count)
        local layers = assert(store:layers("work"))
        assert.same({ true, 3 }, { layers.own, #layers })
        assert.matches("file", assert(store:diff("base"))().path)
        assert.is_string(assert(store:explain("parent==top")))
        assert.same({}, assert(store:mounted()))
        assert.is_true(#assert(store:namespaces()) > 0)
        assert.is_true(assert(store:cleanup()).entries >= 0)
        assert.same({}, assert(store:check()))
        assert(store:commit("full", "work", { durability = "full", labels = { x = "y" } }))
        assert.same({ x = "y" }, assert(store:stat("full")).labels)
        assert(store:prepare("owned", "full", { owner = unistd.getpid() }))
    end)

    it("keeps file names that are no UTF-8", function()
        local store <close> = connect(served, { namespace = "bytes" })
        assert(store:prepare("a"))
        tree.write(assert(store:layers("a"))[1] .. "/\xff\xfe", "x")
        assert.equal("\xff\xfe", assert(store:diff("a"))().path)
    end)

    it("answers events after a number", function()
        local store <close> = connect(served, { namespace = "events" })
        assert(store:prepare("a"))
        local last
        for event in store:events() do
            last = event
        end
        assert.same({ "a", "events" }, { last.key, last.namespace })
        assert.is_nil(store:events { since = last.sequence }())
    end)

    it("has errors with the words of the store", function()
        local store <close> = connect(served, { namespace = "errors" })
        local near <close> = assert(moonsnap.open { root = served.root, namespace = "errors" })
        fill(store)
        for _, act in ipairs {
            function(s) return s:stat("x") end, function(s) return s:prepare("work") end,
            function(s) return s:remove("top") end, function(s) return s:diff("x") end,
            function(s) return s:layers("x") end, function(s) return s:touch("x") end,
            function(s) return s:usage("x") end, function(s) return s:mounts("top") end,
            function(s) return s:update({ name = "work" }, { "name" }) end,
            function(s) return select(2, pcall(s.walk, s, "name==")) and nil, select(2, pcall(s.walk, s, "name==")) end,
        } do
            local _, want = act(near)
            local _, got = act(store)
            assert.same({ want.kind, want.message }, { got.kind, got.message })
        end
    end)

    it("keeps namespaces apart, and refuses those that can be none", function()
        local store <close> = connect(served, { namespace = "one" })
        assert(store:prepare("a"))
        local other = assert(store:namespace("two"))
        fails("not_found", other:stat("a"))
        fails("invalid_argument", assert(store:namespace("not one")):stat("a"))
        fails("invalid_argument", assert(store:namespace("a\nb")):stat("a"))
    end)

    it("refuses what needs this process", function()
        local store <close> = connect(served)
        for _, verb in ipairs { "mount", "unmount", "run", "import", "seal", "transaction" } do
            fails_saying("unimplemented", "open the store itself", store[verb](store, "a"))
        end
    end)

    it("refuses a snapshotter that there is none of", function()
        fails("invalid_argument", moonsnap.connect { address = served.address, snapshotter = "zfs" })
    end)

    it("refuses Control to others than its owner and root", needs.root(function()
        assert(os.execute(("chmod 0711 '%s' && chmod 0666 '%s'"):format(served.dir, served.address)))
        local pid = assert(unistd.fork())
        if pid == 0 then
            local code = 10
            pcall(function()
                unistd.setpid("u", 65534)
                local store = assert(moonsnap.connect { address = served.address, namespace = "others" })
                local _, err = store:touch("a")
                code = store.without.kind == "permission_denied" and err.kind == "unimplemented"
                    and store:prepare("a") and store:stat("a").number == nil and 0 or 11
            end)
            unistd._exit(code)
        end
        local _, how, code = wait.wait(pid)
        assert.same({ "exited", 0 }, { how, code })
    end))

    describe("moonsnap.v1.Control/Call", function()
        local request_type, reply_type

        setup(function()
            request_type = moonsnap.message.type("moonsnap.v1.CallRequest")
            reply_type = moonsnap.message.type("moonsnap.v1.CallResponse")
        end)

        local function call(verb, arguments, headers)
            local client <close> = assert(moonsnap.rpc.connect(served.address))
            local lines = {}
            local ok, err = pcall(function()
                for bytes in client:stream("/moonsnap.v1.Control/Call",
                    request_type:encode { verb = verb, arguments = arguments },
                    { headers = headers or { ["containerd-namespace"] = "default" } }) do
                    lines[#lines + 1] = reply_type:decode(bytes).line
                end
            end)
            return ok and lines or nil, not ok and err or nil
        end

        it("answers lines of JSON", function()
            assert.matches('^{.*"driver":"overlay".*}$', assert(call("facts", ""))[1])
        end)

        it("refuses what it does not know", function()
            fails("unimplemented", call("explode", ""))
            for _, bad in ipairs { "nonsense", "1", '"a"', "[", '{"key":1}', '{"keys":"a"}', "{}",
                '{"key":"a\\u0000"}', '{"key":"a","snapshotter":"zfs"}', '{"key":"a","labels":{"x":1}}' } do
                fails("invalid_argument", call("stat", bad))
            end
            fails("failed_precondition", call("stat", '{"key":"a"}', {}))
        end)
    end)
end)

describe("moonsnap.connect, a proxy's socket:", function()
    it("does what containerd's calls can, and says what they cannot", function()
        local served <close> = service.start { mode = "proxy" }
        local store <close> = connect(served)
        assert(store:prepare("a", nil, { labels = { x = "y" } }))
        local info = assert(store:stat("a"))
        assert.same({ "a", "", "active", { x = "y" } }, { info.name, info.parent, info.kind, info.labels })
        assert.is_nil(info.number)
        assert(store:commit("c", "a"))
        assert.same({ "c" }, expect.names(store:walk("kind==committed")))
        assert.equal(1, assert(store:usage("c")).inodes)
        assert.same({}, assert(store:cleanup()))
        assert.same({ z = "1" }, assert(store:update { name = "c", labels = { z = "1" } }).labels)
        for _, verb in ipairs { "touch", "layers", "diff", "check", "mounted", "namespaces" } do
            fails_saying("unimplemented", "this socket does not offer it",
                store[verb](store, verb ~= "check" and "c" or nil))
        end
        assert(store:remove("c"))
    end)
end)

describe("moonsnap.connect, containerd's socket:", function()
    it("is a store like others, with moonsnap behind", needs.containers(function()
        local served <close> = service.start { mode = "proxy" }
        local node <close> = containerd.start(served)
        local store <close> = assert(moonsnap.connect {
            address = node.address, namespace = "connect", snapshotter = "moonsnap",
        })
        local root = { ["containerd.io/gc.root"] = "now" } -- or its collector takes them
        local mounts = assert(store:prepare("a", nil, { labels = root }))
        assert.equal(served.root, mounts[1].source:sub(1, #served.root))
        assert(store:commit("c", "a", { labels = root }))
        assert(store:view("v", "c", { labels = root }))
        assert.same({ "c", "v" }, expect.names(store:walk()))
        assert.same({ "v" }, expect.names(store:walk("kind==view")))
        assert.same({ "committed", root }, { assert(store:stat("c")).kind, assert(store:stat("c")).labels })
        assert.equal(1, assert(store:usage("c")).inodes)
        fails_saying("not_found", "does not exist", store:stat("x"))
        fails("already_exists", store:prepare("v", "c"))
        fails("unimplemented", store:touch("c"))
        fails("unimplemented", store:cleanup())
        assert(store:remove("v"))
    end))
end)

describe("moonsnap --address SOCKET", function()
    local served
    setup(function() served = service.start { mode = "direct" } end)
    teardown(function() served:close() end)

    local function on(variable, value)
        return function(...)
            local env = { MOONSNAP_ROOT = false, MOONSNAP_NAMESPACE = false, MOONSNAP_ADDRESS = false }
            env[variable] = value
            return command.run({ "bin/moonsnap", ... }, { env = env })
        end
    end

    it("says what the store itself says", function()
        do
            local store <close> = connect(served)
            fill(store)
        end
        local far, near = on("MOONSNAP_ADDRESS", served.address), on("MOONSNAP_ROOT", served.root)
        for _, line in ipairs {
            "ls", "ls --json", "ls --json=lines kind==active", "ls -q labels.team==blue", "ls name==",
            "stat work", "stat nobody --json", "tree --json", "usage", "diff base --json", "diff nobody",
            "mounts work /mnt", "mount", "check", "rm base",
        } do
            local words = {}
            for word in line:gmatch("%S+") do
                words[#words + 1] = word
            end
            local got, want = far(table.unpack(words)), near(table.unpack(words))
            assert.same({ line, want.code, want.out, want.err }, { line, got.code, got.out, got.err })
        end
    end)

    it("makes, changes and removes", function()
        local far = on("MOONSNAP_ADDRESS", served.address)
        for _, line in ipairs {
            "prepare new base", "label new x=1", "touch new", "commit kept new --label y=2", "rm kept", "cleanup",
        } do
            local words = { "--namespace", "default" }
            for word in line:gmatch("%S+") do
                words[#words + 1] = word
            end
            local got = far(table.unpack(words))
            assert.same({ line, 0, "" }, { line, got.code, got.err })
        end
        assert.equal(3, far("stat", "kept").code)
    end)

    it("says which verbs need the store itself", function()
        local bare = on("MOONSNAP_ROOT", false)
        for _, words in ipairs { { "run", "base", "true" }, { "mount", "base", "/mnt" }, { "umount", "/mnt" },
            { "import", "x", "/etc" } } do
            local got = bare("--address", served.address, table.unpack(words))
            assert.is_true(got.code ~= 0)
            assert.matches("open the store itself.*\ntry: %-%-root DIR", got.err)
        end
    end)

    it("takes one of --root and --address, and --root over the variable", function()
        local far = on("MOONSNAP_ADDRESS", served.address)
        assert.equal(2, far("--root", served.root, "--address", served.address, "ls").code)
        assert.equal(0, far("--root", served.root, "ls").code)
        assert.matches("open store", far("--root", served.root .. "-none", "ls").err)
    end)

    it("says to whom a socket is open", needs.root(function()
        assert(os.execute(("chmod 0711 '%s'"):format(served.dir)))
        local got = command.run { "setpriv", "--reuid=65534", "--clear-groups", "bin/moonsnap",
            "--address", served.address, "ls" }
        assert.equal(6, got.code)
        assert.matches("Permission denied\ntry: as the user whom the service runs as, or as root", got.err)
    end))

    it("is not served", function()
        local got = on("MOONSNAP_ADDRESS", served.address .. "-none")("ls")
        assert.equal(1, got.code)
        assert.matches("No such file.*\ntry: moonsnap serve", got.err)
    end)
end)
