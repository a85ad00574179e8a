--- Programs inside a running service: others go on between its slices, and whatever ends one, the store is what it was.
local caller = require "spec.support.caller"
local dkjson = require "dkjson"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local service = require "spec.support.service"
local time = require "posix.time"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local whole = require "spec.support.whole"

local fails, fails_saying = expect.fails, expect.fails_saying

local ENDLESS = 'assert(store:prepare("x")) emit("goes") while true do end'
local LONG = { instructions = 1 << 50, seconds = 60 }

local function connect(served)
    return assert(moonsnap.connect { address = served.address })
end

local function filled(options)
    options = options or {}
    options.mode = "direct"
    local served = service.start(options)
    local store <close> = connect(served)
    for i = 1, 5 do
        assert(store:prepare("a" .. i, nil, { labels = { n = tostring(i) } }))
    end
    return served
end

local HEADERS = { ["containerd-namespace"] = "default" }

--- Begins a program and comes back once it has emitted "goes". Closing what it answers gives the program up.
local function begin(served, asked)
    local calling = caller.new(served.address, HEADERS)
    asked.instructions, asked.seconds = LONG.instructions, asked.seconds or LONG.seconds
    local lines, _, _, closing = calling:stream("/moonsnap.v1.Control/Call", "moonsnap.v1.CallRequest",
        { verb = "program", arguments = dkjson.encode(asked) }, "moonsnap.v1.CallResponse")
    assert.is_truthy(lines().line:find('"goes"', 1, true))
    return setmetatable({}, { __close = function()
        local _client <close> = calling.client
        local _stream <close> = closing
    end })
end

describe("a program in a service", function()
    it("is one transaction, whose results come as they do in process", function()
        local served <close> = filled()
        local store <close> = connect(served)
        local emitted = {}
        local outcome = assert(store:program([[
            assert(store:prepare("new", nil, { labels = { a = "b" } }))
            assert(store:commit("layer", "new"))
            emit{ size = store:usage("layer").size >= 0 }
            for info in store:walk("kind==active") do assert(store:remove(info.name)) end
            return store:count(), nil, args
        ]], { "x", 7 }, { emit = function(value) emitted[#emitted + 1] = value end }))
        assert.same({ { 1, nil, { "x", 7 }, n = 3 }, { { size = true } } }, { outcome.values, emitted })
        assert.same({ "layer" }, expect.names(store:walk()))
        assert.is_true(outcome.spent.instructions > 0)
        assert.equal(unistd.geteuid(), served:entry("program").uid)
    end)

    it("lets reads go on, of the state before it, and makes writes wait", function()
        local served <close> = filled()
        local store <close> = connect(served)
        local other <close> = connect(served)
        local seen = {}
        assert(store:program([[
            assert(store:prepare("x"))
            emit("goes")
            local at = now()
            while now() - at < 300000000 do end
            assert(store:prepare("y"))
        ]], {}, { instructions = 1 << 50, emit = function(value)
            seen[#seen + 1] = value
            seen[#seen + 1] = #expect.names(other:walk())
            assert(other:prepare("behind"))
            seen[#seen + 1] = #expect.names(other:walk())
        end }))
        assert.same({ "goes", 5, 8 }, seen)
        local made = {}
        for event in other:events() do
            made[#made + 1] = event.key
        end
        assert.same({ "x", "y", "behind" }, table.move(made, #made - 2, #made, 1, {}))
    end)

    it("sees one state, when it only reads, though others write", function()
        local served <close> = filled()
        local store <close> = connect(served)
        local calling = caller.new(served.address, HEADERS)
        local _client <close> = calling.client
        local lines = calling:stream("/moonsnap.v1.Control/Call", "moonsnap.v1.CallRequest", {
            verb = "program", arguments = dkjson.encode { read_only = true, instructions = LONG.instructions, text = [[
                emit(store.count())
                local began = now()
                while now() - began < 700000000 do end
                return store.count()]] },
        }, "moonsnap.v1.CallResponse")
        local told = lines().line
        assert.is_truthy(told:find('{"emit":5}', 1, true), told)
        assert(store:prepare("meanwhile"))
        assert.equal(6, #expect.names(store:walk()))
        for message in lines do
            told = told .. message.line
        end
        assert.is_truthy(told:find('"values":[5,', 1, true), told)
    end)

    it("ends by its limits, and changes nothing", function()
        local served <close> = filled()
        local store <close> = connect(served)
        local before = whole.of(served.root)
        fails_saying("resource_exhausted", "instructions", store:program(ENDLESS, {}, { instructions = 50000 }))
        fails_saying("resource_exhausted", "0.1 seconds", store:program(ENDLESS, {},
            { instructions = 1 << 50, seconds = 0.1 }))
        fails_saying("resource_exhausted", "memory", store:program(
            'store:prepare("x") local t = {} while true do t[#t + 1] = {} end', {}, { memory = 1 << 20 }))
        fails("not_found", store:program 'store:prepare("x") store:remove("a1") assert(store:remove("none"))')
        fails("failed_precondition", store:program('assert(store:prepare("x"))', {}, { read_only = true }))
        assert(store:program('store:prepare("x") store:remove("a1")', {}, { check = true }))
        assert.same(before, whole.of(served.root))
        assert(store:prepare("x"))
    end)

    it("is rolled back when its caller goes, or its deadline passes", function()
        local served <close> = filled()
        local before = whole.of(served.root)
        local store <close> = connect(served)
        local began = os.time()
        do
            local child <close> = process.start({ "bin/moonsnap", "program", "--address", served.address,
                "--instructions", "1000000000000", "--seconds", "60", "-" })
            unistd.write(child.input, ENDLESS)
            child:release()
            child:await("goes")
            child:kill()
            child:finish()
        end
        assert(store:touch("a1")) -- it waits until the program has ended
        assert.is_true(os.time() - began < 30, "the program ran for nobody")
        local calling = caller.new(served.address, HEADERS)
        local _client <close> = calling.client
        local ok, err = pcall(function()
            for _ in calling:stream("/moonsnap.v1.Control/Call", "moonsnap.v1.CallRequest",
                { verb = "program", arguments = dkjson.encode { text = ENDLESS, instructions = 1 << 50 } },
                "moonsnap.v1.CallResponse", { timeout_ms = 300 }) do -- luacheck: ignore 542
            end
        end)
        assert.same({ false, "deadline_exceeded" }, { ok, err.kind })
        assert(store:touch("a1"))
        local after = whole.of(served.root)
        assert.same({ before.files, #before.rows }, { after.files, #after.rows })
    end)

    it("does not hold the store longer than its limit when nobody reads what it emits", function()
        local served <close> = filled()
        local store <close> = connect(served)
        local _program <close> = begin(served,
            { text = 'emit("goes") while true do emit(("x"):rep(10000)) end', seconds = 0.5 })
        local began = os.time()
        assert(store:touch("a1"))
        assert.is_true(os.time() - began < 15, "it was the deadline of the call that ended it")
    end)

    it("leaves nothing when the service is killed within it", function()
        local served <close> = filled()
        local before = whole.of(served.root)
        do
            local _program <close> = begin(served, { text = 'store:remove("a1") store:prepare("y") ' .. ENDLESS })
            served:kill()
        end
        assert.same(before, whole.of(served.root))
    end)

    it("does not keep the service from ending", function()
        local served <close> = filled { args = { "--grace", "0.2" } }
        local _program <close> = begin(served, { text = ENDLESS })
        served:stop()
        assert.equal(0, served.status)
    end)

    it("frees what it removed, soon after", function()
        local served <close> = filled()
        local store <close> = connect(served)
        tree.write(("%s/layers/%d/file"):format(served.root, store:stat("a1").number), "x")
        assert(store:program 'assert(store:remove("a1"))')
        local began = os.time()
        while #tree.list(served.root .. "/trash") > 0 and os.time() - began < 20 do
            time.nanosleep { tv_sec = 0, tv_nsec = 20000000 }
        end
        assert.same({}, tree.list(served.root .. "/trash"))
    end)

    it("is asked by hooks on behalf of who runs it", function()
        local served = service.new { mode = "direct" }
        local _served <close> = served
        tree.mkdir(served.root)
        tree.write(served.root .. "/policy.lua", [[
            hook { "who", on = "prepare", run = function(request)
                if request.key == "b" then
                    local caller = request.caller
                    return deny("permission_denied", ("%s %d %d"):format(caller.door, caller.uid, caller.pid))
                end
            end }
        ]])
        assert(os.execute(("chmod 0700 %s; chmod 0600 %s/policy.lua"):format(served.root, served.root)))
        served:start()
        local store <close> = connect(served)
        fails_saying("permission_denied", ("service %d %d"):format(unistd.geteuid(), unistd.getpid()),
            store:program 'assert(store:prepare("a")) assert(store:prepare("b"))')
        assert.same({}, expect.names(store:walk()))
    end)

    it("is for its owner and root alone, and takes no function", needs.root(function()
        local served <close> = filled()
        assert(os.execute(("chmod 0755 %s; chmod 0666 %s"):format(served.dir, served.address)))
        local answer = process.run { "setpriv", "--reuid", "65534", "--clear-groups", "lua5.4", "-e", ([[
            local store = assert(require("moonsnap").connect { address = %q })
            print(select(2, store:program "return 1"))
        ]]):format(served.address) }
        assert.is_truthy(answer:find("only uid 0 and root may call it, not uid 65534", 1, true), answer)
        local store <close> = connect(served)
        fails("unimplemented", store:program(function() end))
    end))

    it("is refused arguments that can be none", function()
        local served <close> = service.start { mode = "direct" }
        local store <close> = connect(served)
        for says, asked in pairs {
            ["text is missing"] = {}, ["no argument 'x'"] = { text = "", x = 1 },
            ["text: string"] = { text = 7 }, ["seconds: a number above 0"] = { text = "", seconds = 0 },
            ["memory: 64.0 KiB at least, got 1 B"] = { text = "", memory = 1 },
        } do
            fails_saying("invalid_argument", says, store:ask("program", asked))
        end
    end)
end)
