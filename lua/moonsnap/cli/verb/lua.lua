--- lua FILE ARGS...: a script with the module at hand.

local stdlib = require "posix.stdlib"

--- What the script sees: all globals, the module, and its own arguments.
local function world(call)
    local arguments = { table.unpack(call.args.arguments) }
    arguments[0] = call.args.file
    return setmetatable({ moonsnap = call.moonsnap, arg = arguments }, { __index = _G })
end

--- Error values are told like any verb's; other mistakes with the place where they happened.
local function traced(raised)
    if type(raised) == "table" and raised.kind then
        return raised
    end
    local message = tostring(raised)
    local trace = debug.traceback(message, 2):gsub("%s*%[C%]: in function 'xpcall'.*", ""):gsub("\t", "    ")
    return { kind = "internal", message = message, trace = trace }
end

---@type moonsnap.cli.Verb
return {
    summary = "run a Lua script with moonsnap at hand",
    about = "Runs a Lua script. It finds the module in the variable moonsnap, its arguments in arg, and the store's "
        .. "place in the environment: MOONSNAP_ROOT, MOONSNAP_ADDRESS and MOONSNAP_NAMESPACE.",
    more = "moonsnap lua keep-last.lua 5\n\nExits with the integer that the script returns, else with 0.",
    define = function(define)
        define.argument("file", "The script, or - for standard input.")
        define.argument("arguments", "What it finds in arg.", "*")
    end,
    run = function(call)
        local root, err = call:root()
        if not root then
            return nil, err
        end
        local file = call.args.file
        local script, wrong = loadfile(file ~= "-" and file or nil, "t", world(call))
        if not script then
            local kind = wrong:find("cannot open", 1, true) and "not_found" or "invalid_argument"
            return nil, call.moonsnap.error(kind, wrong)
        end
        stdlib.setenv("MOONSNAP_ROOT", root)
        stdlib.setenv("MOONSNAP_ADDRESS", call:address() or "")
        stdlib.setenv("MOONSNAP_NAMESPACE", call:name_space())
        call:enter()
        local ok, status = xpcall(script, traced, table.unpack(call.args.arguments))
        if not ok then
            return nil, status
        end
        return math.type(status) == "integer" and status & 255 or 0
    end,
}
