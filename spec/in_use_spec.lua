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

describe("engine:probe(namespace, key) #mounts", function()
    it("knows a writer in any mount namespace", needs.mounts(function()
        local home <close> = filled()
        local engine = home.store.engine
        assert.equal("free", engine:probe("default", "a"))
        home:mounted("a", function()
            assert.equal("busy", engine:probe("default", "a"))
        end)
        assert.equal("unknown", engine:probe("default", "v"))
        assert.equal("unknown", engine:probe("default", "base"))
        expect.fails("not_found", engine:probe("default", "nobody"))
    end))
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
