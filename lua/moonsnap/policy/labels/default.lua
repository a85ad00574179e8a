--- label.default { KEY, VALUE }: sets the label where the caller gives none. VALUE is text, or a function of the
--- request that answers text, or nil for none.

local M = {
    phase = "mutate", order = 3, exact = true,
    verbs = { "prepare", "view", "commit", "import" },
    fields = { value = "value" },
}

function M.prepare(policy)
    if policy.value == nil then
        return 'it needs a value: label.default { "tier", "scratch" }'
    elseif policy.value == "" then
        return "a label of no text is none: give it a value"
    end
end

--- The labels to set, or nil.
function M.change(policy, view)
    if view:after(policy.label) then
        return nil
    end
    local value = policy.value
    if type(value) == "function" then
        value = value(view:seen())
        if value ~= nil and type(value) ~= "string" then
            error(("label '%s': its function answers a %s, not text or nil"):format(policy.label, type(value)), 0)
        end
    end
    return value and value ~= "" and { [policy.label] = value } or nil
end

return M
