--- Other tools' words for retention, as rules: what somebody has written for them goes on to mean the same here.
---
---     store:gc(presets.restic { keep_daily = 7, keep_weekly = 4, group_by = "host" })
---
--- Each answers a list of rules; each file says which words it knows, and where it had to decide. Where a tool counts
--- in the machine's time zone, here it is UTC unless zone = "+02:00" says otherwise. A word that a tool does not have
--- is refused: what is not understood must not let anything go.

local suggest = require "moonsnap.suggest"

local M = {}

--- The tools by name.
M.NAMES = { "btrbk", "buildkit", "restic", "sanoid", "snapper" }

--- "a b_c" as a set of words.
local function set_of(text)
    local set = {}
    for word in text:gmatch("%S+") do
        set[word] = true
    end
    return set
end

--- What is not known among the words, and those of each entry where they are a list.
local function unknown(words, known)
    for word, value in pairs(words) do
        if type(word) == "number" and type(value) == "table" then
            local wrong = unknown(value, known)
            if wrong then
                return wrong
            end
        elseif not known[word] then
            return suggest.unknown("word", tostring(word):sub(1, 40), known)
        end
    end
end

local function check(name, words, known)
    if type(words) ~= "table" then
        error(("%s: a table of its words expected, got a %s"):format(name, type(words)), 3)
    end
    local wrong = unknown(words, set_of(known))
    if wrong then
        error(("%s: %s"):format(name, wrong), 3)
    end
end

for _, name in ipairs(M.NAMES) do
    M[name] = function(words)
        local preset = require("moonsnap.gc.presets." .. name)
        check(name, words, preset.WORDS)
        return preset.rules(words)
    end
end

--- containerd's marking as a rule: what no root reaches goes. See gc/roots.lua.
---@param options? {snapshotter?: string, match?: any, name?: string}
---@return moonsnap.gc.Rule[] rules
function M.containerd_marks(options)
    options = options or {}
    check("containerd_marks", options, "snapshotter match name min_age")
    return { { name = options.name or "containerd-marks", match = options.match, min_age = options.min_age,
        containerd = { snapshotter = options.snapshotter or "overlayfs" } } }
end

return M
