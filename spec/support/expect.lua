--- Says what a failing call must answer, in one line at the call.
local assert = require "luassert"

local M = {}

--- `fails("not_found", store:stat("x"))`: the call answered nil and an error of that kind.
---@return moonsnap.Error
function M.fails(kind, value, err)
    assert.is_nil(value)
    assert.is_not_nil(err, "a failing call answers nil and an error")
    assert.equal(kind, err.kind, ("%s: %s"):format(tostring(err.kind), tostring(err.message)))
    assert.is_string(err.message)
    return err
end

--- As fails, and its text contains fragment (plain).
---@return moonsnap.Error
function M.fails_saying(kind, fragment, value, err)
    M.fails(kind, value, err)
    assert.is_truthy(err.message:find(fragment, 1, true), ("%q does not say %q"):format(err.message, fragment))
    return err
end

--- Names of what a walk gives, sorted.
---@return string[]
function M.names(iterator, ...)
    local names = {}
    for info in iterator, ... do
        names[#names + 1] = info.name
    end
    table.sort(names)
    return names
end

--- The option of a mount that starts with `name=`, without that; nil when there is none.
---@return string?
function M.option(mount, name)
    for _, option in ipairs(mount.options) do
        if option:sub(1, #name + 1) == name .. "=" then
            return option:sub(#name + 2)
        end
    end
end

---@return boolean
function M.has_option(mount, word)
    for _, option in ipairs(mount.options) do
        if option == word then
            return true
        end
    end
    return false
end

--- Is this `__close` called because of an error? busted's handler swallows the error value; but the
--- function that held the value is off the stack then, and C is what called.
---@return boolean
function M.unwinding()
    return debug.getinfo(3, "S").what == "C"
end

return M
