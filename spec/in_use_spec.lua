--- What is mounted, whoever mounted it and in whatever mount namespace.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local world = require "spec.support.world"

local function committed(store, name, parent)
    assert(store:prepare("make " .. name, parent))
    assert(store:commit(name, "make " .. name))
end

--- base <- top, an active "a" on top, a view "v" on base; their numbers by name.
local function filled()
    local home = world.new()
    local store, numbers = home.store, {}
    committed(store, "base")
    committed(store, "top", "base")
    assert(store:prepare("a", "top"))
    assert(store:view("v", "base"))
    for info in store:walk() do
        numbers[info.name] = info.number
    end
    return home, numbers
end

--- Names of the numbers that are in a set.
local function named(numbers, set)
    local found = {}
    for name, number in pairs(numbers) do
        found[#found + 1] = set[number] and name or nil
    end
    table.sort(found)
    return found
end

--- Runs act while a shell, in a mount namespace of its own, has done `commands` and waits.
local function elsewhere(commands, act)
    local script = ("set -e; cd /; %s; echo mounted-now; read -r line"):format(commands)
    local child <close> = process.start { "unshare", "--mount", "sh", "-c", script }
    child:await("mounted-now")
    act()
end

describe("engine:in_use() #mounts", function()
    it("finds nothing where nothing is mounted", needs.mounts(function()
        local home <close> = filled()
        local in_use = assert(home.store.engine:in_use())
        assert.same({ {}, {} }, { in_use.sure, in_use.maybe })
    end))

    it("finds an overlay with all its layers, and a bound one", needs.mounts(function()
        local home <close>, numbers = filled()
        home:mounted("a", function()
            local in_use = assert(home.store.engine:in_use())
            assert.same({ "a", "base", "top" }, named(numbers, in_use.sure))
        end)
        home:mounted("v", function()
            assert.same({ "base" }, named(numbers, assert(home.store.engine:in_use()).sure))
        end)
        assert.same({}, assert(home.store.engine:in_use()).sure)
    end))

    it("looks into other mount namespaces", needs.mounts(function()
        local home <close>, numbers = filled()
        local layers, at = home.root .. "/layers", home:directory()
        local function overlay(lower, upper)
            return ("mount -t overlay overlay -o '%s,%s%s' %s"):format(home.store.xattrs == "user" and "userxattr" or
                "index=off", "lowerdir=" .. lower, upper or "", at)
        end
        elsewhere(overlay(("%s/%d:%s/%d"):format(layers, numbers.top, layers, numbers.base)), function()
            local in_use = assert(home.store.engine:in_use())
            assert.same({ "base", "top" }, named(numbers, in_use.sure))
            assert.same({}, in_use.maybe)
        end)
        elsewhere(("mount --bind %s/%d %s"):format(layers, numbers.base, at), function()
            assert.same({ "base" }, named(numbers, assert(home.store.engine:in_use()).sure))
        end)
        assert.same({}, assert(home.store.engine:in_use()).sure)
    end))

    it("takes bare numbers for maybe, and for sure beside an upper directory of ours", needs.mounts(function()
        local home <close>, numbers = filled()
        local option = home.store.xattrs == "user" and "userxattr" or "index=off"
        local bare = ("cd %s/layers; mount -t overlay overlay -o '%s,lowerdir=%d:%d%%s' %s"):format(home.root, option,
            numbers.top, numbers.base, home:directory())
        elsewhere(bare:format(""), function()
            local in_use = assert(home.store.engine:in_use())
            assert.same({ {}, { "base", "top" } }, { named(numbers, in_use.sure), named(numbers, in_use.maybe) })
        end)
        local upper = (",upperdir=%s/layers/%d,workdir=%s/work/%d"):format(home.root, numbers.a, home.root, numbers.a)
        elsewhere(bare:format(upper), function()
            local in_use = assert(home.store.engine:in_use())
            assert.same({ "a", "base", "top" }, named(numbers, in_use.sure))
        end)
    end))

    it("passes over what its root shows to be another store's", needs.mounts(function()
        local home <close> = filled()
        local other <close>, numbers = filled()
        local option = other.store.xattrs == "user" and "userxattr" or "index=off"
        local bare = ("cd %s/layers; mount -t overlay overlay -o '%s,lowerdir=%d:%d%%s' %s"):format(other.root, option,
            numbers.top, numbers.base, other:directory())
        local upper = (",upperdir=%s/layers/%d,workdir=%s/work/%d"):format(other.root, numbers.a, other.root, numbers.a)
        for _, mount in ipairs { bare:format(""), bare:format(upper) } do
            elsewhere(mount, function()
                local in_use = assert(home.store.engine:in_use())
                assert.same({ {}, {} }, { in_use.sure, in_use.maybe })
                in_use = assert(other.store.engine:in_use())
                assert.is_truthy(next(in_use.sure) or next(in_use.maybe))
            end)
        end
        other:mounted("a", function()
            assert.same({}, assert(home.store.engine:in_use()).maybe)
        end)
    end))

    it("takes a way that is not ours for maybe", needs.mounts(function()
        local home <close>, numbers = filled()
        local other = home:directory()

        elsewhere(("mount --bind %s %s; mount --bind %s/layers/%d %s"):format(home.root, other, other, numbers.base,
            home:directory()), function()
            assert.same({ "base" }, named(numbers, assert(home.store.engine:in_use()).sure))
        end)
        local option = home.store.xattrs == "user" and "userxattr" or "index=off"
        elsewhere(("mount --bind %s %s; mount -t overlay overlay -o '%s,lowerdir=%s/layers/%d:%s/layers/%d' %s"):format(
            home.root, other, option, other, numbers.top, other, numbers.base, home:directory()), function()
            assert.same({ "base", "top" }, named(numbers, assert(home.store.engine:in_use()).maybe))
        end)
    end))
end)

describe("what engine:in_use() cannot see", function()
    -- A namespace is kept only by one with a lower number, and since 6.18 each processor has numbers of its own: so it
    -- may take a few.
    it("is counted: a mount namespace that a file keeps", needs.root(needs.mounts(function()
        local home <close> = filled()
        local at = home:directory()
        local script = [[set -e; at=$1; mount --bind $at $at; mount --make-private $at; touch $at/kept
            mkfifo $at/up; tries=0; kept=
            until [ "$kept" ] || [ $((tries += 1)) -gt 100 ]; do
                unshare --mount sh -c 'echo >"$1"; exec sleep 1000' sh $at/up & trap "kill $!" EXIT
                read -r _ <$at/up; ! mount --bind /proc/$!/ns/mnt $at/kept 2>/dev/null || kept=yes
                trap - EXIT; { kill $!; wait $! || :; } 2>/dev/null
            done
            exec lua5.4 "$2" script "$3" "print(store.engine:in_use().unknown)"]]
        local output = process.run({ "unshare", "--mount", "sh", "-c", script, "sh", at, process.WORKER, home.root },
            { ASAN_OPTIONS = process.asan_options(), LIBMOUNT_FORCE_MOUNT2 = "always" }) -- the new calls move no nsfs
        assert.equal("1", output:match("%S+"), output)
    end)))
end)

--- A snapshot as it is, for evict.
local function seen(home, key)
    return assert(home.store:stat(key))
end

describe("engine:evict(namespace, key, seen, look)", function()
    it("removes what is as it was seen; with look it only says so", function()
        local home <close> = filled()
        local engine = home.store.engine
        assert(engine:evict("default", "v", seen(home, "v"), true))
        assert(home.store:stat("v"))
        assert(engine:evict("default", "v", seen(home, "v")))
        expect.fails("not_found", home.store:stat("v"))
        expect.fails("not_found", engine:evict("default", "nobody", seen(home, "a")))
    end)

    it("leaves what is not", function()
        local home <close> = filled()
        local store, engine = home.store, home.store.engine
        local before = seen(home, "a")
        assert(store:touch("a"))
        expect.fails_saying("aborted", "used since", engine:evict("default", "a", before))
        before = seen(home, "a")
        assert(store:update { name = "a", labels = { x = "1" } })
        expect.fails_saying("aborted", "changed since", engine:evict("default", "a", before))
        assert(store:remove("a"))
        assert(store:prepare("a", "base"))
        expect.fails_saying("aborted", "another snapshot", engine:evict("default", "a", before))
        assert(store:stat("a"))
    end)

    it("leaves what a lease holds that lives", function()
        local home <close> = filled()
        local engine, leases = home.store.engine, home.store:leases()
        assert(leases:create("job"))
        assert(leases:add("job", { type = "snapshots/overlayfs", id = "v" }))
        expect.fails_saying("failed_precondition", "held by lease 'job'",
            engine:evict("default", "v", seen(home, "v")))
        assert(leases:drop("job", { type = "snapshots/overlayfs", id = "v" }))
        assert(leases:create("over", { labels = { ["containerd.io/gc.expire"] = "2020-01-01T00:00:00Z" } }))
        assert(leases:add("over", { type = "snapshots/overlayfs", id = "v" }))
        assert(engine:evict("default", "v", seen(home, "v")))
        assert.same({}, leases:resources("over"))
    end)

    it("leaves what has children or a pin", function()
        local home <close> = filled()
        local engine = home.store.engine
        expect.fails_saying("failed_precondition", "children", engine:evict("default", "base", seen(home, "base")))
        assert(engine:pin("default", "v", "why"))
        expect.fails_saying("failed_precondition", "pinned", engine:evict("default", "v", seen(home, "v")))
    end)

    it("knows a writer in any mount namespace #mounts", needs.mounts(function()
        local home <close>, numbers = filled()
        local engine, root = home.store.engine, home.root
        elsewhere(("mount -t overlay overlay -o '%s,lowerdir=%s/layers/%d,upperdir=%s/layers/%d,workdir=%s/work/%d' %s")
            :format(home.store.xattrs == "user" and "userxattr" or "index=off", root, numbers.base, root, numbers.a,
                root, numbers.a, home:directory()), function()
            for _, look in ipairs { true, false } do
                expect.fails_saying("failed_precondition", "an overlay writes to it",
                    engine:evict("default", "a", seen(home, "a"), look))
            end
        end)
        assert(engine:evict("default", "a", seen(home, "a")))
    end))

    it("refuses what is not how a snapshot looks", function()
        local home <close> = filled()
        local engine = home.store.engine
        for _, bad in ipairs { {}, { number = 1, updated = 2, used = "x", use_count = 1 }, "seen" } do
            assert.has_error(function() engine:evict("default", "a", bad) end)
        end
    end)
end)

describe("engine:tenant(namespace)", function()
    it("says who has a database of its own about a namespace", function()
        local home <close> = world.new()
        local engine = home.store.engine
        assert.is_false(engine:tenant("default"))
        assert(engine:set_tenant("default", "containerd"))
        assert.same({ "containerd", false }, { engine:tenant("default"), engine:tenant("other") })
        home.store:close()
        home.store = assert(moonsnap.open { root = home.root })
        engine = home.store.engine
        assert.equal("containerd", engine:tenant("default"))
        assert(engine:set_tenant("default", nil))
        assert.is_false(engine:tenant("default"))
        expect.fails("invalid_argument", engine:set_tenant("default", ""))
    end)
end)
