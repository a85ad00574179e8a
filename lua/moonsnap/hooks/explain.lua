--- What the hooks would say to a request: all of validate, mutate and before are asked, none is counted, and nothing
--- comes of it. After a denial the rest is asked all the same; the first one is the result.

local outcome = require "moonsnap.hooks.outcome"
local requests = require "moonsnap.hooks.request"
local under_way = require "moonsnap.hooks.under_way"
local verdicts = require "moonsnap.hooks.verdicts"

local M = {}

--- One hook's answer.
---@class moonsnap.hooks.Explained
---@field name     string
---@field phase    string
---@field file?    string
---@field matched  boolean
---@field verdict? "deny" | "defer" | "exists" | "rewrite"
---@field kind?    string   of deny
---@field text?    string   of deny; what exists names and whether it fits
---@field labels?  table<string, string|false>
---@field parent?  string
---@field seconds_asked? number  of defer
---@field failed?  string   what was wrong
---@field breaker? string   off: it would not be run
---@field instructions? integer
---@field seconds? number
---@field bytes?   integer

local OUTCOMES = {
    deny = function(_, verdict) return { verdict = "deny", kind = verdict.kind, text = verdict.text } end,
    defer = function(_, verdict) return { verdict = "defer", kind = "unavailable", seconds = verdict.seconds } end,
    exists = function(chain, verdict)
        return outcome.fits(chain, verdict.name)
            and { verdict = "exists", kind = "already_exists", text = ("'%s' is there already"):format(verdict.name) }
    end,
    rewrite = function(chain, verdict)
        requests.rewrite(chain.request, verdict)
        under_way.close(chain)
        chain.view = nil
    end,
}

local function shown(row, verdict, chain)
    row.verdict, row.kind, row.text = verdict.verdict, verdict.kind, verdict.text
    row.labels, row.parent, row.seconds_asked = verdict.labels, verdict.parent, verdict.seconds
    if verdict.verdict == "exists" then
        row.text = ("'%s' %s"):format(verdict.name, outcome.fits(chain, verdict.name) and "is there and fits"
            or "is not there, or does not fit: no opinion")
    end
end

--- Asks one hook; answers what the request would end with, if anything.
local function ask(chain, entry, row)
    local ok, verdict, instructions, seconds, bytes = under_way.run(chain, entry)
    row.instructions, row.seconds, row.bytes = instructions, seconds, bytes
    local wrong = not ok and verdict or verdicts.wrong(verdict, entry, chain.request.verb)
    if wrong then
        row.failed = wrong
        return entry.fail == "closed" and { verdict = "deny", kind = "internal", text = "it failed: " .. wrong } or nil
    elseif verdict ~= nil then
        shown(row, verdict, chain)
        return OUTCOMES[verdict.verdict](chain, verdict)
    end
end

---@param hooks   moonsnap.Hooks
---@param store   moonsnap.Store
---@param request moonsnap.Request
---@return {hooks: moonsnap.hooks.Explained[], result: table}? explained
---@return moonsnap.Error? err  not_found: hooks are not asked about what is not there
function M.run(hooks, store, request)
    local caller = request.caller
    requests.complete(store, request, caller)
    local missing, err = requests.look(store, request)
    if missing then
        return nil, err -- nobody is asked
    end
    local index, chain = hooks.indexes[request.verb], under_way.new(hooks, store, request)
    local rows, result = {}, nil
    for _, entry in ipairs(index and index.entries or {}) do
        local matched = not entry.match or entry.match:matches(request, {})
        local row = { name = entry.name, phase = entry.phase, file = entry.file, matched = matched }
        rows[#rows + 1] = row
        if entry.breaker:state() == "off" then
            row.breaker = "off"
            if matched and entry.fail == "closed" and not result then
                result = { verdict = "deny", kind = "internal", text = "it is off: it failed too often",
                    hook = entry.name }
            end
        elseif matched and entry.phase ~= "around" then
            local ended = ask(chain, entry, row)
            if ended and not result then
                result = ended
                result.hook = entry.name
            end
        end
    end
    under_way.close(chain)
    result = result or {}
    result.labels, result.parent = request.labels, request.parent
    return { hooks = rows, result = result }
end

return M
