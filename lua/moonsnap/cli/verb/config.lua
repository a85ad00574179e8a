--- config check FILE: what is wrong with a configuration or a policy, all at once.

local json = require "moonsnap.cli.json"
local text = require "moonsnap.cli.text"

local function print_report(call, report)
    local out = call.out
    for _, problem in ipairs(report.problems) do
        local place = problem.file and (problem.line and ("%s:%d: "):format(problem.file, problem.line)
            or problem.file .. ": ") or ""
        out:line(text.plain(place .. problem.message))
    end
    for i, file in ipairs(report.files) do
        out:say(("%d  %s"):format(i, text.plain(file)))
    end
    local count = #report.problems
    out:say(("%s of %s: %s"):format(report.tier, text.several(#report.files, "file"),
        count == 0 and out:paint("green", "fine") or out:paint("red", text.several(count, "problem"))))
end

---@type moonsnap.cli.Verb
return {
    summary = "check a configuration or a policy",
    about = "check FILE: reads a service's configuration (with the files of its folder, FILE without .lua and with .d) "
        .. "or a policy file as a service would, and lists all that is wrong: unknown words and options, wrong values, "
        .. "what can never be reached. The configuration is a program, and runs.",
    more = "moonsnap config check /etc/moonsnap/config.lua\n"
        .. "moonsnap config check --as policy /var/lib/moonsnap/policy.lua\n\nExits with 1 when something is wrong.",
    define = function(define)
        define.argument("action", "check.")
        define.argument("file", "The configuration, or the policy.")
        define.option("--as", "configuration, policy or automation; without, its words tell.", "TIER",
            { "configuration", "policy", "automation" }, "tier")
    end,
    run = function(call)
        local args = call.args
        if args.action ~= "check" then
            return nil, call.moonsnap.error("invalid_argument",
                ("unknown action '%s': it is check FILE"):format(args.action:sub(1, 40)))
        end
        local report, err = require("moonsnap.config.check").look(call.moonsnap, args.file, args.tier)
        if not report then
            return nil, err
        elseif call.out.json then
            call.out:value({ tier = report.tier, files = json.array(report.files),
                problems = json.array(report.problems) })
        else
            print_report(call, report)
        end
        return #report.problems > 0 and 1 or 0
    end,
}
