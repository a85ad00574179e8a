--- Removing many snapshots: one program beside as many commands. `./run bench program`.
---
--- 10,000 commands take minutes: what is measured are COMMANDS of them, and their share of 10,000 is the figure; each
--- removes one snapshot of a store that holds as many as the program's.
---
---     --quick  a tenth of both
local measure = require "bench.support.measure"
local moonsnap = require "moonsnap"

local quick = arg[1] == "--quick"
local COUNT = quick and 1000 or 10000
local COMMANDS = quick and 40 or 200
local WANTED = 50

local PROGRAM = [[
local removed = 0
for info in store:walk() do
    assert(store:remove(info.name))
    removed = removed + 1
end
return removed
]]

local function fill(root)
    local store <close> = assert(moonsnap.open { root = root })
    for first = 1, COUNT, 1000 do
        assert(store:transaction(function()
            for i = first, math.min(COUNT, first + 999) do
                assert(store:prepare("snapshot-" .. i, nil, { labels = { number = tostring(i) } }))
            end
            return true
        end))
    end
end

local function run(command)
    assert(os.execute(command), command)
end

local home <close> = measure.scratch()
local root = home.path .. "/store"
local script = home.path .. "/program.lua"
do
    local file <close> = assert(io.open(script, "w"))
    file:write(PROGRAM)
end

fill(root)
local commands = measure.took(function()
    for i = 1, COMMANDS do
        run(("bin/moonsnap rm --root '%s' snapshot-%d"):format(root, i))
    end
end) * (COUNT / COMMANDS)
do
    local store <close> = assert(moonsnap.open { root = root })
    for i = 1, COMMANDS do
        assert(store:prepare("snapshot-" .. i))
    end
end
local program = measure.took(function()
    run(("bin/moonsnap program --root '%s' '%s' > '%s/out'"):format(root, script, home.path))
end)
do
    local file <close> = assert(io.open(home.path .. "/out"))
    assert(file:read("n") == COUNT, "the program removed less")
end

measure.report(("%d removes by one program, %d by a command each"):format(COUNT, COMMANDS),
    ("%.0f times (%s / %s)"):format(commands / program, measure.show(program), measure.show(commands)),
    (">= %d times"):format(WANTED), commands / program >= WANTED)
