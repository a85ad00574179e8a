--- rm KEY...: removes snapshots.

local json = require "moonsnap.cli.json"

---@type moonsnap.cli.Verb
return {
    summary = "remove snapshots",
    about = "Removes snapshots, one after the other: children go before their parents.",
    more = "moonsnap rm work build-1",
    define = function(define)
        define.argument("keys", "Keys or names.", "+")
        define.flag("--later", "Leave it to cleanup to free what they held.")
    end,
    run = function(call)
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local options = { later = call.args.later, progress = call.out:progress("removing") }
        local removed, status = call:each(call.args.keys, function(key)
            return store:remove(key, options)
        end)
        if call.out.json then
            call.out:value({ removed = json.array(removed) })
        end
        return status
    end,
}
