--- BuildKit's words: the list of gcpolicy of buildkitd.toml, as rules.
---
---     buildkit { { filters = { "type==source.local" }, keepDuration = "48h", maxUsedSpace = "512MB" },
---                { all = true, reservedSpace = "10%", maxUsedSpace = "80%", minFreeSpace = "20%" } }
---
--- Policies are tried in their order, each takes what its filters match and what was not used for keepDuration, in
--- BuildKit's order (last use and uses together), until all that is there, in whatever policy, fits into maxUsedSpace
--- and minFreeSpace is free; never below reservedSpace. A policy without a bound takes all of it. A keepDuration
--- protects from its own policy only. reservedSpace alone is a ceiling, as it is there.
---
--- filters    BuildKit's fields in our words: id is name, type the label `type`, description the label `description`
--- all        without it, records with the label type=internal or type=frontend stay
--- keepDuration  "48h", or seconds; keepBytes and reservedSpace are one
---
--- Source: moby/buildkit docs/buildkitd.toml.md, cache/manager.go (prune, calculateKeepBytes).

local M = {}

M.WORDS = [[filters filter all keepDuration keepBytes keepStorage reservedSpace maxUsedSpace minFreeSpace]]

local FIELDS = { id = "name", type = "labels.type", description = "labels.description" }

--- A filter in our words.
local function translated(filter)
    local path, rest = filter:match("^(%a+)(.*)$")
    return FIELDS[path] and FIELDS[path] .. rest or filter
end

--- Each selector of a filter; "type=x" is how Docker's daemon.json writes "type==x".
local function filter_of(filter)
    local selectors = {}
    for selector in filter:gmatch("[^,]+") do
        selectors[#selectors + 1] = translated((selector:gsub("^(%a+)=([^=~])", "%1==%2")))
    end
    return selectors
end

--- One filter for each; a policy's are ORed, and so are Docker's repeated fields.
local function filters_of(policy)
    local given = policy.filters or policy.filter
    local list = {}
    for _, filter in ipairs(type(given) == "table" and given or { given }) do
        list[#list + 1] = table.concat(filter_of(filter), ",")
    end
    local internal = policy.all and "" or "labels.type!=internal,labels.type!=frontend"
    if #list == 0 then
        list[1] = ""
    end
    for at, filter in ipairs(list) do
        list[at] = filter .. (filter ~= "" and internal ~= "" and "," or "") .. internal
    end
    return list
end

local function present(space)
    return space and space ~= 0 and space ~= "0" and space or nil
end

local function bounds_of(policy)
    local reserved = present(policy.reservedSpace or policy.keepBytes or policy.keepStorage)
    local most, free = present(policy.maxUsedSpace), present(policy.minFreeSpace)
    if not (reserved or most or free) then
        return nil
    elseif not most and not free then
        most, reserved = reserved, nil
    end
    return { max_used = most, min_free = free, reserved = reserved, of = "all" }
end

---@param policies table[]  or one policy
---@return moonsnap.gc.Rule[] rules
function M.rules(policies)
    local rules = {}
    for at, policy in ipairs(policies[1] and policies or { policies }) do
        local idle = policy.keepDuration and policy.keepDuration ~= 0 and policy.keepDuration or nil
        local bounds, match = bounds_of(policy), filters_of(policy)
        if bounds and idle then
            for i, filter in ipairs(match) do
                match[i] = filter .. (filter ~= "" and "," or "") .. "idle>=" .. idle
            end
        end
        rules[at] = { name = "buildkit-" .. at, match = match, bounds = bounds, order = bounds and "mixed" or nil,
            expire = not bounds and { idle = idle or 0 } or nil }
    end
    return rules
end

return M
