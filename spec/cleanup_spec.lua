local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tar = require "spec.support.tar"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

local fails = expect.fails

local function below(home, format, ...)
    return home.root .. "/" .. format:format(...)
end

--- The counts of a cleanup that are not 0.
local function cleaned(home, options)
    local counts = {}
    for name, count in pairs(assert(home.store:cleanup(options))) do
        counts[name] = count ~= 0 and count or nil
    end
    return counts
end

--- A store with a removed snapshot whose tree of count files waits in the trash.
local function with_trash(count)
    local home = world.new()
    assert(home.store:prepare("gone"))
    local layer = assert(home.store:layers("gone"))[1]
    for i = 1, count do
        tree.write(("%s/f%d"):format(layer, i), "x")
    end
    assert(home.store:remove("gone", { later = true }))
    return home
end

describe("store:cleanup()", function()
    it("in a clean store does nothing", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        assert.same({}, cleaned(home))
    end)

    it("frees what remove { later = true } left", function()
        local home <close> = with_trash(3)
        assert.is_true(#tree.list(below(home, "trash")) > 0)
        assert(home.store:cleanup())
        assert.same({}, tree.list(below(home, "trash")))
    end)

    for how, options in pairs { ["at once"] = {}, ["by steps"] = { progress = function() end } } do
        it("is not done by a remove that frees its own " .. how, function()
            local home <close> = with_trash(3)
            local before = tree.list(below(home, "trash"))
            assert(home.store:prepare("small"))
            assert(home.store:remove("small", options))
            assert.same(before, tree.list(below(home, "trash")))
        end)
    end

    it("counts what it deleted", function()
        local home <close> = with_trash(3)
        assert.same({ entries = 4 }, cleaned(home)) -- 3 files and their layer; empty directories go at once
    end)

    it("keeps what has a row", function()
        local home <close> = with_trash(3)
        assert(home.store:prepare("a"))
        tree.write(assert(home.store:layers("a"))[1] .. "/f", "x")
        assert(home.store:cleanup())
        assert.equal("x", tree.read(assert(home.store:layers("a"))[1] .. "/f"))
    end)

    it("tells progress, and can be canceled", function()
        local home <close> = with_trash(300)
        fails("canceled", home.store:cleanup { progress = function() return false end })
    end)

    it("goes on where a canceled one ended", function()
        local home <close> = with_trash(300)
        home.store:cleanup { progress = function() return false end }
        assert(home.store:cleanup())
        assert.same({}, tree.list(below(home, "trash")))
    end)

    it("frees what a canceled remove left, whose answer was true", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local layer = assert(home.store:layers("a"))[1]
        for i = 1, 300 do
            tree.write(("%s/f%d"):format(layer, i), "x")
        end
        assert.is_true(home.store:remove("a", { progress = function() return false end }))
        assert.is_true(#tree.list(below(home, "trash")) > 0)
        assert(home.store:cleanup())
        assert.same({}, tree.list(below(home, "trash")))
    end)

    it("frees files and links in the trash, following none", function()
        local home <close> = world.new()
        tree.write(below(home, "trash/file"), "x")
        tree.symlink(home.root .. "/layers", below(home, "trash/link"))
        assert.same({ entries = 2 }, cleaned(home))
        assert.is_true(tree.exists(below(home, "layers")))
    end)

    it("is refused inside a transaction", function()
        local home <close> = world.new()
        fails("failed_precondition", home.store:transaction(function(store) return store:cleanup() end))
    end)

    it("removes directories without any right", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local layer = assert(home.store:layers("a"))[1]
        tree.mkdir(layer .. "/d/e")
        tree.write(layer .. "/d/e/f", "x")
        tree.chmod(layer .. "/d/e", 0)
        tree.chmod(layer .. "/d", 0)
        assert(home.store:remove("a"))
        assert.same({}, tree.list(below(home, "trash")))
    end)

    it("removes a very deep tree", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local path = ("d/"):rep(1000)
        process.must("sh", "-c", ([[cd '%s' && for i in 1 2 3; do mkdir -p %s && cd -P %s; done]]):format(
            assert(home.store:layers("a"))[1], path, path))
        assert(home.store:remove("a"))
        assert.same({}, tree.list(below(home, "trash")))
    end)
end)

describe("a directory without a row", function()
    it("goes when its number was given", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local number = assert(home.store:stat("a")).number
        assert(home.store:remove("a"))
        tree.mkdir(below(home, "layers/%d/d", number))
        assert.equal(1, cleaned(home).orphans)
        assert.same({ {}, {} }, { tree.list(below(home, "layers")), tree.list(below(home, "trash")) })
    end)

    it("goes when it is empty, whatever its number", function()
        local home <close> = world.new()
        tree.mkdir(below(home, "layers/4711"))
        assert.same({ orphans = 1 }, cleaned(home))
    end)

    it("goes into quarantine when its number was never given", function()
        local home <close> = world.new()
        tree.mkdir(below(home, "layers/4711/d"))
        assert.same({ quarantined = 1 }, cleaned(home))
        assert.equal(1, #tree.list(below(home, "quarantine")))
    end)

    it("in quarantine is never touched again", function()
        local home <close> = world.new()
        tree.mkdir(below(home, "layers/4711/d"))
        assert(home.store:cleanup())
        assert.same({}, cleaned(home))
        assert.equal(1, #tree.list(below(home, "quarantine")))
    end)

    it("makes its number one that is never given", function()
        local home <close> = world.new()
        tree.mkdir(below(home, "layers/4711/d"))
        assert(home.store:cleanup())
        assert(home.store:prepare("a"))
        assert.is_true(assert(home.store:stat("a")).number > 4711)
    end)
end)

describe("after an older database was restored", function()
    --- Copies metadata.db and what belongs to it; the store is closed meanwhile.
    local function copy(home, from, to)
        for _, end_ in ipairs { "", "-wal", "-shm" } do
            os.remove(("%s/metadata.db%s"):format(to, end_))
            local bytes = tree.read(("%s/metadata.db%s"):format(from, end_))
            if bytes then
                tree.write(("%s/metadata.db%s"):format(to, end_), bytes)
            end
        end
        home.store = assert(home:open())
    end

    --- A store that knows of "old" alone, though "young" had been made with content, "empty" without.
    local function restored()
        local home = world.new()
        assert(home.store:prepare("old"))
        home.store:close()
        local backup = tree.mkdir(home.dir .. "/backup")
        copy(home, home.root, backup)
        assert(home.store:prepare("young"))
        tree.write(assert(home.store:layers("young"))[1] .. "/precious", "x")
        assert(home.store:prepare("empty"))
        home.young, home.empty = assert(home.store:stat("young")).number, assert(home.store:stat("empty")).number
        home.store:close()
        copy(home, backup, home.root)
        return home
    end

    it("knows what the backup knew", function()
        local home <close> = restored()
        assert.same({ "old" }, expect.names(home.store:walk()))
    end)

    it("cleanup keeps later content in quarantine", function()
        local home <close> = restored()
        assert(home.store:cleanup())
        local kept = {}
        for _, name in ipairs(tree.list(below(home, "quarantine"))) do
            kept[#kept + 1] = tree.read(below(home, "quarantine/%s/precious", name))
        end
        assert.same({ "x" }, kept)
    end)

    it("cleanup gives no later number again", function()
        local home <close> = restored()
        assert(home.store:cleanup())
        assert(home.store:prepare("new"))
        assert.is_true(assert(home.store:stat("new")).number > home.young)
    end)

    it("prepare never serves later content as its own", function()
        local home <close> = restored()
        for i = 1, 3 do
            assert(home.store:prepare("new" .. i))
            assert.same({}, tree.list(assert(home.store:layers("new" .. i))[1]))
        end
    end)

    it("check repairs as cleanup does", function()
        local home <close> = restored()
        assert(home.store:check { repair = true })
        assert.same({}, assert(home.store:check()))
    end)
end)

describe("a staged layer", function()
    it("without a maker is freed", function()
        local home <close> = world.new()
        tree.mkdir(below(home, "new/0123456789abcdef/layer/d"))
        assert.equal(1, cleaned(home).stages)
        assert.same({ {}, {} }, { tree.list(below(home, "new")), tree.list(below(home, "trash")) })
    end)

    it("whose maker lives is kept", function()
        local home <close> = world.new()
        tree.mkdir(home.dir .. "/source/d")
        local seen
        assert(home.store:import("it", home.dir .. "/source", {
            progress = function() seen = seen or cleaned(home) end,
        }))
        assert.same({}, seen)
    end)

    it("of an import that was killed is freed", function()
        local home <close> = world.new()
        local worker <close> = process.worker("script", home.root, [[
            assert(store:import("it", io.stdin, { progress = function()
                io.stdout:write("up\n")
                io.stdout:flush()
            end }))]])
        unistd.write(worker.input, tar.pack { { "f" } }:sub(1, 512))
        assert(worker:await("up"))
        worker:kill()
        worker:finish()
        assert.equal(1, cleaned(home).stages)
    end)
end)

describe("a snapshot whose owner is gone", function()
    --- Prepares "a" with the pid of a child, which is alive until it is released.
    local function owned(home, options)
        local owner = process.start { "cat" }
        options = options or {}
        options.owner = owner.pid
        assert(home.store:prepare("a", nil, options))
        return owner
    end

    it("stays while the owner lives", function()
        local home <close> = world.new()
        local _owner <close> = owned(home)
        assert.is_nil(cleaned(home).abandoned)
        assert(home.store:stat("a"))
    end)

    it("is removed by cleanup", function()
        local home <close> = world.new()
        owned(home):finish()
        assert.equal(1, cleaned(home).abandoned)
        fails("not_found", home.store:stat("a"))
    end)

    it("is freed by the same cleanup", function()
        local home <close> = world.new()
        owned(home):finish()
        assert(home.store:cleanup())
        assert.same({ {}, {} }, { tree.list(below(home, "layers")), tree.list(below(home, "trash")) })
    end)

    it("is removed with kill -9 too", function()
        local home <close> = world.new()
        local owner = owned(home)
        owner:kill()
        owner:finish()
        assert.equal(1, cleaned(home).abandoned)
    end)

    it("stays when it was committed meanwhile", function()
        local home <close> = world.new()
        local owner = owned(home)
        assert(home.store:commit("kept", "a"))
        owner:finish()
        assert(home.store:cleanup())
        assert(home.store:stat("kept"))
    end)

    it("stays while something is mounted", needs.mounts(function()
        local home <close> = world.new()
        owned(home):finish()
        home:mounted("a", function()
            assert.is_nil(cleaned(home).abandoned)
        end)
        assert.equal(1, cleaned(home).abandoned)
    end))

    it("cannot be made for a process that is not there", function()
        local home <close> = world.new()
        local owner = process.start { "true" }
        owner:finish()
        local made, err = home.store:prepare("a", nil, { owner = owner.pid })
        assert.is_nil(made)
        assert.is_truthy(err.kind == "not_found" or err.kind == "invalid_argument")
    end)
end)

describe("deletion", function()
    it("follows no link", function()
        local home <close> = world.new()
        tree.mkdir(home.dir .. "/victim")
        tree.write(home.dir .. "/victim/f", "x")
        assert(home.store:prepare("a"))
        tree.symlink(home.dir .. "/victim", assert(home.store:layers("a"))[1] .. "/link")
        assert(home.store:remove("a"))
        assert.equal("x", tree.read(home.dir .. "/victim/f"))
    end)

    it("follows no link that took the layer's place", function()
        local home <close> = world.new()
        tree.mkdir(home.dir .. "/victim")
        tree.write(home.dir .. "/victim/f", "x")
        assert(home.store:prepare("a"))
        local layer = assert(home.store:layers("a"))[1]
        tree.remove(layer)
        tree.symlink(home.dir .. "/victim", layer)
        assert(home.store:remove("a"))
        assert(home.store:cleanup())
        assert.equal("x", tree.read(home.dir .. "/victim/f"))
    end)

    it("crosses no mount", needs.mounts(function()
        local home <close> = with_trash(3)
        local trash = below(home, "trash/%s", tree.list(below(home, "trash"))[1])
        local at = tree.mkdir(trash .. "/mnt")
        process.must("mount", "-t", "tmpfs", "tmpfs", at)
        tree.write(at .. "/f", "x")
        local counts = cleaned(home)
        local content = tree.read(at .. "/f")
        process.must("umount", at)
        assert.same({ "x", 1 }, { content, counts.kept })
        assert(home.store:cleanup())
    end))

    it("goes on beside a mount", needs.mounts(function()
        local home <close> = with_trash(3)
        local trash = below(home, "trash/%s", tree.list(below(home, "trash"))[1])
        local at = tree.mkdir(trash .. "/mnt")
        process.must("mount", "-t", "tmpfs", "tmpfs", at)
        assert(home.store:cleanup())
        local left = tree.list(trash)
        process.must("umount", at)
        assert.same({ "mnt" }, left)
        assert(home.store:cleanup())
    end))

    it("ends once the mount is gone", needs.mounts(function()
        local home <close> = with_trash(3)
        local trash = below(home, "trash/%s", tree.list(below(home, "trash"))[1])
        local at = tree.mkdir(trash .. "/mnt")
        process.must("mount", "-t", "tmpfs", "tmpfs", at)
        assert(home.store:cleanup())
        process.must("umount", at)
        assert(home.store:cleanup())
        assert.same({}, tree.list(below(home, "trash")))
    end))
end)

describe("a stale marker", function()
    it("goes", function()
        local home <close> = world.new()
        assert(home.store:prepare("a"))
        local marker = below(home, "layers/%d.row", assert(home.store:stat("a")).number)
        tree.symlink("x", marker)
        assert(home.store:cleanup())
        assert.is_false(tree.exists(marker))
    end)
end)
