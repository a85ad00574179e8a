--- help [VERB].

local parser = require "moonsnap.cli.parser"

local function objects(call)
    local list = {}
    for number, name in ipairs(parser.verbs()) do
        list[number] = {
            name = name, about = require("moonsnap.cli.verb." .. name).about,
            usage = call.parser:usage(name):gsub("^Usage: ", ""):gsub("%s+", " "),
        }
    end
    return list
end

---@type moonsnap.cli.Verb
return {
    summary = "say how verbs are used",
    about = "Says how a verb is used; without VERB, lists them all.",
    more = "moonsnap help run\nmoonsnap help --complete bash > ~/.local/share/bash-completion/completions/moonsnap",
    define = function(define)
        define.argument("topic", "A verb.", "?")
        define.option("--complete", "Print the script that completes our words in a shell.", "SHELL",
            { "bash", "zsh", "fish" })
    end,
    run = function(call)
        local topic = call.args.topic
        if call.args.complete then
            call.out.out:write(call.parser:completion(call.args.complete))
            return 0
        end
        local help = call.parser:help(topic)
        if not help then
            return nil, call.moonsnap.error("invalid_argument", ("there is no verb '%s'"):format(topic))
        elseif call.out.json and not topic then
            call.out:list(require("moonsnap.cli.output").each(objects(call)))
        elseif call.out.json then
            call.out:value({ name = topic, help = help })
        else
            call.out:line(help)
        end
    end,
}
