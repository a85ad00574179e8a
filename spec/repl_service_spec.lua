--- The console on a running service: its chunks run inside of it, are in its log, and cannot hold it up.
local command = require "spec.support.command"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local service = require "spec.support.service"
local terminal = require "spec.support.terminal"
local unistd = require "posix.unistd"

local fails_saying = expect.fails_saying

local function fed(served, text)
    return command.run({ "bin/moonsnap", "repl", "--address", served.address }, { stdin = text })
end

describe("the console on a service", function()
    it("has the service and the store, and keeps globals from line to line", function()
        local served <close> = service.start { mode = "direct" }
        local answer = fed(served, 'x = 20\nx + 1\nservice.mode\nstore:prepare("a")\nstore:stat("a").kind\n'
            .. 'for i = 1, 2 do\nprint(i)\nend\n')
        assert.same({ 0, "" }, { answer.code, answer.err })
        assert.equal("21", answer.out:match("^[^\n]+"))
        assert.is_truthy(answer.out:find('\n"direct"\n', 1, true))
        assert.is_truthy(answer.out:find('\n"active"\n1\n2\n$'))
    end)

    it("has globals of its own, and the service's are left alone", function()
        local served <close> = service.start { mode = "direct" }
        assert.equal("1\n", fed(served, "mine = 1 _G.ours = 2\nmine\n").out)
        assert.equal("nil\nnil\n", fed(served, 'mine\nrawget(package.loaded._G, "ours")\n').out)
    end)

    it("logs every chunk, with who sent it", function()
        local served <close> = service.start { mode = "direct", level = "warn" }
        fed(served, "1 + 1\nfor i = 1, 2 do\nend\n" .. ("x = 1 "):rep(1000) .. "\n")
        local texts = {}
        for _, entry in ipairs(served:entries()) do
            assert.same({ "console", unistd.geteuid(), "default" }, { entry.msg, entry.uid, entry.namespace })
            assert.is_true(entry.pid > 0 and #entry.session == 16)
            texts[#texts + 1] = entry.text
        end
        assert.equal("1 + 1", texts[1])
        assert.equal("for i = 1, 2 do\nend", texts[2])
        assert.equal(("x = 1 "):rep(1000), table.concat(texts, "", 3))
    end)

    it("ends a chunk that keeps the service from turning, whatever it catches", function()
        local served <close> = service.start { mode = "direct" }
        local answer = fed(served, "while true do pcall(function() while true do end end) end\n2\n")
        assert.same({ 1, "2\n" }, { answer.code, answer.out })
        assert.is_truthy(answer.err:find("canceled: interrupted: the service stood still", 1, true), answer.err)
    end)

    it("ends a chunk of a coroutine, and refuses to wait for nothing", function()
        local served <close> = service.start { mode = "direct" }
        local answer = fed(served, "coroutine.yield()\ncoroutine.wrap(function() while true do end end)()\n3\n")
        assert.same({ 1, "3\n" }, { answer.code, answer.out })
        assert.is_truthy(answer.err:find("no coroutine to yield from", 1, true), answer.err)
        assert.is_truthy(answer.err:find("stood still", 1, true), answer.err)
    end)

    it("survives what a chunk raises and prints", function()
        local served <close> = service.start { mode = "direct" }
        local answer = fed(served, 'error({})\nerror(nil)\nprint("\\255\\27[31m")\n'
            .. "setmetatable({}, { __tostring = error })\n4\n")
        assert.equal(1, answer.code)
        assert.equal("4", answer.out:match("([^\n]*)\n$"))
    end)

    it("is for the owner and root, and knows bad arguments", function()
        local served <close> = service.start { mode = "direct" }
        local store <close> = assert(moonsnap.connect { address = served.address })
        fails_saying("invalid_argument", "session", store:ask("repl", { text = "1" }))
        fails_saying("invalid_argument", "text", store:ask("repl", { session = "s", text = 1 }))
        fails_saying("invalid_argument", "line", store:ask("repl_complete", { session = "s" }))
    end)

    it("completes keys by TAB and ends a chunk by ^C, on a terminal", function()
        local served <close> = service.start { mode = "direct" }
        local store <close> = assert(moonsnap.connect { address = served.address })
        assert(store:prepare("build/17"))
        local screen <close> = terminal.start({ "bin/moonsnap", "repl", "--address", served.address },
            { HOME = served.dir, XDG_STATE_HOME = false, TERM = "xterm", NO_COLOR = "1", INPUTRC = "/dev/null" })
        screen:await("moonsnap> ")
        screen:type('store:stat("bu\t')
        screen:await('build/17"')
        screen:type(").kind\r")
        screen:await('"active"\nmoonsnap> ')
        screen:type('print("goes") for i = 1, 1000000 do store:touch("build/17") end\r')
        screen:await("goes\n")
        screen:type("\3")
        screen:await("canceled: interrupted\nmoonsnap> ")
        screen:type("5\r")
        screen:await("5\nmoonsnap> ")
        screen:type("\4")
        assert.equal(0, screen:finish())
    end)
end)
