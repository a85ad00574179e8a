--- Mounts performed: really mounted, looked at, refused and undone.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails, fails_saying = expect.fails, expect.fails_saying

--- A store with base (a file f) and active "a" on it.
local function with_active(options)
    local home = world.new(options)
    home:layer("base", nil, function(at) tree.write(at .. "/f", "base") end)
    assert(home.store:prepare("a", "base"))
    return home
end

--- Commits count layers in one transaction, each on the one before; answers the last name.
local function stack(store, count)
    local parent
    assert(store:transaction(function()
        for i = 1, count do
            assert(store:prepare("k", parent))
            assert(store:commit("layer" .. i, "k"))
            parent = "layer" .. i
        end
        return true
    end))
    return parent
end

describe("store:mount(key, target) #mounts", function()
    it("shows what is below and takes what is written", needs.mounts(function()
        local home <close> = with_active()
        local seen = home:mounted("a", function(at)
            tree.write(at .. "/g", "own")
            return { tree.read(at .. "/f"), tree.read(at .. "/g") }
        end)
        assert.same({ "base", "own" }, seen)
        assert.equal("own", tree.read(assert(home.store:layers("a"))[1] .. "/g"))
    end))

    it("mounts read-only when asked, an active too", needs.mounts(function()
        local home <close> = with_active()
        home:mounted("a", function(at)
            assert.equal("base", tree.read(at .. "/f"))
            assert.is_nil(io.open(at .. "/g", "w"))
        end, { readonly = true })
    end))

    it("shows in a read-only mount of an active what it has of its own", needs.mounts(function()
        local home <close> = with_active()
        home:mounted("a", function(at) tree.write(at .. "/g", "own") end)
        assert.equal("own", home:mounted("a", function(at) return tree.read(at .. "/g") end, { readonly = true }))
    end))

    it("counts as a use and leaves updated alone", needs.mounts(function()
        local home <close> = with_active()
        local before = assert(home.store:stat("a"))
        home:mounted("a", function() end)
        local after = assert(home.store:stat("a"))
        assert.same({ before.use_count + 1, before.updated }, { after.use_count, after.updated })
    end))

    it("takes a relative target", needs.mounts(function()
        local home <close> = with_active()
        local unistd = require "posix.unistd"
        local here, target = unistd.getcwd(), home:directory()
        assert(unistd.chdir(home.dir))
        local ok, err = home.store:mount("a", target:match("[^/]+$"))
        assert(unistd.chdir(here))
        assert(ok, err)
        assert.equal("base", tree.read(target .. "/f"))
        assert(home.store:unmount(target))
    end))

    it("leaves the directory of the process alone", needs.mounts(function()
        local unistd = require "posix.unistd"
        local home <close> = with_active()
        local before = unistd.getcwd()
        home:mounted("a", function() end)
        assert.equal(before, unistd.getcwd())
    end))

    it("refuses a target that is not there", needs.mounts(function()
        local home <close> = with_active()
        fails("not_found", home.store:mount("a", home.dir .. "/nowhere"))
    end))

    it("refuses a target that is a file", needs.mounts(function()
        local home <close> = with_active()
        tree.write(home.dir .. "/file")
        fails("invalid_argument", home.store:mount("a", home.dir .. "/file"))
    end))

    it("refuses an unknown key and a committed name", needs.mounts(function()
        local home <close> = with_active()
        local target = home:directory()
        fails("not_found", home.store:mount("nobody", target))
        fails("failed_precondition", home.store:mount("base", target))
    end))

    it("refuses to be part of a transaction", needs.mounts(function()
        local home <close> = with_active()
        local target = home:directory()
        fails("failed_precondition", home.store:transaction(function(store) return store:mount("a", target) end))
    end))

    it("records nothing of a mount that failed", needs.mounts(function()
        local home <close> = with_active()
        fails("not_found", home.store:mount("a", home.dir .. "/nowhere"))
        assert.same({}, assert(home.store:mounted()))
    end))

    it("passes on options that the kernel refuses as an error, and mounts nothing", needs.mounts(function()
        local home <close> = world.new { mount_options = { "no_such_option=1" } }
        home:layer("base")
        assert(home.store:prepare("a", "base"))
        local target = home:directory()
        local ok, err = home.store:mount("a", target)
        assert.is_nil(ok)
        assert.is_string(err.kind)
        assert.same({}, world.mounts_below(target))
    end))
end)

describe("a mount of many layers #mounts", function()
    it("mounts 500 of them, writable", needs.mounts(function()
        local home <close> = world.new()
        assert(home.store:prepare("a", stack(home.store, 500)))
        local written = home:mounted("a", function(at)
            tree.write(at .. "/f", "x")
            return tree.read(at .. "/f")
        end)
        assert.equal("x", written)
    end))

    it("mounts 500 of them as a view, the lowest seen", needs.mounts(function()
        local home <close> = world.new()
        home:layer("bottom", nil, function(at) tree.write(at .. "/bottom", "x") end)
        local parent = "bottom"
        assert(home.store:transaction(function(store)
            for i = 2, 500 do
                assert(store:prepare("k", parent))
                assert(store:commit("l" .. i, "k"))
                parent = "l" .. i
            end
            return true
        end))
        assert(home.store:view("v", parent))
        assert.equal("x", home:mounted("v", function(at) return tree.read(at .. "/bottom") end))
    end))

    for _, verb in ipairs { "prepare", "view" } do
        it(("refuses the 501st at %s, making nothing"):format(verb), needs.mounts(function()
            local home <close> = world.new()
            local top = stack(home.store, 500)
            assert(home.store:prepare("k", top))
            assert(home.store:commit("layer501", "k"))
            fails_saying("resource_exhausted", "500", home.store[verb](home.store, "x", "layer501"))
            fails("not_found", home.store:stat("x"))
        end))
    end

    it("never cuts options over 4,095 bytes: passes each by itself, or refuses", needs.mounts(function()
        local options = {}
        for i = 1, 500 do
            options[i] = "index=off"
        end
        local home <close> = world.new { mount_options = options }
        home:layer("base", nil, function(at) tree.write(at .. "/f", "base") end)
        assert(home.store:prepare("a", "base"))
        local target = home:directory()
        local ok, err = home.store:mount("a", target)
        local outcome = ok and tree.read(target .. "/f") or err.kind
        assert.equal(({ fd = "base", classic = "resource_exhausted" })[moonsnap.sys.attach_way()], outcome)
        if ok then
            assert(home.store:unmount(target))
        end
    end))

    it("mounts below a root of 180 bytes and 60 layers", needs.mounts(function()
        local home <close> = world.bare()
        home.root = home.dir .. "/" .. ("r"):rep(180)
        home.store = assert(home:open())
        assert(home.store:prepare("a", stack(home.store, 60)))
        assert.is_true(home:mounted("a", function(at) return tree.exists(at) end))
    end))
end)

describe("a second writable mount #mounts", function()
    it("is refused here", needs.mounts(function()
        local home <close> = with_active()
        local second = home:directory()
        home:mounted("a", function() fails("failed_precondition", home.store:mount("a", second)) end)
    end))

    it("is refused here for an active without parent", needs.mounts(function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local second = home:directory()
        home:mounted("a", function() fails("failed_precondition", home.store:mount("a", second)) end)
    end))

    it("is refused while another mount namespace has the first", needs.mounts(function()
        local home <close> = with_active()
        local child <close> = process.worker("hold", home.root, "a", home:directory())
        assert.is_true(child:await("mounted"), child.text)
        fails("failed_precondition", home.store:mount("a", home:directory()))
    end))

    it("is allowed again when that namespace is gone", needs.mounts(function()
        local home <close> = with_active()
        local child <close> = process.worker("hold", home.root, "a", home:directory())
        assert.is_true(child:await("mounted"), child.text)
        child:kill()
        child:finish()
        assert.equal("base", home:mounted("a", function(at) return tree.read(at .. "/f") end))
    end))

    it("is refused when somebody else than a store made the first", needs.root(function()
        local home <close> = with_active()
        local mount = assert(home.store:mounts("a"))[1]
        local target = home:directory()
        process.must("mount", "-t", "overlay", "overlay", "-o", table.concat(mount.options, ","), target)
        local ok, err = home.store:mount("a", home:directory())
        process.must("umount", target)
        local kinds = { fd = "failed_precondition", classic = "failed_precondition" }
        assert.same({ nil, kinds[moonsnap.sys.attach_way()] }, { ok, err and err.kind })
    end))

    it("is allowed for looking", needs.mounts(function()
        local home <close> = with_active()
        home:mounted("a", function()
            assert.equal("base", home:mounted("a", function(at) return tree.read(at .. "/f") end, { readonly = true }))
        end)
    end))

    it("of a view is no second writer", needs.mounts(function()
        local home <close> = with_active()
        assert(home.store:view("v", "base"))
        home:mounted("v", function()
            assert.equal("base", home:mounted("v", function(at) return tree.read(at .. "/f") end))
        end)
    end))
end)

describe("a mounted snapshot #mounts", function()
    it("is not removed while this store has it mounted", needs.mounts(function()
        local home <close> = with_active()
        home:mounted("a", function() fails_saying("failed_precondition", "mounted", home.store:remove("a")) end)
        assert(home.store:remove("a"))
    end))

    it("is not committed while this store has it mounted", needs.mounts(function()
        local home <close> = with_active()
        home:mounted("a", function() fails_saying("failed_precondition", "mounted", home.store:commit("c", "a")) end)
        assert(home.store:commit("c", "a"))
    end))

    it("is not removed while another namespace has it mounted through the store", needs.mounts(function()
        local home <close> = with_active()
        local child <close> = process.worker("hold", home.root, "a", home:directory())
        assert.is_true(child:await("mounted"), child.text)
        fails("failed_precondition", home.store:remove("a"))
    end))

    for _, verb in ipairs { "commit", "remove" } do
        it(("may be the object of %s when others mounted it"):format(verb), needs.root(function()
            local home <close> = with_active()
            local mount = assert(home.store:mounts("a"))[1]
            local target = home:directory()
            process.must("mount", "-t", "overlay", "overlay", "-o", table.concat(mount.options, ","), target)
            local ok, err = home.store[verb](home.store, table.unpack(verb == "commit" and { "c", "a" } or { "a" }))
            process.must("umount", target)
            assert(ok, err)
        end))
    end
end)

describe("store:unmount(target) #mounts", function()
    it("takes the mount away", needs.mounts(function()
        local home <close> = with_active()
        local target = home:directory()
        assert(home.store:mount("a", target))
        assert(home.store:unmount(target))
        assert.same({}, tree.list(target))
    end))

    it("is not_found a second time", needs.mounts(function()
        local home <close> = with_active()
        local target = home:directory()
        assert(home.store:mount("a", target))
        assert(home.store:unmount(target))
        fails("not_found", home.store:unmount(target))
    end))

    it("refuses what this store did not mount", needs.mounts(function()
        local home <close> = with_active()
        local other <close> = home:tmpfs "size=64k"
        fails("not_found", home.store:unmount(other.at))
    end))

    it("is failed_precondition while a file in it is open", needs.mounts(function()
        local home <close> = with_active()
        local target = home:directory()
        assert(home.store:mount("a", target))
        local file = assert(io.open(target .. "/f"))
        local ok, err = home.store:unmount(target)
        file:close()
        assert(home.store:unmount(target))
        fails("failed_precondition", ok, err)
    end))

    it("takes a busy mount away when it may be lazy", needs.mounts(function()
        local home <close> = with_active()
        local target = home:directory()
        assert(home.store:mount("a", target))
        local file <close> = assert(io.open(target .. "/f"))
        assert(home.store:unmount(target, { lazy = true }))
        assert.same({}, tree.list(target))
        assert.is_truthy(file:read("a"))
    end))

    it("works from another store object on the root", needs.mounts(function()
        local home <close> = with_active()
        local target = home:directory()
        assert(home.store:mount("a", target))
        local other <close> = assert(home:open())
        assert(other:unmount(target))
    end))
end)

describe("store:mounted() #mounts", function()
    it("lists what is mounted from this store, and where", needs.mounts(function()
        local home <close> = with_active()
        home:mounted("a", function(at)
            local list = assert(home.store:mounted())
            local pid = require("posix.unistd").getpid()
            assert.same({ { namespace = "default", key = "a", target = at, pid = pid, here = true, readonly = false } },
                list)
        end)
    end))

    it("says of a mount in another namespace that it is not here", needs.mounts(function()
        local home <close> = with_active()
        local child <close> = process.worker("hold", home.root, "a", home:directory())
        assert.is_true(child:await("mounted"), child.text)
        local list = assert(home.store:mounted())
        assert.same({ 1, false, child.pid }, { #list, list[1].here, list[1].pid })
    end))

    it("forgets a mount that somebody else took away", needs.mounts(function()
        local home <close> = with_active()
        local target = home:directory()
        assert(home.store:mount("a", target))
        process.must("umount", target)
        assert.same({}, assert(home.store:mounted()))
        assert(home.store:remove("a"))
    end))

    it("is empty when nothing is mounted", needs.mounts(function()
        local home <close> = with_active()
        assert.same({}, assert(home.store:mounted()))
    end))
end)
