--- Processes that open a store for the first time at once: one of them makes the database, and SQLite
--- does not wait for that by itself.
local process = require "spec.support.process"
local world = require "spec.support.world"

local OPEN = [[assert(require("moonsnap").open { root = arg[1] }):close()]]
local SCRIPT = [[
    for i in 1 2 3 4 5 6 7 8; do
        lua5.4 "$1/open.lua" "$2" || : >"$1/failed" &
    done
    wait
    [ ! -e "$1/failed" ]
]]

describe("eight processes that open a new store at once", function()
    it("all open it", function()
        local home <close> = world.bare()
        local file <close> = assert(io.open(home.dir .. "/open.lua", "w"))
        file:write(OPEN)
        file:close()
        for round = 1, 40 do
            local root = ("%s/r%d"):format(home.dir, round)
            local output, status = process.run({ "sh", "-c", SCRIPT, "sh", home.dir, root },
                { ASAN_OPTIONS = process.asan_options() })
            assert.same({ 0, "" }, { status, output })
        end
    end)
end)
