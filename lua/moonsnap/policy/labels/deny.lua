--- label.deny { KEY, text = "..." }: nobody may give the label; KEY may have *.

local words = require "moonsnap.policy.labels.words"

local M = {
    phase = "validate", order = 3,
    verbs = { "prepare", "view", "commit", "import", "update" },
    fields = { text = "string", one_of = "strings", pattern = "string" },
}

function M.prepare(policy, context)
    if policy.one_of then
        policy.allowed = words.set(policy.one_of)
    end
    if policy.pattern then
        local expression, wrong = words.expression(policy.pattern, context.filter)
        policy.fits = expression
        return wrong
    end
end

--- What the caller himself gives, not what other policies make of it.
M.raw = true

function M.check(policy, view)
    for name, value in pairs(view.given) do
        if policy.names(name) and view.old[name] ~= value and (not policy.allowed or policy.allowed[value])
            and (not policy.fits or policy.fits(value)) then
            return policy.text or ("label '%s' may not be given"):format(words.shown(name))
        end
    end
end

return M
