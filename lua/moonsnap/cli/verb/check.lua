--- check: do rows and directories agree?

local failure = require "moonsnap.cli.failure"
local output = require "moonsnap.cli.output"
local readable = require "moonsnap.readable"
local text = require "moonsnap.cli.text"

--- Opens the store; with --repair, a lost database is made anew first.
local function open(call)
    local store, err = call:open()
    if store or err.kind ~= "data_loss" or not call.args.repair or call:address() then
        return store, err
    end
    local root = assert(call:root())
    local rebuilt, why = call.moonsnap.rebuild(root)
    if not rebuilt then
        return nil, why
    end
    call.out:say(("made a new database with %s"):format(text.several(rebuilt, "committed snapshot")))
    return call:open()
end

local function print_findings(call, findings)
    for _, finding in ipairs(findings) do
        local mark = finding.repaired and call.out:paint("green", "repaired")
            or finding.serious and call.out:paint("red", "damaged")
            or call.out:paint("yellow", "untidy")
        call.out:line(("%s  %s: %s (%s)"):format(mark, text.plain(finding.where), finding.what, finding.repair))
    end
    if #findings == 0 then
        call.out:say("clean")
    end
end

local function is_damaged(findings)
    for _, finding in ipairs(findings) do
        if finding.serious and not finding.repaired then
            return true
        end
    end
    return false
end

---@type moonsnap.cli.Verb
return {
    summary = "compare rows and directories",
    about = "Compares the database and the layers both ways and says what it would repair; --repair does it.",
    more = "moonsnap check --repair\n\nExits with 8 when damage remains.",
    define = function(define)
        define.flag("--repair", "Mend what can be mended; make a lost database anew.")
    end,
    run = function(call)
        local store, err = open(call)
        if not store then
            return nil, err
        end
        local findings, why = store:check { repair = call.args.repair }
        if not findings then
            return nil, why
        elseif call.out.json then
            for _, finding in ipairs(findings) do
                finding.where = readable.repaired(finding.where)
            end
            call.out:list(output.each(findings))
        else
            print_findings(call, findings)
        end
        return is_damaged(findings) and failure.DAMAGED or 0
    end,
}
