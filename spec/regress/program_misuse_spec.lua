--- Walks and lists that were asked for nonsense blamed a line of what runs before the program, not the program's own.
local fails_saying = require("spec.support.expect").fails_saying
local world = require "spec.support.world"

describe("misuse of a walk or a list in a program", function()
    for text, says in pairs {
        ["\nlocal walk = store:walk(5)"] = "x:2: walk: filter 1: string expected, got number",
        ["\n\nlocal list = store.list({ 'kind==view', 5 })"] = "x:3: walk: filter 2: string expected, got number",
        ["local list = store:list(nil, 'all')"] = "x:1: list: limit: number expected, got string",
        ["local walk = store:walk()\nfor _ = 1, 70 do store:walk() end\nwalk()"] = "x:3: walk: 64 others have begun",
    } do
        it("is told with the program's line: " .. says, function()
            local home <close> = world.new()
            fails_saying("internal", says, home.store:program(text, {}, { name = "x" }))
        end)
    end
end)
