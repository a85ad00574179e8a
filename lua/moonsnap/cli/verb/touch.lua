--- touch KEY...: counts as a use.

local json = require "moonsnap.cli.json"

---@type moonsnap.cli.Verb
return {
    summary = "count a use of snapshots",
    about = "Counts a use of each snapshot, as mounting it would.",
    more = "moonsnap touch base",
    define = function(define)
        define.argument("keys", "Keys or names.", "+")
    end,
    run = function(call)
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local touched, status = call:each(call.args.keys, function(key)
            return store:touch(key)
        end)
        if call.out.json then
            call.out:value({ touched = json.array(touched) })
        end
        return status
    end,
}
