--- Rounds, medians and a table of ratios.
local time = require "posix.time"

local M = {}

--- Nanoseconds of a clock that only runs forward.
---@return integer
function M.now()
    local at = time.clock_gettime(time.CLOCK_MONOTONIC)
    return at.tv_sec * 1000000000 + at.tv_nsec
end

--- Nanoseconds that fn takes.
---@param fn fun()
---@return integer
function M.took(fn)
    local start = M.now()
    fn()
    return M.now() - start
end

---@param values number[]
---@return number
function M.median(values)
    table.sort(values)
    local middle = #values // 2
    return #values % 2 == 1 and values[middle + 1] or (values[middle] + values[middle + 1]) / 2
end

--- Runs both sides in turn, rounds times; the ratio is taken round by round.
---@param rounds integer
---@param ours  fun(round: integer): number   nanoseconds
---@param other fun(round: integer): number
---@return {ours: number, other: number, ratio: number}  medians
function M.side_by_side(rounds, ours, other)
    local a, b, ratios = {}, {}, {}
    for round = 1, rounds do
        a[round], b[round] = ours(round), other(round)
        ratios[round] = a[round] / b[round]
    end
    return { ours = M.median(a), other = M.median(b), ratio = M.median(ratios) }
end

---@param nanoseconds number
---@return string
function M.show(nanoseconds)
    if nanoseconds < 1e6 then
        return ("%.0f us"):format(nanoseconds / 1e3)
    end
    return ("%.2f ms"):format(nanoseconds / 1e6)
end

--- Prints one figure; good says whether what is wanted holds.
---@param what string
---@param figure string
---@param wanted string
---@param good boolean
function M.report(what, figure, wanted, good)
    print(("%-52s %-34s wanted %-14s %s"):format(what, figure, wanted, good and "yes" or "NO"))
end

--- What a command prints, as a number.
---@param command string
---@return number
function M.number(command)
    local pipe = assert(io.popen(command))
    local value = pipe:read("n")
    assert(pipe:close(), command .. " failed")
    return assert(value, command .. " printed no number")
end

--- A new directory that is removed when the value goes out of scope.
---@return {path: string}
function M.scratch()
    local pipe = assert(io.popen("mktemp -d ${TMPDIR:-/var/tmp}/moonsnap-bench.XXXXXX"))
    local path = pipe:read("l")
    pipe:close()
    return setmetatable({ path = path }, {
        __close = function()
            os.execute(("rm -rf --one-file-system '%s'"):format(path))
        end,
    })
end

return M
