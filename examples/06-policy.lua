--- Policy in a script, without a service or a file: a quota and a mark as hooks, who is told behind a change, retention
--- as a plan that says why, and a program that could not make up its mind.
---
---     lua5.4 examples/06-policy.lua [DIRECTORY]
local moonsnap = require "moonsnap"
local stdlib = require "posix.stdlib"

local deny, rewrite = moonsnap.verdict.deny, moonsnap.verdict.rewrite

--- Three snapshots for each team; who names none works for the commons.
local function rules(store)
    assert(store:hook {
        "team", on = { "prepare", "commit" }, phase = "mutate", effects = { "labels" },
        run = function(request)
            if not request.labels.team then
                return rewrite { labels = { team = "commons" } }
            end
        end,
    })
    assert(store:hook {
        "quota", on = "prepare",
        run = function(request, seen) -- within the transaction of the change: what it counts is exact
            local count = 0
            for _ in seen:walk("labels.team==" .. request.labels.team) do
                count = count + 1
            end
            if count >= 3 then
                return deny("resource_exhausted", request.labels.team .. " has its three")
            end
        end,
    })
    assert(store:hook { -- told once a change is durable; when it fails, it is told again
        "diary", on = { "commit", "remove" }, phase = "after",
        run = function(event)
            print("diary:", event.topic, event.name ~= "" and event.name or event.key, event.labels.team)
        end,
    })
end

local function fill(store)
    for i = 1, 3 do
        assert(store:prepare("work"))
        assert(store:commit("night-" .. i, "work"))
    end
    print("fourth:", (select(2, store:prepare("work"))))
    assert(store:prepare("work", nil, { labels = { team = "red" } }))
end

--- The newest night stays; a plan is shown before it is done.
local function collect(store)
    local gc = store:gc { { name = "nights", match = "name~=^night-", keep = { last = 1 } } }
    local plan = assert(gc:plan())
    for _, item in ipairs(plan.items) do
        print("plan:", item.key, item.verdict, item.reason)
    end
    local done = assert(gc:apply(plan.id, { force = true })) -- it is more than half of what there is
    print("removed:", done.removed, assert(gc:explain("night-1")).text)
end

local function tell(store)
    local outcome = assert(store:program("store:remove('work') return store.count()", {}, { check = true }))
    print("the program would leave:", outcome.values[1], "and left:", store:stat("work").name)
    for event in assert(store:events { filter = 'topic=="/snapshot/remove"' }) do
        print("event:", event.sequence, event.key)
    end
end

local dir = stdlib.mkdtemp((arg[1] or "/tmp") .. "/moonsnap-example.XXXXXX")
local store = assert(moonsnap.open { root = dir .. "/store" })
for _, step in ipairs { rules, fill, collect, tell } do
    step(store)
end
store:close()
os.execute(("rm -rf '%s'"):format(dir))
