--- Several processes on one root: nobody starves, nobody sees a lock, nothing is left inconsistent.
local expect = require "spec.support.expect"
local ground = require "spec.support.ground"
local process = require "spec.support.process"
local world = require "spec.support.world"

local WORKERS, OPERATIONS = 8, 500

--- Starts everybody, kills one in the middle, lets all come to their end.
local function crowd(home)
    local committer = process.worker("commits", home.root, "busy")
    assert(committer:await("ready"), committer.text)
    local workers = {}
    for i = 1, WORKERS do
        workers[i] = process.worker("mixed", home.root, "worker" .. i, tostring(OPERATIONS))
    end
    local victim = math.random(WORKERS)
    require("posix.time").nanosleep { tv_sec = 0, tv_nsec = math.random(200000000, 900000000) }
    workers[victim]:kill()
    local result = { killed = select(2, workers[victim]:finish()), errors = {}, worst = 0, done = 0 }
    for i, worker in ipairs(workers) do
        local output = worker:finish()
        if i ~= victim then
            result.done = result.done + (output:find("done", 1, true) and 1 or 0)
            result.worst = math.max(result.worst, tonumber(output:match("worst (%d+)")) or math.huge)
            for line in output:gmatch("[^\n]+") do
                if not line:find("^worst ") and line ~= "done" then
                    table.insert(result.errors, line)
                end
            end
        end
    end
    local output = committer:finish()
    result.commits = tonumber(output:match("commits (%d+)")) or output
    return result
end

describe("eight processes and one that commits without pause #slow", function()
    local home, result

    setup(function()
        math.randomseed(os.time())
        -- a real disk, whose syncs take their time
        home = world.new { under = ground.type_of("/tmp") ~= "overlay" and "/tmp" or nil }
        assert(home.store:prepare("k"))
        assert(home.store:commit("base", "k"))
        result = crowd(home)
    end)

    teardown(function() home:close("checked below") end)

    it("all come to their end but the one that was killed", function()
        assert.same({ WORKERS - 1, 137 }, { result.done, result.killed })
    end)

    it("meet no lock and no fault", function()
        assert.same({}, result.errors)
    end)

    it("wait less than two seconds for any operation", function()
        assert.is_true(result.worst < 2000, ("%s ms"):format(result.worst))
    end)

    it("do not starve the one that commits", function()
        assert.is_true(type(result.commits) == "number" and result.commits > 20, tostring(result.commits))
    end)

    it("leave a store that checks clean once it is cleaned up", function()
        assert(home.store:cleanup())
        assert.same({}, assert(home.store:check()))
    end)

    it("leave rows and event rows that agree", function()
        local alive = {}
        for event in home.store:events() do
            if event.topic == "/snapshot/prepare" or event.topic == "/moonsnap/view" then
                alive[event.key] = true
            elseif event.topic == "/snapshot/remove" then
                alive[event.key] = nil
            elseif event.topic == "/snapshot/commit" then
                alive[event.key], alive[event.name] = nil, true
            end
        end
        local names = {}
        for name in pairs(alive) do
            names[#names + 1] = name
        end
        table.sort(names)
        assert.same(names, expect.names(home.store:walk()))
    end)
end)
