--- run NAME|KEY -- CMD...: a command in a snapshot.

local failure = require "moonsnap.cli.failure"
local stdlib = require "posix.stdlib"

--- The whole environment of the command: ours, with what --env says.
local function environment(call, words)
    local changes, err = call:labels(words, "variable")
    if not changes then
        return nil, err
    end
    local env = stdlib.getenv()
    for name, value in pairs(changes) do
        env[name] = value
    end
    return env
end

local function options_of(call)
    local args = call.args
    local env, wrong = environment(call, args.env)
    if wrong then
        return nil, wrong
    end
    local labels
    labels, wrong = call:labels(args.label)
    if wrong then
        return nil, wrong
    elseif args.commit and args.readonly then
        return nil, call.moonsnap.error("invalid_argument", "--commit and --readonly: there is nothing to keep")
    end
    return {
        at = args.at, workdir = args.workdir, env = env, binds = #args.bind > 0 and args.bind or nil,
        commit = args.commit, labels = labels, readonly = args.readonly,
    }
end

---@type moonsnap.cli.Verb
return {
    summary = "run a command in a snapshot",
    about = "Runs a command with snapshot NAME as its root. In an active snapshot, what it writes stays. Of a "
        .. "committed one it gets a child, which is thrown away afterwards unless --commit keeps it.",
    more = "moonsnap run base -- /bin/sh\n"
        .. "moonsnap run base --bind /home/me/src:/src --workdir /src --commit built -- make\n\n"
        .. "Exits as the command does (128 and the number of a signal), or with 125 when it could not be started.",
    status = failure.NOT_STARTED,
    define = function(define)
        define.argument("name", "A committed snapshot, an active one or a view.")
        define.argument("command", "The command and its arguments.", "+")
        define.option("--at", "Mount it on DIR and stay in this file system, instead of making it the root.", "DIR")
        define.option("--workdir", "Where the command starts.", "DIR")
        define.options("--env", "A variable of its environment; may be said again.", "NAME=VALUE")
        define.options("--bind", "A directory or file of the host to show; may be said again.",
            "SOURCE[:TARGET[:ro]]")
        define.option("--commit", "Keep the child as this committed snapshot, if the command exits with 0.", "NAME")
        define.options("--label", "A label of that; may be said again.", "NAME=VALUE")
        define.flag("--readonly", "Let it only read.")
    end,
    run = function(call)
        local args = call.args
        local options, wrong = options_of(call)
        if not options then
            return nil, wrong
        end
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local ran, why = store:run(args.name, args.command, options)
        if not ran then
            return nil, why
        end
        if call.out.json then
            call.out:value({ status = ran.status, key = ran.key })
        end
        return ran.status
    end,
}
