--- Says what is wrong with a rule's match, as far as that can be told without a store.

local selectors = require "moonsnap.gc.selectors"
local suggest = require "moonsnap.suggest"

local M = {}

local COMPARED = { age = true, idle = true, size = true, depth = true }

--- Words that a match's table may hold besides labels.NAME.
local FIELDS = {
    filter = true, age = true, idle = true, size = true, depth = true, tag = true, kind = true, name = true,
    parent = true, test = true,
}

local KINDS = { active = true, view = true, committed = true }

local function check_kind(kind)
    for _, name in ipairs(type(kind) == "table" and kind or { kind }) do
        if not KINDS[name] then
            return ("no kind '%s' (active, view, committed)"):format(tostring(name))
        end
    end
end

local function check_terms(match)
    for name, value in pairs(match) do
        if type(name) ~= "string" or not (FIELDS[name] or name:find("^labels%..")) then
            return ("no field '%s' (name, parent, kind, labels.NAME, age, idle, size, depth, tag, filter, test)")
                :format(tostring(name))
        elseif name == "kind" then
            local wrong = check_kind(value)
            if wrong then
                return wrong
            end
        elseif name == "filter" then
            local wrong = M.check(value)
            if wrong then
                return wrong
            end
        elseif COMPARED[name] then
            local _, wrong = selectors.read(name .. tostring(value))
            if wrong then
                return wrong
            end
        elseif name == "test" then
            if type(value) ~= "function" then
                return "test: a function expected"
            end
        elseif type(value) ~= "string" and not (value == true and name:find("^labels%..")) then
            return ("%s: a text expected"):format(name)
        end
    end
end

local IN_FILTERS = { name = true, parent = true, kind = true, labels = true, tag = true, age = true, idle = true,
    size = true, depth = true }

--- A field that no snapshot has matches nothing, which nobody means.
local function check_selector(written)
    local selector, wrong = selectors.read(written)
    if not selector then
        return wrong
    elseif selector.is == "equal" and selector.path == "kind" then
        return check_kind(selector.value)
    elseif selector.is ~= "other" then
        return nil
    end
    local field, rest = selector.text:match('^"?([%w_]+)(.?)')
    if not field then
        return nil -- what this is the filters' own compiler says
    elseif not IN_FILTERS[field] then
        return ("'%s': %s"):format(selector.text:sub(1, 80), suggest.unknown("field", field:sub(1, 40), IN_FILTERS))
    elseif field == "labels" and rest ~= "." then
        return ("'%s': labels.NAME expected"):format(selector.text:sub(1, 80))
    elseif COMPARED[field] then
        return ("'%s': %s is compared with >, >=, < or <="):format(selector.text:sub(1, 80), field)
    end
end

--- Says what is wrong with a match, as far as that can be told without a store.
---@param match any
---@return string? wrong
function M.check(match)
    local is = type(match)
    if match == nil or is == "function" then
        return nil
    elseif is == "string" then
        for _, written in ipairs(selectors.split(match)) do
            local wrong = check_selector(written)
            if wrong then
                return wrong
            end
        end
        return nil
    elseif is ~= "table" then
        return ("a filter, a list of filters, a table or a function expected, got a %s"):format(is)
    elseif match[1] ~= nil then
        for _, one in ipairs(match) do
            local wrong = type(one) ~= "string" and "a list holds filters" or M.check(one)
            if wrong then
                return wrong
            end
        end
        return nil
    end
    return check_terms(match)
end

return M
