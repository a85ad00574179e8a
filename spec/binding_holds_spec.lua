--- core: the verbs that hold, plan and tell lose nothing when Lua raises in their midst.
local faults = require "spec.support.faults"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

--- As assert, but cheap: operations are counted instruction by instruction.
local function ensure(...)
    if not ... then
        error((select(2, ...)), 0)
    end
    return ...
end

local operations = {
    pins = function(home)
        local engine = home.store.engine
        ensure(engine:pin("default", "base", "release", 1 << 62))
        ensure(engine:pins("default")[1].reason == "release")
        ensure(engine:unpin("default", "base"))
    end,
    plans = function(home)
        local engine = home.store.engine
        local items = { { number = 1, key = "base", verdict = "remove", reason = "released", text = "x" } }
        local id = ensure(engine:plan_save("default", "{}", items))
        ensure(engine:plan_append("default", id, items))
        ensure(engine:plan_done("default", id, 2, { { place = 1, outcome = "busy", text = "y" } }))
        ensure(select(2, engine:evict("default", "nobody", { number = 1, updated = 1, used = 1, use_count = 1 })))
        ensure(engine:plan_load("default", id))
        ensure(#engine:plan_items("default", id) == 2)
        ensure(engine:plan_list("default"))
    end,
    survey = function(home)
        local engine = home.store.engine
        local survey <close> = ensure(engine:survey("default"))
        ensure(#survey:take(1) == 1)
        ensure(survey:take(10))
        ensure(engine:in_use())
        ensure(engine:set_tenant("default", "x"))
        ensure(engine:tenant("default") == "x")
    end,
    events = function(home)
        local engine = home.store.engine
        ensure(engine:add_event("default", "/moonsnap/x", "base", '{"a":1}'))
        ensure(engine:events(-1, 10, "default"))
        ensure(engine:event_lines(-1, 10))
        ensure(engine:event_message(-1, 10))
    end,
    cursors = function(home)
        local engine = home.store.engine
        ensure(engine:cursor_set("c", 1, 1, 1, 1, "why"))
        ensure(engine:cursor_get("c").error == "why")
        ensure(engine:cursors()[1] == "c")
        ensure(engine:cursor_drop("c"))
        local _ <close> = engine:deliver() -- nil while one that failed before is not collected
    end,
    leases = function(home)
        local leases = home.store:leases()
        leases:delete("l") -- where it failed before
        ensure(leases:create("l", { labels = { a = "b" }, ttl = 3600, pid = unistd.getpid() }))
        ensure(leases:add("l", { type = "content", id = "sha256:x" }))
        ensure(leases:list())
        ensure(leases:resources("l"))
        ensure(leases:delete("l"))
    end,
}

local function prepared()
    local home = world.new()
    assert(home.store:prepare("p"))
    assert(home.store:commit("base", "p"))
    assert(home.store:prepare("active", "base", { labels = { a = "b" } }))
    return home
end

describe("verbs that hold, plan and tell", function()
    for what, operation in pairs(operations) do
        it("lose nothing at any allocation of " .. what, function()
            local home <close> = prepared()
            faults.at_allocations(home, operation)
        end)

        it("lose nothing at any instruction of " .. what, function()
            local home <close> = prepared()
            faults.at_instructions(home, operation)
        end)
    end
end)
