--- The console as a person has it, on a terminal.
local terminal = require "spec.support.terminal"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local PROMPT = "moonsnap> "

local function start(home, ...)
    return terminal.start({ "bin/moonsnap", "repl", ... }, {
        MOONSNAP_ROOT = home.root, HOME = home.dir, XDG_STATE_HOME = false, TERM = "xterm", NO_COLOR = "1",
        INPUTRC = "/dev/null", COLUMNS = "100",
    })
end

--- Types a line; what comes until the next prompt, without the line itself.
local function ask(screen, line)
    screen:type(line .. "\r")
    screen:await("\n")
    return screen:await(PROMPT)
end

describe("the console on a terminal", function()
    it("greets, answers, and leaves by ^D", function()
        local home <close> = world.new()
        local screen <close> = start(home)
        screen:await("TAB completes, ^C ends what runs, ^D leaves.")
        screen:await(PROMPT)
        assert.equal("2\n", ask(screen, "1 + 1"))
        assert.equal("not_found: snapshot 'none' does not exist\n", ask(screen, 'store:stat("none")'))
        screen:type("\4")
        assert.equal(0, screen:finish())
    end)

    it("completes methods and keys by TAB", function()
        local home <close> = world.new()
        assert(home.store:prepare("build/17"))
        local screen <close> = start(home)
        screen:await(PROMPT)
        screen:type("store:sta\t")
        screen:await("store:stat")
        screen:type('("bu\t')
        screen:await('build/17"') -- the quote, too
        screen:type(").kind\r")
        screen:await('"active"\n')
    end)

    it("goes on in a second line until a chunk is whole", function()
        local home <close> = world.new()
        local screen <close> = start(home)
        screen:await(PROMPT)
        screen:type("for i = 1, 2 do\r")
        screen:await("       .. ")
        screen:type("print(i * 10)\r")
        screen:await("       .. ")
        screen:type("end\r")
        screen:await("10\n20\n" .. PROMPT)
    end)

    it("ends what runs by ^C, and drops what is typed", function()
        local home <close> = world.new()
        local screen <close> = start(home)
        screen:await(PROMPT)
        screen:type("print(1) while true do end\r")
        screen:await("1\n")
        screen:type("\3")
        screen:await("canceled: interrupted\n" .. PROMPT)
        screen:type("for i = 1, 2 do\r")
        screen:await(".. ")
        screen:type("\3")
        screen:await(PROMPT)
        assert.equal("5\n", ask(screen, "5"))
    end)

    it("ends slow work of the store by ^C, and the store stays whole", function()
        local home <close> = world.new()
        tree.mkdir(home.dir .. "/much")
        for i = 1, 2000 do
            tree.write(("%s/much/%d"):format(home.dir, i), "x")
        end
        local screen <close> = start(home)
        screen:await(PROMPT)
        screen:type(('store:import("m", "%s/much", { progress = function() print "goes" while true do end end })\r')
            :format(home.dir))
        screen:await("goes\n")
        screen:type("\3")
        screen:await("canceled: interrupted\n" .. PROMPT)
        assert.equal("not_found: snapshot 'm' does not exist\n", ask(screen, 'store:stat("m")'))
        assert.equal("{}\n", ask(screen, "store:check()"))
    end)

    it("keeps a history, which only its user may read", function()
        local home <close> = world.new()
        local path = home.dir .. "/.local/state/moonsnap/console_history"
        do
            local screen <close> = start(home)
            screen:await(PROMPT)
            ask(screen, "6 * 7")
            screen:type("\4")
            assert.equal(0, screen:finish())
        end
        assert.equal("6 * 7\n", tree.read(path))
        assert.equal(384, tree.mode(path) & 511)
        local screen <close> = start(home)
        screen:await(PROMPT)
        screen:type("\16\r") -- ^P
        screen:await("42\n")
    end)
end)
