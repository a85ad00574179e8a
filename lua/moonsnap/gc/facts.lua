--- What a store says to the planner: its survey, and what is mounted where it can be seen.
---
--- Unknown is in use: a mount namespace that cannot be read may have anything mounted.

local M = {}

local PAGE = 4096

local function until_text(pinned)
    local ends = pinned.until_ and " until " .. os.date("!%Y-%m-%dT%H:%M:%SZ", pinned.until_ // 1000000000) or ""
    local reason = pinned.reason ~= "" and ": " .. pinned.reason or ""
    return "pinned" .. ends .. reason
end

--- Holds that are the same for many are one table.
local MOUNTED = { why = "mounted", text = "mounted" }
local MAYBE = { why = "maybe_mounted", text = "may be mounted" }
local HIDDEN = { why = "maybe_mounted", text = "may be mounted: there are mount namespaces that cannot be looked into" }
local OWNED = { why = "owned", text = "its owner's process is alive" }
local UNSEEN = { why = "owned", text = "its owner's process may be alive" }

--- The first thing that holds a fact.
---@param fact   moonsnap.gc.Fact   as the survey has it
---@param in_use {sure: table<integer, true>, maybe: table<integer, true>, unknown: integer}
---@return moonsnap.gc.Held?
function M.held(fact, in_use)
    if fact.pinned then
        return { why = "pinned", text = until_text(fact.pinned) }
    elseif fact.leased then
        return { why = "leased", text = ("held by lease '%s'"):format(fact.leased), flat = fact.leased_flat }
    elseif fact.mounted then
        return { why = "mounted", text = "mounted on " .. fact.mounted }
    elseif in_use.sure[fact.number] then
        return MOUNTED
    elseif in_use.maybe[fact.number] then
        return MAYBE
    elseif in_use.unknown > 0 then
        return HIDDEN
    elseif fact.owner == "alive" then
        return OWNED
    elseif fact.owner == "unknown" then
        return UNSEEN
    end
end

--- What is mounted where.
---@param engine moonsnap.core.Store
---@param unseen? boolean  namespaces that cannot be looked into count as empty
function M.in_use(engine, unseen)
    local found, err = engine:in_use()
    if found and unseen then
        found.unknown = 0
    end
    return found, err
end

--- Reads the facts of a namespace. They are of one moment.
---@param engine     moonsnap.core.Store
---@param name_space string
---@param pause?     fun()
---@param unseen?    boolean
---@return moonsnap.gc.Fact[]? facts
---@return moonsnap.Error? err
function M.read(engine, name_space, pause, unseen)
    local survey <close>, err = engine:survey(name_space)
    if not survey then
        return nil, err
    end
    local in_use
    in_use, err = M.in_use(engine, unseen) -- after the survey: what was mounted since is seen, too
    if not in_use then
        return nil, err
    end
    local facts, n = {}, 0
    local page = survey:take(PAGE)
    while page do
        for i = 1, #page do
            local fact = page[i]
            fact.held = M.held(fact, in_use)
            n = n + 1
            facts[n] = fact
        end
        if pause then
            pause()
        end
        page = survey:take(PAGE)
    end
    return facts
end

return M
