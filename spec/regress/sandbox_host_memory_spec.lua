--- moonsnap.sandbox: when the host has no memory, whichever allocation fails, that is the error, and no call is left.
local allocator = require "spec.support.allocator"
local boxes = require "spec.support.boxes"
local sandbox = require "moonsnap.sandbox"

local REQUEST = { labels = { a = "b", c = "d" }, list = { 1, 2, 3 } }

--- Runs the operation with each of its allocations failing once: what was wrong afterwards.
local function failures(box, operation)
    local fault = allocator.load()
    local wrong, n, failed = {}, 0, true
    while failed do
        n = n + 1
        collectgarbage()
        collectgarbage "stop"
        fault.arm(n)
        local ok, err = pcall(operation)
        failed = fault.disarm()
        collectgarbage "restart"
        if not ok and not tostring(err):find("not enough memory", 1, true) then
            wrong[#wrong + 1] = ("%d: %s"):format(n, err)
        end
        if pcall(box.cancel, box) then
            wrong[#wrong + 1] = ("%d: a call is still suspended"):format(n)
        end
    end
    assert.is_true(n > 5)
    return wrong
end

describe("a host without memory", function()
    for name, case in pairs {
        ["when a script asks"] = { "return ask(...)", function(...) return ..., { ... } end },
        ["when what it asks fails"] = { "return ask(...)", function() error { kind = "not_found", message = "x" } end },
        ["when a script answers"] = { "return ..., {...}" },
        ["when a script fails"] = { "error {kind = 'not_found', message = 'x'}" },
    } do
        it("says so, and leaves nothing suspended, " .. name, function()
            local box <close> = boxes.new({ "ask" })
            local fn = assert(box:load("policy.lua", case[1]))
            local words = { ask = case[2] }
            assert.same({}, failures(box, function() sandbox.run(box, fn, nil, words, REQUEST) end))
            assert.equal(42, boxes.value(box, "return 42"))
        end)
    end
end)
