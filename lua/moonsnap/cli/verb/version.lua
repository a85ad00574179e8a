--- version.

---@type moonsnap.cli.Verb
return {
    summary = "say which moonsnap this is",
    about = "Says which moonsnap this is.",
    more = "moonsnap version --json",
    define = function() end,
    run = function(call)
        local version = call.moonsnap.version
        if call.out.json then
            call.out:value({ version = version, lua = _VERSION })
        else
            call.out:line("moonsnap " .. version)
        end
    end,
}
