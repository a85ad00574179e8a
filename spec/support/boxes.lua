--- Sandboxes of the tests.
local core = require "moonsnap.core"

local M = {}

--- A sandbox with words.
function M.new(words, memory)
    return core.sandbox.new { memory = memory or 8 << 20, words = words or {} }
end

--- Loads text as "policy.lua" and calls it: what call answers.
function M.call(box, text, budget, ...)
    return box:call(assert(box:load("policy.lua", text)), budget, ...)
end

--- What text returns, which must not fail.
function M.value(box, text, ...)
    local all = table.pack(M.call(box, text, nil, ...))
    if all[1] ~= "done" then
        error(("%s: %s"):format(all[1], all[2]), 2)
    end
    return table.unpack(all, 2, all.n)
end

--- The error and the limit of a call that must fail.
function M.failure(box, text, budget, ...)
    local what, err, limit = M.call(box, text, budget, ...)
    if what ~= "failed" then
        error(("%s %s"):format(what, err), 2)
    end
    return err, limit
end

return M
