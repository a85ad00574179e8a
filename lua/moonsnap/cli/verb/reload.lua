--- reload: has a running service read its configuration, policies and automation again.

local text = require "moonsnap.cli.text"

local function ask(call, verb)
    local store, err = call:open()
    if not store then
        return nil, err
    elseif not store.ask then
        return nil, call.moonsnap.error("invalid_argument",
            "reload is asked of a service: say which with --address (or MOONSNAP_ADDRESS)")
    end
    return store:ask(verb, {})
end

local LEFT_OUT = "the store's policy files are left out: the service was started with --no-policy"

local function print_status(out, status)
    local function line(name, value)
        if value ~= nil and value ~= "" then
            out:line(("%-14s %s"):format(name, text.plain(tostring(value))))
        end
    end
    line("pid", status.pid)
    line("version", status.version)
    line("mode", status.mode)
    line("root", status.root)
    line("files", table.concat(status.files, " "))
    line("policies", table.concat(status.policies, " "))
    line("", status.no_policy and LEFT_OUT or nil)
    line("reloads", ("%d, %d failed"):format(status.reloads, status.failed_reloads))
    line("last reload", status.last_reload and text.moment(status.last_reload))
    line("last failure", status.last_failure)
end

---@type moonsnap.cli.Verb
return {
    summary = "have a service read its files again",
    about = "Has a running service build everything anew from its configuration, policies and automation files, and go "
        .. "over to it between two requests. When something is wrong with them nothing changes, and this says what. "
        .. "--status shows what came of the last one.",
    more = "moonsnap reload --address /run/moonsnap/moonsnap.sock\n\nExits with 1 when the service keeps what it had. "
        .. "A service in proxy mode takes SIGHUP instead (systemctl reload).",
    define = function(define)
        define.flag("--status", "Reload nothing: show the service's state and the last failure.")
    end,
    run = function(call)
        local answer, err = ask(call, call.args.status and "status" or "reload")
        if err then
            local status = call:report(err)
            return (call.args.status or not call.store or not call.store.ask) and status or 1
        elseif call.args.status and call.out.json then
            answer.last_reload = answer.last_reload and text.instant(answer.last_reload)
            call.out:value(answer)
        elseif call.args.status then
            print_status(call.out, answer)
        else
            local status = ask(call, "status")
            call.out:say(status and status.no_policy and "reloaded; " .. LEFT_OUT or "reloaded")
        end
        return 0
    end,
}
