--- umount TARGET: takes away what mount put there.

local unistd = require "posix.unistd"

---@type moonsnap.cli.Verb
return {
    summary = "unmount what mount has mounted",
    about = "Unmounts what moonsnap has mounted on TARGET.",
    more = "moonsnap umount /mnt",
    define = function(define)
        define.argument("target", "The directory it was mounted on.")
        define.flag("--lazy", "Detach now, though files are open; the rest happens when they are closed.")
    end,
    run = function(call)
        local target = call.args.target
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local path = target:sub(1, 1) == "/" and target or unistd.getcwd() .. "/" .. target
        local ok, why = store:unmount(path, { lazy = call.args.lazy })
        if not ok then
            return nil, why
        end
        if call.out.json then
            call.out:value({ target = target })
        end
    end,
}
