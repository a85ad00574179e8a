--- The verbs of the command that look, on a real store, as people see them.
local command = require "spec.support.command"
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

describe("moonsnap stat", function()
    it("shows a snapshot's facts, one a line", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        home.store:prepare("a", "base", { labels = { x = "1" } })
        local lines = moonsnap("stat", "a"):lines()
        assert.same({ "name     a", "parent   base", "kind     active", "labels   x=1" },
            { lines[1], lines[2], lines[3], lines[#lines] })
    end)
end)

describe("moonsnap ls", function()
    it("lists in aligned columns, oldest first", function()
        local home <close>, moonsnap = setting()
        home:layer("a longer name")
        home.store:prepare("b", "a longer name")
        local lines = moonsnap("ls"):lines()
        assert.matches("^KEY            PARENT         KIND       CREATED               LABELS$", lines[1])
        assert.matches("^a longer name  %-              committed  %d+%-%d%d%-%d%dT", lines[2])
        assert.matches("^b              a longer name  active     %d+%-%d%d%-%d%dT", lines[3])
    end)

    it("selects by filters, which are ORed", function()
        local home <close>, moonsnap = setting()
        for _, key in ipairs { "a", "b", "c" } do
            home.store:prepare(key)
        end
        assert.equal("a\nc\n", moonsnap("--quiet", "ls", "name==a", "name==c").out)
    end)

    it("keeps a name with control characters on one line", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("two\nlines\27[2J")
        assert.equal("two\\x0alines\\x1b[2J\n", moonsnap("ls", "-q").out)
    end)

    it("has no colours when nobody looks", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        assert.is_nil(moonsnap("ls").out:find("\27", 1, true))
    end)

    it("shows one namespace", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        home.store:namespace("other"):prepare("b")
        assert.equal("b\n", moonsnap("ls", "-q", "--namespace", "other").out)
    end)
end)

describe("moonsnap tree", function()
    it("draws the chains with sizes", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        home:layer("mid", "base")
        home.store:prepare("top", "mid")
        home.store:view("look", "base")
        local shape = {}
        for number, line in ipairs(moonsnap("tree"):lines()) do
            shape[number] = line:gsub("%d[%d.]* %a+", "SIZE"):gsub("%s+", " ")
        end
        assert.same({ "SNAPSHOT SIZE KIND LABELS", "base SIZE committed", "├─ mid SIZE committed",
            "│ └─ top SIZE active", "└─ look - view" }, shape)
    end)

    it("draws what stands on one snapshot", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        home:layer("mid", "base")
        home:layer("other")
        assert.equal(2, #moonsnap("tree", "mid"):lines())
    end)
end)

describe("moonsnap usage", function()
    it("shows sizes and a total", function()
        local home <close>, moonsnap = setting()
        home:layer("a")
        home:layer("b")
        assert.matches("^total +[%d.]+ %a+ +2$", moonsnap("usage"):lines()[4])
    end)
end)

describe("moonsnap diff", function()
    it("lists what was added", function()
        local home <close>, moonsnap = setting()
        moonsnap("import", "base", source_in(home))
        assert.equal("A one\nA two words\n", moonsnap("diff", "base").out)
    end)

    it("lists what was changed and removed", needs.mounts(function()
        local home <close>, moonsnap = setting()
        moonsnap("import", "base", source_in(home))
        home:layer("top", "base", function(at)
            tree.write(at .. "/one", "changed")
            tree.unlink(at .. "/two words")
        end)
        local lines = moonsnap("diff", "top"):lines()
        table.sort(lines)
        assert.same({ "C one", "D two words" }, lines)
    end))

    it("compares two snapshots", function()
        local home <close>, moonsnap = setting()
        moonsnap("import", "base", source_in(home))
        home:layer("empty")
        assert.equal("D one\nD two words\n", moonsnap("diff", "empty", "base").out)
    end)

    it("prints only names with --name-only", function()
        local home <close>, moonsnap = setting()
        moonsnap("import", "base", source_in(home))
        assert.equal("one\ntwo words\n", moonsnap("diff", "base", "--name-only").out)
    end)

    it("prints sums with --stat", function()
        local home <close>, moonsnap = setting()
        moonsnap("import", "base", source_in(home))
        assert.equal("2 added, 0 changed, 0 removed, 0 opaque; 3 B in files\n", moonsnap("diff", "base", "--stat").out)
    end)
end)

describe("moonsnap help", function()
    local parser = require "moonsnap.cli.parser"
    for _, verb in ipairs(parser.verbs()) do
        it(("tells how %s is used"):format(verb), function()
            assert.matches("^Usage: moonsnap " .. verb, command.on("/nowhere")("help", verb).out)
        end)
    end

    it("prints a completion that bash takes", function()
        local script = command.on("/nowhere")("help", "--complete", "bash").out
        local asked = 'COMP_WORDS=(moonsnap tre) COMP_CWORD=1; _moonsnap; echo "${COMPREPLY[@]}"'
        assert.equal("tree\n", command.run({ "bash", "-c", script .. "\n" .. asked }).out)
    end)

    it("is what --help after a verb prints", function()
        local moonsnap = command.on("/nowhere")
        assert.equal(moonsnap("help", "rm").out, moonsnap("rm", "--help").out)
    end)
end)

describe("moonsnap version", function()
    it("says the version", function()
        assert.equal("moonsnap " .. require("moonsnap").version .. "\n", command.on("/nowhere")("version").out)
    end)
end)
