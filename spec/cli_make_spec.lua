--- The verbs of the command that make, use and keep, on a real store, as people see them.
local command = require "spec.support.command"
local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

--- A world and the command on its store.
local function setting(options)
    local home = world.new(options)
    return home, command.on(home.root)
end

--- A directory with two files, to import.
local function source_in(home)
    local dir = home:directory()
    tree.write(dir .. "/one", "1")
    tree.write(dir .. "/two words", "22")
    return dir
end

describe("moonsnap prepare", function()
    it("makes an active snapshot and says nothing", function()
        local home <close>, moonsnap = setting()
        assert.equal("", moonsnap("prepare", "a").out)
        assert.equal("active", home.store:stat("a").kind)
    end)

    it("makes the store when there is none", function()
        local home <close> = world.bare()
        assert.equal(0, command.on(home.root)("prepare", "a").code)
        assert.equal("active", assert(home:open { create = false }):stat("a").kind)
    end)

    it("makes a child with labels", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        moonsnap("prepare", "a", "base", "--label", "x=1", "--label", "y=a=b")
        local info = home.store:stat("a")
        assert.same({ "base", { x = "1", y = "a=b" } }, { info.parent, info.labels })
    end)

    it("prints with --target the command that mounts it", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        assert.matches("^mount %-t overlay overlay /mnt %-o .*upperdir=", moonsnap("prepare", "a", "base",
            "--target", "/mnt").out)
    end)
end)

describe("moonsnap view", function()
    it("makes a view", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        assert.equal(0, moonsnap("view", "v", "base").code)
        assert.equal("view", home.store:stat("v").kind)
    end)
end)

describe("moonsnap mounts", function()
    it("prints commands that a shell runs as they are", needs.mounts(function()
        local home <close>, moonsnap = setting()
        home:layer("base", nil, function(at) tree.write(at .. "/f", "below") end)
        home.store:prepare("a", "base")
        local target = home:directory()
        assert.equal(0, command.run({ "sh", "-ec", moonsnap("mounts", "a", target).out }).code)
        assert.equal("below", tree.read(target .. "/f"))
        command.run { "umount", target }
    end))
end)

describe("moonsnap mount", function()
    it("mounts, and umount takes it away", needs.mounts(function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        local target = home:directory()
        assert.equal("", moonsnap("mount", "a", target).err)
        assert.same({ target }, world.mounts_below(target))
        assert.equal("", moonsnap("umount", target).err)
        assert.same({}, world.mounts_below(target))
    end))

    it("alone lists what is mounted", needs.mounts(function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        local target = home:directory()
        moonsnap("mount", "a", target)
        assert.matches("^a +" .. target:gsub("%p", "%%%0") .. " +rw +default +here$", moonsnap("mount"):lines()[2])
        moonsnap("umount", target)
    end))

    it("is read-only when asked", needs.mounts(function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        local target = home:directory()
        moonsnap("mount", "--readonly", "a", target)
        assert.is_nil(io.open(target .. "/f", "w"))
        moonsnap("umount", target)
    end))
end)

describe("moonsnap commit", function()
    it("commits with labels", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        moonsnap("commit", "done", "a", "--label", "made=yes")
        local info = home.store:stat("done")
        assert.same({ "committed", "yes" }, { info.kind, info.labels.made })
    end)

    it("puts a snapshot without parent on one", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        home.store:prepare("a")
        moonsnap("commit", "done", "a", "--parent", "base")
        assert.equal("base", home.store:stat("done").parent)
    end)
end)

describe("moonsnap rm", function()
    it("removes several", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        home.store:prepare("a", "base")
        assert.equal(0, moonsnap("rm", "a", "base").code)
        assert.same({}, expect.names(home.store:walk()))
    end)

    it("goes on after one that cannot be removed, and tells by its status", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        assert.equal(3, moonsnap("rm", "nothing", "a").code)
        assert.is_nil(home.store:stat("a"))
    end)

    it("names the children that are in the way", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        home.store:prepare("a child", "base")
        assert.matches("try: moonsnap rm 'a child'\n", moonsnap("rm", "base").err, 1, true)
    end)

    it("has freed the layer when it ends", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        moonsnap("rm", "a")
        assert.same({}, tree.list(home.root .. "/trash"))
    end)

    it("leaves the freeing to cleanup with --later", function()
        local home <close>, moonsnap = setting()
        home:layer("base", nil, function(dir) tree.write(dir .. "/f", "x") end)
        moonsnap("rm", "--later", "base")
        assert.is_true(moonsnap("cleanup", "--json"):json().entries > 0)
    end)
end)

describe("moonsnap label", function()
    it("sets and deletes, and leaves the others", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a", nil, { labels = { keep = "1", drop = "2" } })
        assert.equal(0, moonsnap("label", "a", "new.and/dotted=3", "drop=").code)
        assert.same({ keep = "1", ["new.and/dotted"] = "3" }, home.store:stat("a").labels)
    end)

    it("shows them, sorted, when told none", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a", nil, { labels = { b = "2", a = "1" } })
        assert.equal("a=1\nb=2\n", moonsnap("label", "a").out)
    end)
end)

describe("moonsnap touch", function()
    it("counts a use", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        local before = home.store:stat("a").use_count
        moonsnap("touch", "a")
        assert.equal(before + 1, home.store:stat("a").use_count)
    end)
end)

describe("moonsnap import", function()
    it("imports a directory and says how much", function()
        local home <close>, moonsnap = setting()
        assert.matches("^imported base: 3 entries, 3 B\n$", moonsnap("import", "base", source_in(home)).out)
    end)

    it("imports a tar from standard input", function()
        local home <close> = setting()
        local tar = command.run { "tar", "-C", source_in(home), "-c", "." }
        local answer = command.run({ "bin/moonsnap", "--root", home.root, "import", "base", "-" }, { stdin = tar.out })
        assert.same({ 0, "committed" }, { answer.code, home.store:stat("base").kind })
    end)

    it("puts the tree on a parent, with labels", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        moonsnap("import", "top", "--parent", "base", "--label", "x=1", source_in(home))
        local info = home.store:stat("top")
        assert.same({ "base", "1" }, { info.parent, info.labels.x })
    end)
end)

describe("moonsnap cleanup", function()
    it("says when there is nothing to do", function()
        local _home <close>, moonsnap = setting()
        assert.equal("nothing to clean up\n", moonsnap("cleanup").out)
    end)

    it("says what it freed", function()
        local home <close>, moonsnap = setting()
        home:layer("base", nil, function(dir) tree.write(dir .. "/f", "x") end)
        home.store:remove("base", { later = true })
        assert.matches("^cleaned up: ", moonsnap("cleanup").out)
    end)
end)

describe("moonsnap lua", function()
    local function script(home, code)
        local path = home.dir .. "/script.lua"
        tree.write(path, code)
        return path
    end

    it("hands the module to a script, and the store's place", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        local path = script(home, [[
            local store <close> = assert(moonsnap.open { root = os.getenv("MOONSNAP_ROOT") })
            print(store:stat("a").kind)]])
        assert.equal("active\n", moonsnap("lua", path).out)
    end)

    it("gives the script its arguments, options too", function()
        local home <close>, moonsnap = setting()
        local path = script(home, "print(arg[0] == ..., #arg, table.unpack(arg))")
        assert.equal("false\t3\t--json\t-x\tfile\n", moonsnap("lua", path, "--json", "-x", "file").out)
    end)

    it("exits with the integer that the script returns", function()
        local home <close>, moonsnap = setting()
        assert.equal(7, moonsnap("lua", script(home, "return 7")).code)
    end)

    it("says where a script failed", function()
        local home <close>, moonsnap = setting()
        local answer = moonsnap("lua", script(home, "\nerror('oh no')"))
        assert.equal(1, answer.code)
        assert.matches("script.lua:2: oh no\nstack traceback:\n", answer.err)
    end)

    it("exits by the kind of an error value that the script raised", function()
        local home <close>, moonsnap = setting()
        local path = script(home, "assert(moonsnap.open { root = '/nowhere/at/all', create = false })")
        assert.equal(3, moonsnap("lua", path).code)
    end)
end)
