--- unpin KEY...: takes pins away.

local json = require "moonsnap.cli.json"

---@type moonsnap.cli.Verb
return {
    summary = "take pins away",
    about = "Takes the pin of each snapshot away.",
    more = "moonsnap unpin base",
    define = function(define)
        define.argument("keys", "Keys or names.", "+")
    end,
    run = function(call)
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local pins = store:pins()
        local unpinned, status = call:each(call.args.keys, function(key) return pins:remove(key) end)
        if call.out.json then
            call.out:value({ unpinned = json.array(unpinned) })
        end
        return status
    end,
}
