--- Nonsense on the command line: each verb answers with the right status and changes nothing.
local command = require "spec.support.command"
local expect = require "spec.support.expect"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local LONG = ("k"):rep(32769)

--- A store with a committed base, an active a on it and an active b on nothing.
local function setting()
    local home = world.new()
    home:layer("base")
    home.store:prepare("a", "base")
    home.store:prepare("b")
    return home, command.on(home.root)
end

--- Status, and the words.
local CASES = {
    { 2, "nonsense" },
    { 2, "ls", "--nonsense" },
    { 2, "ls", "--json=nonsense" },
    { 2, "--driver", "nonsense", "ls" },
    { 2, "--root" },
    { 2, "--namespace", "", "ls" },
    { 2, "--root", "", "ls" },
    { 2, "prepare" },
    { 2, "prepare", "" },
    { 2, "prepare", "not \xff utf8" },
    { 2, "prepare", LONG },
    { 2, "prepare", "new", "a" },
    { 2, "prepare", "new", "base", "one too many" },
    { 2, "prepare", "new", "--label", "novalue" },
    { 2, "prepare", "new", "--label", "=value" },
    { 2, "prepare", "new", "--label", "=v" },
    { 3, "prepare", "new", "new" },
    { 3, "prepare", "new", "missing" },
    { 4, "prepare", "a" },
    { 4, "prepare", "base" },
    { 2, "view", "" },
    { 2, "view", "new", "a" },
    { 3, "view", "new", "missing" },
    { 4, "view", "a", "base" },
    { 2, "mounts" },
    { 3, "mounts", "missing" },
    { 5, "mounts", "base" },
    { 2, "mount", "a" },
    { 3, "mount", "missing", "/" },
    { 2, "umount" },
    { 3, "umount", "/nowhere/at/all" },
    { 3, "umount", "/" },
    { 2, "commit", "new" },
    { 2, "commit", "", "a" },
    { 2, "commit", LONG, "a" },
    { 2, "commit", "new", "a", "--durability", "nonsense" },
    { 2, "commit", "new", "a", "--label", "=v" },
    { 3, "commit", "new", "missing" },
    { 3, "commit", "new", "b", "--parent", "missing" },
    { 4, "commit", "base", "a" },
    { 5, "commit", "new", "base" },
    { 2, "rm" },
    { 2, "rm", "" },
    { 3, "rm", "missing" },
    { 5, "rm", "base" },
    { 2, "stat" },
    { 2, "stat", "" },
    { 3, "stat", "missing" },
    { 2, "ls", "name===a" },
    { 3, "tree", "missing" },
    { 3, "usage", "missing" },
    { 2, "label" },
    { 2, "label", "a", "novalue" },
    { 2, "label", "a", "=v" },
    { 3, "label", "missing", "x=1" },
    { 2, "diff" },
    { 3, "diff", "missing" },
    { 3, "diff", "a", "missing" },
    { 2, "diff", "a", "b", "c" },
    { 2, "import", "new" },
    { 2, "import", "", "/etc/hostname" },
    { 3, "import", "new", "/nowhere/at/all" },
    { 3, "import", "new", "--parent", "missing", "/etc" },
    { 4, "import", "base", "/etc" },
    { 125, "run" },
    { 125, "run", "a" },
    { 125, "run", "missing", "--", "true" },
    { 125, "run", "base", "--env", "novalue", "--", "true" },
    { 125, "run", "base", "--commit", "a", "--", "true" },
    { 125, "run", "base", "--commit", "x", "--readonly", "--", "true" },
    { 2, "touch" },
    { 3, "touch", "missing" },
    { 2, "cleanup", "nonsense" },
    { 2, "check", "nonsense" },
    { 2, "lua" },
    { 3, "lua", "/nowhere/at/all.lua" },
    { 2, "help", "nonsense" },
    { 2, "version", "nonsense" },
}

--- The words as one would type them, the long ones cut.
local function typed(case)
    local words = {}
    for at = 2, #case do
        words[at - 1] = #case[at] > 40 and case[at]:sub(1, 8) .. "..." or ("%q"):format(case[at])
    end
    return table.concat(words, " "):gsub("[^ -~]", "?")
end

describe("moonsnap", function()
    local home, moonsnap

    lazy_setup(function()
        home, moonsnap = setting()
    end)

    lazy_teardown(function()
        home:close()
    end)

    for _, case in ipairs(CASES) do
        it(("answers %d to %s and changes nothing"):format(case[1], typed(case)), function()
            local answer = moonsnap(table.unpack(case, 2))
            assert.equal(case[1], answer.code, answer.err)
            assert.matches("^moonsnap: .", answer.err)
            assert.equal("", answer.out:gsub("^SNAPSHOT  SIZE  INODES\n$", ""), "nothing on standard output")
            assert.same({ "a", "b", "base" }, expect.names(home.store:walk()))
        end)
    end

    it("suggests the verb that was meant", function()
        assert.matches("Did you mean 'prepare'", moonsnap("prepear", "x").err)
    end)

    it("suggests the option that was meant", function()
        assert.matches("Did you mean '%-%-later'", moonsnap("rm", "--latr", "x").err)
    end)

    it("says that an import's name comes first", function()
        assert.matches("try: moonsnap import new %-", moonsnap("import", "-", "new").err)
    end)

    it("says that another root is needed where none can be", function()
        assert.matches("try: another %-%-root", moonsnap("--root", "/etc/hostname", "ls").err)
    end)

    it("says run once", function()
        assert.matches("^moonsnap: run: commit 'a': ", moonsnap("run", "base", "--commit", "a", "--", "true").err)
    end)

    it("shows its verbs when told nothing", function()
        local answer = moonsnap()
        assert.same({ 2, "" }, { answer.code, answer.out })
    end)

    it("fails when standard output takes nothing", function()
        local answer = command.run({ "bin/moonsnap", "--root", home.root, "ls" }, { env = { STDOUT = "/dev/full" } })
        assert.equal(1, answer.code)
    end)
end)

describe("a root that", function()
    local function with_root(make)
        local home = world.bare()
        local root = home.dir .. "/root"
        make(root)
        return home, command.on(root)
    end

    it("is not there is not made by looking", function()
        local home <close>, moonsnap = with_root(function() end)
        assert.equal(3, moonsnap("ls").code)
        assert.is_false(tree.exists(home.dir .. "/root"))
    end)

    it("is not there is not made for a child of nothing", function()
        local home <close>, moonsnap = with_root(function() end)
        assert.equal(3, moonsnap("prepare", "a", "base").code)
        assert.is_false(tree.exists(home.dir .. "/root"))
    end)

    it("is a file is refused", function()
        local _home <close>, moonsnap = with_root(tree.write)
        assert.equal(2, moonsnap("prepare", "a").code)
    end)

    it("has a comma is refused", function()
        local home <close> = world.bare()
        assert.equal(2, command.on(home.dir .. "/a,b")("prepare", "a").code)
    end)

    it("cannot be told without HOME is asked for", function()
        local env = { HOME = false, XDG_DATA_HOME = false, MOONSNAP_ROOT = "" }
        local answer = command.run({ "unshare", "-Ur", "bin/moonsnap", "ls" }, { env = env })
        if answer.err:find("unshare", 1, true) then
            return pending("needs user namespaces")
        end
        assert.matches("neither %-%-root nor HOME", answer.err)
    end)

    it("is damaged is told with what mends it", function()
        local home <close> = world.new()
        home:layer("base")
        home.store:close()
        tree.write(home.root .. "/metadata.db", "")
        assert.matches("check %-%-repair", command.on(home.root)("check").err)
    end)

    it("has lost its database says what mends it", function()
        local home <close> = world.new()
        home:layer("base")
        home.store:close()
        tree.remove(home.root .. "/metadata.db")
        local answer = command.on(home.root)("ls")
        assert.equal(8, answer.code)
        assert.matches("check %-%-repair", answer.err)
    end)

    it("has lost its database gets another by check --repair", function()
        local home <close> = world.new()
        home:layer("base")
        home.store:close()
        tree.remove(home.root .. "/metadata.db")
        local moonsnap = command.on(home.root)
        assert.equal(0, moonsnap("check", "--repair").code)
        assert.equal("base\n", moonsnap("ls", "-q").out)
    end)

    it("is damaged is mended by check --repair", function()
        local home <close> = world.new()
        home:layer("base")
        home.store:close()
        tree.write(home.root .. "/metadata.db", ("no database "):rep(1000))
        tree.remove(home.root .. "/metadata.db-wal")
        local moonsnap = command.on(home.root)
        assert.same({ 8, 0 }, { moonsnap("ls").code, moonsnap("check", "--repair").code })
        assert.equal("base\n", moonsnap("ls", "-q").out)
    end)
end)

describe("moonsnap check", function()
    it("says so when a store is clean", function()
        local _home <close>, moonsnap = setting()
        assert.equal("clean\n", moonsnap("check").out)
    end)

    it("exits with 8 while a layer is missing", function()
        local home <close>, moonsnap = setting()
        tree.remove(home.root .. "/layers/" .. home.store:stat("base").number)
        assert.equal(8, moonsnap("check").code)
    end)
end)
