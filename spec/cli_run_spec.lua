--- moonsnap run: a command in a snapshot, with the terminal's manners.
local command = require "spec.support.command"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

--- A store with a base of one file, the command on it, and a directory for --at.
local function setting()
    local home = world.new()
    local source = home:directory()
    tree.write(source .. "/file", "from below")
    assert(home.store:import("base", source))
    return home, command.on(home.root), home:directory()
end

describe("moonsnap run", function()
    it("shows a command the snapshot", needs.mounts(function()
        local _home <close>, moonsnap, at = setting()
        assert.equal("from below", moonsnap("run", "base", "--at", at, "--", "cat", "file").out)
    end))

    it("takes a command without --", needs.mounts(function()
        local _home <close>, moonsnap, at = setting()
        assert.equal("from below", moonsnap("run", "--at", at, "base", "sh", "-c", "cat file").out)
    end))

    it("exits as the command does", needs.mounts(function()
        local _home <close>, moonsnap, at = setting()
        assert.equal(42, moonsnap("run", "base", "--at", at, "--", "sh", "-c", "exit 42").code)
    end))

    it("exits with 128 and the number of the signal that ended it", needs.mounts(function()
        local _home <close>, moonsnap, at = setting()
        assert.equal(128 + 15, moonsnap("run", "base", "--at", at, "--", "sh", "-c", "kill -TERM $$").code)
    end))

    it("exits with 125 when there is no such command", needs.mounts(function()
        local _home <close>, moonsnap = setting()
        assert.equal(125, moonsnap("run", "base", "--", "/no/such/command").code)
    end))

    it("hands standard input on", needs.mounts(function()
        local home <close>, _, at = setting()
        local answer = command.run({ "bin/moonsnap", "--root", home.root, "run", "base", "--at", at, "--", "cat" },
            { stdin = "typed" })
        assert.equal("typed", answer.out)
    end))

    it("throws the child of a committed snapshot away", needs.mounts(function()
        local _home <close>, moonsnap, at = setting()
        moonsnap("run", "base", "--at", at, "--", "touch", "new")
        assert.equal("base\n", moonsnap("ls", "-q").out)
    end))

    it("keeps that child with --commit, with labels", needs.mounts(function()
        local home <close>, moonsnap, at = setting()
        moonsnap("run", "base", "--commit", "built", "--label", "x=1", "--at", at, "--", "touch", "new")
        assert.equal("A new\n", moonsnap("diff", "built").out)
        assert.equal("1", home.store:stat("built").labels.x)
    end))

    it("keeps nothing when the command failed", needs.mounts(function()
        local _home <close>, moonsnap, at = setting()
        moonsnap("run", "base", "--commit", "built", "--at", at, "--", "false")
        assert.equal("base\n", moonsnap("ls", "-q").out)
    end))

    it("keeps what is written in an active snapshot", needs.mounts(function()
        local home <close>, moonsnap, at = setting()
        home.store:prepare("a", "base")
        moonsnap("run", "a", "--at", at, "--", "touch", "new")
        assert.equal("A new\n", moonsnap("diff", "a").out)
    end))

    it("lets nothing be written with --readonly", needs.mounts(function()
        local _home <close>, moonsnap, at = setting()
        assert.not_equal(0, moonsnap("run", "base", "--readonly", "--at", at, "--", "touch", "new").code)
    end))

    it("adds --env to the environment", needs.mounts(function()
        local _home <close>, moonsnap, at = setting()
        local echo = "echo $WORD ${PATH:+set}"
        assert.equal("a=b set\n", moonsnap("run", "base", "--at", at, "--env", "WORD=a=b", "--", "sh", "-c", echo).out)
    end))

    it("starts in --workdir", needs.mounts(function()
        local _home <close>, moonsnap, at = setting()
        assert.equal("/\n", moonsnap("run", "base", "--at", at, "--workdir", "/", "--", "pwd").out)
    end))

    it("refuses a name that is taken before it runs anything", needs.mounts(function()
        local home <close>, moonsnap, at = setting()
        home.store:prepare("a")
        local answer = moonsnap("run", "base", "--commit", "a", "--at", at, "--", "echo", "ran")
        assert.same({ 125, "" }, { answer.code, answer.out })
    end))
end)
