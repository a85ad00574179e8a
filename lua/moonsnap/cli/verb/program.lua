--- program FILE ARGS...: a script over the store as one transaction.

local json = require "moonsnap.cli.json"
local limits = require "moonsnap.program.limits"
local readable = require "moonsnap.readable"
local text = require "moonsnap.cli.text"
local units = require "moonsnap.units"

--- The script itself.
local function read(call, file)
    local opened, why
    if file == "-" then
        opened = io.stdin
    else
        opened, why = io.open(file)
    end
    local script
    if opened then
        script, why = opened:read("a")
    end
    if not script then
        return nil, call.moonsnap.error("not_found", ("read %s: %s"):format(file, why))
    end
    return script
end

--- A limit of the command line as a number.
local function limit(call, name, parse)
    local words = call.args[name]
    if not words then
        return nil
    end
    local value, wrong = parse(words)
    wrong = not value and wrong or limits.wrong { [name] = value }
    if wrong then
        return nil, call.moonsnap.error("invalid_argument", "--" .. (value and wrong or name .. ": " .. wrong))
    end
    return value
end

local function count(words)
    local digits = words:gsub(",", "")
    return math.tointeger(tonumber(digits)), ("'%s' is no whole number"):format(words)
end

--- A duration, or a number of seconds.
local function seconds(words)
    return units.parse_duration(tonumber(words) or words)
end

local function limits_of(call)
    local found, err = {}, nil
    for name, parse in pairs { instructions = count, memory = units.parse_size, seconds = seconds } do
        if not err then
            found[name], err = limit(call, name, parse)
        end
    end
    return not err and found or nil, err
end

local OBJECT = { __jsontype = "object" }

--- Labels are an object where there are none, too: an empty table does not say what it is. Changes the value.
local function labelled(value, name)
    if type(value) == "table" then
        if name == "labels" and next(value) == nil then
            setmetatable(value, OBJECT)
        end
        for key, element in pairs(value) do
            labelled(element, key)
        end
    end
    return value
end

--- Prints results as they come: text as it is, everything else as JSON; with --json all as JSON.
local function printer(call)
    local out, begun = call.out, false
    local function value(result)
        local line = json.encode(labelled(readable.value(result)))
        if out.json == "whole" then
            out.out:write(begun and ",\n" or "[\n", line)
        elseif not out.json and type(result) == "string" then
            out:line(text.plain(result))
        else
            out:line(line)
        end
        begun = true
        local ok, why = out.out:flush() -- whoever reads has it while the program runs
        if not ok then
            error(call.moonsnap.error("internal", "write standard output: " .. why), 0)
        end
    end
    local function finish()
        if out.json == "whole" then
            out.out:write(begun and "\n]\n" or "[]\n")
        end
    end
    return value, finish
end

--- A change in words: "commit build-7 as base-8".
local function sentence(change)
    local words = { change.verb, text.plain(change.key) }
    if change.name ~= "" then
        words[#words + 1] = "as " .. text.plain(change.name)
    end
    if change.parent ~= "" and change.verb ~= "remove" then
        words[#words + 1] = "on " .. text.plain(change.parent)
    end
    return table.concat(words, " ")
end

--- What --check found.
local function print_changes(call, changes, value)
    if call.out.json then
        for _, change in ipairs(changes.list) do
            change.labels = change.labels and setmetatable(change.labels, OBJECT)
            value { change = change }
        end
        value { made = json.array(changes.made), removed = json.array(changes.removed) }
        return
    end
    for _, change in ipairs(changes.list) do
        call.out:line("would " .. sentence(change))
    end
    call.out:say(("%s: %s made, %s removed; nothing was changed"):format(text.several(#changes.list, "change"),
        text.count(#changes.made), text.count(#changes.removed)))
end

local function print_outcome(call, outcome, value)
    for at = 1, outcome.values.n do
        if outcome.values[at] ~= nil then
            value(outcome.values[at])
        end
    end
    if outcome.changes then
        print_changes(call, outcome.changes, value)
    end
end

---@type moonsnap.cli.Verb
return {
    summary = "run a Lua script over the store as one transaction",
    about = "Runs a Lua script over the store as one transaction: nothing comes between, and when it fails or is "
        .. "over a limit nothing was changed. It finds the store in the variable store, its arguments in args, and "
        .. "gives results with emit(value) or return. It runs in a sandbox.",
    more = "moonsnap program --check clean.lua 5\nmoonsnap program --read-only - < report.lua",
    define = function(define)
        define.argument("file", "The script, or - for standard input.")
        define.argument("arguments", "What it finds in args.", "*")
        define.flag("--read-only", "Look at one state of the store; what would write is refused.")
        define.flag("--check", "Tell what it would change, and change nothing.")
        define.option("--instructions", "Instructions that it may run (10,000,000).", "N")
        define.option("--memory", "What it may hold at once (64MiB).", "SIZE")
        define.option("--seconds", "How long it may take (10).", "DURATION")
    end,
    run = function(call)
        local args = call.args
        local options, err = limits_of(call)
        if not options then
            return nil, err
        end
        local script
        script, err = read(call, args.file)
        if not script then
            return nil, err
        end
        local store
        store, err = call:open()
        if not store then
            return nil, err
        end
        local value, finish = printer(call)
        options.name = args.file == "-" and "stdin" or args.file:match("[^/]*$")
        options.read_only, options.check, options.emit = args.read_only, args.check, value
        options.log = function(words) call.out.errors:write(options.name, ": ", text.plain(words), "\n") end
        local outcome
        outcome, err = store:program(script, args.arguments, options)
        if outcome then
            print_outcome(call, outcome, value)
        end
        finish()
        return nil, err
    end,
}
