--- mounts KEY [TARGET]: how to mount a snapshot.

local create = require "moonsnap.cli.create"

---@type moonsnap.cli.Verb
return {
    summary = "say how a snapshot is mounted",
    about = "Prints the commands that mount snapshot KEY on TARGET. Mounts nothing.",
    more = "moonsnap mounts work /mnt | sh",
    define = function(define)
        define.argument("key", "An active snapshot or a view.")
        define.argument("target", "The directory to mount on; the word TARGET without.", "?")
    end,
    run = function(call)
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local mounts, why = store:mounts(call.args.key)
        if not mounts then
            return nil, why
        end
        create.print(call, call.args.key, mounts, call.args.target or "TARGET")
    end,
}
