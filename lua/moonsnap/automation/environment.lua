--- What an automation file has of Lua: the base without what reads, loads or reaches code and files, and copies of the
--- libraries, so that nothing it changes is ours.

local M = {}

local BASE = { "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen", "rawset",
    "select", "tonumber", "tostring", "type", "xpcall", "_VERSION" }
local LIBRARIES = { "coroutine", "math", "string", "table", "utf8" }
local HIDDEN = { string = { dump = true } }

--- A metatable is only for tables of the file's own: that of strings is everybody's.
local function metatable_of(value)
    if type(value) ~= "table" then
        return nil
    end
    return getmetatable(value)
end

local function with_metatable(value, meta)
    if type(meta) == "table" and rawget(meta, "__gc") ~= nil then
        error("setmetatable: __gc: a file of automation has no finalizers", 2)
    end
    return setmetatable(value, meta)
end

--- A new table of globals; `_G` in it is itself.
---@return table<string, any>
function M.new()
    local env = { getmetatable = metatable_of, setmetatable = with_metatable }
    for _, name in ipairs(BASE) do
        env[name] = _G[name]
    end
    for _, name in ipairs(LIBRARIES) do
        local copy = {}
        for word, value in pairs(_G[name]) do
            copy[word] = not (HIDDEN[name] and HIDDEN[name][word]) and value or nil
        end
        env[name] = copy
    end
    env.os = { time = os.time, date = os.date, difftime = os.difftime, clock = os.clock }
    env._G = env
    return env
end

return M
