--- label.require { KEY, pattern = RE2, one_of = {...} }: the label must be there, and be like that.
---
--- An update cannot take it away or make it another one either, whatever verbs says; with update = false it can.

local words = require "moonsnap.policy.labels.words"

local M = {
    phase = "validate", order = 1, update = true, exact = true,
    verbs = { "prepare", "view", "commit", "import" },
    fields = { pattern = "string", one_of = "strings", text = "string", update = "boolean" },
}

--- What is wrong with a policy's own fields.
function M.prepare(policy, context)
    if policy.pattern then
        local expression, wrong = words.expression(policy.pattern, context.filter)
        if not expression then
            return wrong
        end
        policy.fits = expression
    end
    if policy.one_of then
        if #policy.one_of == 0 then
            return "one_of is empty: nothing could pass"
        end
        policy.allowed = words.set(policy.one_of)
        for _, value in ipairs(policy.one_of) do
            if policy.fits and not policy.fits(value) then
                return ("one_of has '%s', which pattern does not let pass"):format(words.shown(value))
            end
        end
    end
end

--- The text of a denial, or nil.
function M.check(policy, view)
    local value = view:after(policy.label)
    if view.request.verb == "update" and value == view.old[policy.label] then
        return nil -- not what this update is about
    elseif not value then
        return policy.text or ("label '%s' is missing"):format(policy.label)
    elseif policy.allowed and not policy.allowed[value] then
        return policy.text or ("label '%s' is '%s': it must be %s"):format(policy.label, words.shown(value),
            words.either(policy.one_of))
    elseif policy.fits and not policy.fits(value) then
        return policy.text or ("label '%s' is '%s': it must match %s"):format(policy.label, words.shown(value),
            policy.pattern)
    end
end

return M
