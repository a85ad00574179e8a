--- moonsnap watch, on a store and on the service that has it.
local command = require "spec.support.command"
local dkjson = require "dkjson"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local service = require "spec.support.service"
local signal = require "posix.signal"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"
local world = require "spec.support.world"

--- A store as the command's --root or --address, and a way to change it.
local DOORS = {
    { "on a store", function()
        local home = world.new()
        return setmetatable({ words = { "--root", home.root }, store = home.store, root = home.root },
            { __close = function() home:close() end })
    end },
    { "on a service", function()
        local served = service.start { mode = "direct" }
        local store = assert(moonsnap.connect { address = served.address })
        return setmetatable({ words = { "--address", served.address }, store = store, root = served.root },
            { __close = function()
                store:close()
                served:close()
            end })
    end },
}

local function words_of(door, ...)
    local words = { "bin/moonsnap" }
    table.move(door.words, 1, #door.words, 2, words)
    table.move({ "watch", ... }, 1, select("#", ...) + 1, #words + 1, words)
    return words
end

--- What watch --once prints.
local function once(door, ...)
    local run = process.start(words_of(door, "--once", ...))
    local text, status = run:finish()
    return text, status
end

--- A watch that follows; it has begun when its first event has come.
local function follow(door, ...)
    local run = process.start(words_of(door, "--since", "0", ...))
    assert(run:await "first", run.text)
    return run
end

local function decoded(text)
    local events = {}
    for line in text:gmatch("[^\n]+") do
        events[#events + 1] = assert(dkjson.decode(line), line)
    end
    return events
end

for _, how in ipairs(DOORS) do
    describe("moonsnap watch " .. how[1], function()
        it("tells what is there, a line an event, with --once", function()
            local door <close> = how[2]()
            assert(door.store:prepare("first", nil, { labels = { team = "blue" } }))
            assert(door.store:commit("base", "first"))
            assert(door.store:prepare("child", "base"))
            local text, status = once(door)
            assert.equal(0, status, text)
            local lines = {}
            for line in text:gmatch("[^\n]+") do
                lines[#lines + 1] = line:gsub("^%S+Z  ", "")
            end
            assert.same({ "prepare  default  first  team=blue", "commit  default  first  -> base",
                "prepare  default  child  on base" }, lines)
        end)

        it("prints JSON lines, whose cursors it takes", function()
            local door <close> = how[2]()
            for _, key in ipairs { "a", "b", "c" } do
                assert(door.store:prepare(key, nil, { labels = { k = key } }))
            end
            local all = decoded((once(door, "--json")))
            assert.same({ "a", "b", "c" }, { all[1].key, all[2].key, all[3].key })
            assert.equal("c", all[3].labels.k)
            local rest = decoded((once(door, "--json", "--since", all[2].cursor)))
            assert.same({ 1, all[3].cursor }, { #rest, rest[1].cursor })
        end)

        it("tells what a filter, and a namespace, selects", function()
            local door <close> = how[2]()
            for _, key in ipairs { "a", "b", "c" } do
                assert(door.store:prepare(key, nil, { labels = { k = key } }))
            end
            local two = decoded((once(door, "--json", "--filter", "labels.k==a", "--filter", "key==c")))
            assert.same({ 2, "a", "c" }, { #two, two[1].key, two[2].key })
            assert.equal("", (once(door, "--json", "--namespace", "other")))
        end)

        it("fails for a cursor of another store, for none, and for a bad filter", function()
            local door <close> = how[2]()
            for _, case in ipairs { { "--since", "0123456789abcdef-1", 5 }, { "--since", "x", 2 },
                { "--filter", "==", 2 } } do
                local text, status = once(door, case[1], case[2])
                assert.is_true(status == case[3], text .. status)
                assert.is_truthy(text:find("^moonsnap: watch: "))
            end
        end)

        it("follows, also what other processes change", function()
            local door <close> = how[2]()
            assert(door.store:prepare("first"))
            local run = follow(door, "--json")
            assert(door.store:prepare("second"))
            assert(run:await '"key":"second"')
            local beside <close> = assert(moonsnap.open { root = door.root })
            assert(beside:prepare("third"))
            assert(run:await '"key":"third"')
            run:kill(signal.SIGINT)
            local text, status = run:finish()
            assert.equal(128 + signal.SIGINT, status)
            assert.equal(3, #decoded(text))
        end)

        it("ends when nobody reads it, though nothing happens", function()
            local door <close> = how[2]()
            assert(door.store:prepare("first"))
            local run = follow(door)
            unistd.close(run.out)
            run.out = nil
            local _, ended, status = wait.wait(run.pid)
            unistd.close(run.input)
            assert.same({ "exited", 0 }, { ended, status })
        end)
    end)
end

describe("a watch that hangs", function()
    it("neither fails nor holds up a thousand prepares, and has lost nothing when it goes on", function()
        local served <close> = service.start { mode = "direct" }
        local store <close> = assert(moonsnap.connect { address = served.address })
        assert(store:prepare("first"))
        local run = follow({ words = { "--address", served.address } }, "--json")
        signal.kill(run.pid, signal.SIGSTOP)
        local label = ("x"):rep(4000) -- more than pipe and sockets hold
        for number = 1, 1000 do
            assert(store:prepare("k" .. number, nil, { labels = { l = label } }))
        end
        assert.equal("k1000", assert(store:stat("k1000")).name)
        signal.kill(run.pid, signal.SIGCONT)
        assert(run:await('"key":"k1000"', 60))
        run:kill()
        local seen = {}
        for key in run:finish():gmatch('"key":"(%w+)"') do
            seen[#seen + 1] = key
        end
        assert.same({ 1001, "first", "k1", "k1000" }, { #seen, seen[1], seen[2], seen[1001] })
    end)
end)

describe("moonsnap watch's words", function()
    it("are once or follow", function()
        local home <close> = world.new()
        local answer = command.on(home.root)("watch", "--once", "--follow")
        assert.equal(2, answer.code)
    end)
end)
