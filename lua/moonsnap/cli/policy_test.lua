--- policy test FILE [SPEC]: a policy's own tests, on a store in memory.

local output = require "moonsnap.cli.output"
local testing = require "moonsnap.testing"
local text = require "moonsnap.cli.text"

local M = {}

local function print_result(out, result)
    if result.ok then
        return out:line(out:paint("green", "ok") .. "      " .. text.plain(result.name))
    end
    out:line(("%s  %s  (%s:%d)"):format(out:paint("red", "not ok"), text.plain(result.name), text.plain(result.file),
        result.line))
    for line in result.message:gmatch("[^\n]+") do
        out:line("        " .. text.plain(line))
    end
end

local function failures_in(results)
    local failed = 0
    for _, result in ipairs(results) do
        failed = failed + (result.ok and 0 or 1)
    end
    return failed
end

--- Runs the tests of a file. Exits with 1 when some failed.
---@param call  moonsnap.cli.Call
---@param words string[]  the policy, and its spec where it is not beside it
---@return integer? status
---@return moonsnap.Error? err
function M.run(call, words)
    local out = call.out
    if #words == 0 or #words > 2 then
        return nil, call.moonsnap.error("invalid_argument", "test what? it is test FILE [SPEC], as test tenants.lua")
    end
    local results, err = testing.run(call.moonsnap, words[1], words[2], not out.json and function(result)
        print_result(out, result)
    end or nil)
    if not results then
        return nil, err
    end
    local failed = failures_in(results)
    if out.json then
        out:list(output.each(results))
    else
        out:say(("%s, %d failed"):format(text.several(#results - failed, "test passed", "tests passed"), failed))
    end
    return failed > 0 and 1 or 0
end

return M
