--- What label policies share: patterns of names, expressions, peers, lists.

local M = {}

--- A pattern in which * stands for any text, as a function; nil for nil.
---@param glob string?
---@return (fun(text: string): boolean)?
function M.glob(glob)
    if glob == nil then
        return nil
    elseif not glob:find("*", 1, true) then
        return function(text) return text == glob end
    end
    local first, parts = glob:match("^([^*]*)%*"), {}
    for part in glob:sub(#first + 1):gmatch("[^*]+") do
        parts[#parts + 1] = part
    end
    local last = glob:sub(-1) ~= "*" and table.remove(parts) or ""
    return function(text)
        if text:sub(1, #first) ~= first or #text < #first + #last or text:sub(#text - #last + 1) ~= last then
            return false
        end
        local at, stop = #first + 1, #text - #last
        for _, part in ipairs(parts) do -- leftmost is best: what follows may be anything
            local from, to = text:find(part, at, true)
            if not from or to > stop then
                return false
            end
            at = to + 1
        end
        return true
    end
end

local function quoted(text)
    return '"' .. text:gsub("[%c\\\"\127-\255]", function(byte)
        return (byte == "\\" or byte == '"') and "\\" .. byte or ("\\x%02x"):format(byte:byte())
    end) .. '"'
end

--- A regular expression of filters (RE2), as a function that searches it in a text.
---@param expression string
---@param filter fun(filters: string[]): moonsnap.Filter?, moonsnap.Error?
---@return (fun(text: string): boolean)?
---@return string? wrong
function M.expression(expression, filter)
    local compiled = filter { "name~=" .. quoted(expression) }
    local sound = filter { "name~=" .. quoted("(?:" .. expression .. ")|") } -- matches all, or is no expression
    if not compiled or not sound or not sound:match { name = "", kind = "active", parent = "" } then
        return nil, ("pattern '%s' is no regular expression (RE2)"):format(expression:sub(1, 80))
    end
    return function(text) return compiled:match { name = text, kind = "active", parent = "" } end
end

--- A value or a list of values as a set.
---@param value any
---@return table<any, true>
function M.set(value)
    local set = {}
    for _, one in ipairs(type(value) == "table" and value or { value }) do
        set[one] = true
    end
    return set
end

--- Whether a caller is one of a policy's peers, and comes through one of its doors.
---@param policy {peer?: {uid?: table<integer, true>, gid?: table<integer, true>}, doors?: table<string, true>}
---@param caller {uid: integer, gid: integer, door: string}
---@return boolean
function M.is_peer(policy, caller)
    local peer, doors = policy.peer, policy.doors
    if doors and not doors[caller.door] then
        return false
    end
    return not peer or peer.uid ~= nil and peer.uid[caller.uid] or peer.gid ~= nil and peer.gid[caller.gid] or false
end

--- A value for a message: its beginning, and no control bytes.
---@param value string
---@return string
function M.shown(value)
    local short = value:gsub("%c", "?")
    return #short > 60 and short:sub(1, 57) .. "..." or short
end

--- "a, b or c"
---@param values string[]
---@return string
function M.either(values)
    return #values == 1 and values[1]
        or table.concat(values, ", ", 1, #values - 1) .. " or " .. values[#values]
end

return M
