--- core.sandbox: no __concat. Behind one that made the stack grow, Lua 5.4.4 goes on in memory that is free: a script
--- of two lines ended the process, or read what was not its own.
local boxes = require "spec.support.boxes"

describe("a metatable in a sandbox", function()
    for name, text in pairs {
        ["when it is set"] = "setmetatable({}, {__concat = error})",
        ["when it was set before"] = "local m = {} setmetatable({}, m) m.__concat = error",
        ["by rawset"] = "local m = {} setmetatable({}, m) rawset(m, '__concat', error)",
        ["when it has a metatable of its own"] =
            "local m = setmetatable({}, {__newindex = rawset}) setmetatable({}, m) m.__concat = error",
    } do
        it("cannot get a __concat " .. name, function()
            local box <close> = boxes.new()
            local err = boxes.failure(box, text)
            assert.equal("policy.lua:1: metatables have no '__concat' in a sandbox", err.message)
        end)
    end

    it("leaves .. to strings and numbers, and errors to what is neither", function()
        local box <close> = boxes.new()
        assert.equal("a1.5", boxes.value(box, "return 'a' .. 1.5"))
        local err = boxes.failure(box, "local t = setmetatable({}, {}) return t .. 'x'")
        assert.equal("policy.lua:1: attempt to concatenate a table value (local 't')", err.message)
    end)
end)
