--- Runs a script in a sandbox, in a process of its own that a caller can end: `runaway.lua TEXT NAME=NUMBER...`.
--- Writes what call answered: "failed limit kind: message", and whether the sandbox is of use afterwards.
local boxes = require "spec.support.boxes"

local budget = {}
for _, word in ipairs(arg) do
    local name, number = word:match("^(%l+)=([%d.e]+)$")
    if name then
        budget[name] = math.tointeger(tonumber(number)) or tonumber(number)
    end
end
local box <close> = boxes.new({ "ask" }, budget.state)
local what, err, limit = boxes.call(box, arg[1], budget)
print(what, limit, err)
local again = boxes.value(box, "return 6 * 7")
print(again == 42 and "usable" or "of no use")
