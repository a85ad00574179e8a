--- label.rewrite { KEY, ... }: makes another label, or another value, of what the caller gives.
---
---     to = "text"                        that value; from = "text": only instead of that one
---     to = function(value, request)      what it answers; nil or "": the label is dropped
---     to = false                         drops it
---     map = { prod = "production" }      the value's entry; values without one stay
---     as = "other"                       under that name (may go with to and map)

local M = {
    phase = "mutate", order = 4,
    verbs = { "prepare", "view", "commit", "import", "update" },
    fields = { from = "string", to = "target", map = "map", as = "string" },
}

function M.prepare(policy)
    if policy.to == nil and policy.map == nil and policy.as == nil then
        return "it says nothing: give it to, map or as"
    elseif policy.to ~= nil and policy.map then
        return "to and map say two things: give it one of them"
    elseif policy.map and policy.from then
        return "from goes with to; a map has its own"
    elseif policy.as == "" then
        return "as is empty"
    elseif policy.as and policy.label:find("*", 1, true) then
        return "as gives one name: the key cannot have *"
    end
end

local function rewritten(policy, value, view)
    if policy.from and value ~= policy.from then
        return value
    elseif policy.map then
        return policy.map[value] or value
    elseif type(policy.to) == "function" then
        local made = policy.to(value, view:seen())
        if made ~= nil and type(made) ~= "string" then
            error(("label '%s': its function answers a %s, not text or nil"):format(policy.label, type(made)), 0)
        end
        return made ~= "" and made or false
    elseif policy.to ~= nil then
        return policy.to
    end
    return value
end

function M.change(policy, view)
    local changes
    for name, value in pairs(view.given) do
        if policy.names(name) then
            local made, as = rewritten(policy, value, view), policy.as or name
            if made ~= value or as ~= name then
                changes = changes or {}
                changes[name] = false
                changes[as] = made ~= "" and made or false
            end
        end
    end
    return changes
end

return M
