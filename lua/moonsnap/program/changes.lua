--- What a transaction has changed, told by the event rows that it wrote. Pure.

local M = {}

---@class moonsnap.program.Change
---@field verb      string   "prepare", "view", "commit", "remove", "update", ...: the last word of the event's topic
---@field namespace string
---@field key       string
---@field name      string   of commit, else ""
---@field parent    string
---@field labels?   table<string, string>  where the event has them

---@class moonsnap.program.Changes
---@field list    moonsnap.program.Change[]  in order
---@field made    string[]  names and keys that were not there before, sorted
---@field removed string[]  that are there no more, sorted

--- What becomes of names by a change: those that appear, and that which goes.
local NAMES = {
    prepare = function(change) return change.key, nil end,
    view = function(change) return change.key, nil end,
    import = function(change) return change.name ~= "" and change.name or change.key, nil end,
    commit = function(change) return change.name, change.key end,
    remove = function(change) return nil, change.key end,
}

local function sorted(states, there)
    local names = {}
    for _, state in pairs(states) do
        if state.now ~= state.before and state.now == there then
            names[#names + 1] = state.name
        end
    end
    table.sort(names)
    return names
end

local function note(states, change, name, there)
    if name then
        local id = change.namespace .. " " .. name
        local state = states[id] or { name = name, before = not there }
        state.now = there
        states[id] = state
    end
end

--- Sums up events.
---@param events fun(): moonsnap.Event?
---@return moonsnap.program.Changes
function M.of(events)
    local list, states = {}, {}
    for event in events do
        local change = {
            verb = event.topic:match("[^/]+$"), namespace = event.namespace, key = event.key, name = event.name,
            parent = event.parent, labels = event.labels,
        }
        list[#list + 1] = change
        local names = NAMES[change.verb]
        if names then
            local made, gone = names(change)
            note(states, change, gone, false)
            note(states, change, made, true)
        end
    end
    return { list = list, made = sorted(states, true), removed = sorted(states, false) }
end

return M
