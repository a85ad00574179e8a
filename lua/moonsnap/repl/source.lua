--- Lines of a console as Lua: expressions, statements, and what is not whole yet. Pure.

local M = {}

--- Compiles a chunk: an expression answers its values, `=expr` too.
---@param text string
---@param name string  for messages
---@param env  table   its globals
---@return function? fn
---@return string? wrong  nil when only its end is missing
function M.compile(text, name, env)
    local expression = text:match("^%s*=(.*)$")
    local fn, wrong = load("return " .. (expression or text), name, "t", env)
    local short = not fn and wrong:find("near <eof>", 1, true)
    if not fn and not expression then
        fn, wrong = load(text, name, "t", env)
        short = short or not fn and wrong:find("near <eof>", 1, true)
    end
    if fn then
        return fn
    end
    return nil, not short and wrong or nil
end

--- Whether a chunk ends where it ends, or goes on in the next line. Nothing but space and comments is whole.
---@param text string
---@return boolean
function M.is_whole(text)
    local fn, wrong = M.compile(text, "=stdin", {})
    return fn ~= nil or wrong ~= nil
end

return M
