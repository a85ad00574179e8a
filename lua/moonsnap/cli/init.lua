--- The command: reads the line, calls the verb's file, answers the exit status.

local moonsnap = require "moonsnap"

local call = require "moonsnap.cli.call"
local failure = require "moonsnap.cli.failure"
local output = require "moonsnap.cli.output"
local parser = require "moonsnap.cli.parser"

local M = {}

local function verb_of(name)
    return require("moonsnap.cli.verb." .. name)
end

--- Says what is wrong with the line itself.
local function misuse(reader, line, out, message)
    local known = reader.verbs[line.verb] and line.verb or nil
    local how = ("moonsnap help%s"):format(known and " " .. known or "")
    if out.json then
        out.errors:write(require("moonsnap.cli.json").encode({
            error = { kind = "invalid_argument", message = message, hint = how },
        }), "\n")
    else
        local where = known and known .. ": " or ""
        out.errors:write(("moonsnap: %s%s\n%s\ntry: %s\n"):format(where, message, reader:usage(known), how))
    end
    return known and verb_of(known).status or failure.USAGE
end

--- What a verb answered, as an exit status.
local function status_of(this, verb, status, err)
    if err then
        local failed = this:report(err, this.args.key or this.args.name)
        return verb.status or failed
    end
    return status or 0
end

--- Runs a verb; its store is closed whatever happens. Error values that it raises are its failure;
--- anything else raised is a bug and goes on up.
local function perform(this, verb)
    local ok, status, err = xpcall(verb.run, function(raised)
        return type(raised) == "string" and debug.traceback(raised, 2) or raised
    end, this)
    if not ok and (type(status) == "string" or not status.kind) then
        this:close()
        error(status, 0)
    end
    if not ok then
        status, err = nil, status
    end
    local exit = status_of(this, verb, status, err)
    this:close()
    return exit
end

--- Writes out what is buffered: a full disk below standard output is a failure too.
local function flushed(out, exit)
    local ok, why = out.out:flush()
    if not ok and exit == 0 then
        out.errors:write(("moonsnap: write standard output: %s\n"):format(why))
        return failure.FAILED
    end
    return exit
end

--- Runs one command line.
---@param argv string[]
---@return integer status  to exit with
function M.main(argv)
    local reader = parser.new(verb_of)
    local line = reader:read(argv)
    local out = output.new({ json = line.json })
    if #argv == 0 then
        out.errors:write(reader:help(), "\n")
        return failure.USAGE
    end
    if line.help then
        line.words = { "help", line.verb }
    end
    local args, message = reader:parse(line)
    if not args then
        return misuse(reader, line, out, message)
    end
    out = output.new({ json = line.json, quiet = args.quiet })
    local this = call.new({ verb = args.verb, args = args, out = out, moonsnap = moonsnap, parser = reader })
    return flushed(out, perform(this, verb_of(args.verb)))
end

return M
