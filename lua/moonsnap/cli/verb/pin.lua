--- pin KEY...: keeps snapshots, until a time or for good.

local json = require "moonsnap.cli.json"
local when = require "moonsnap.cli.when"

---@type moonsnap.cli.Verb
return {
    summary = "keep snapshots, whatever rules say",
    about = "Pins snapshots: nobody removes them, by hand or by collection, until the time is over or they are "
        .. "unpinned. Pinning again changes reason and time. An active that is committed stays pinned.",
    more = "moonsnap pin base --reason 'release 1.4' --until 2027-01-01\nmoonsnap pin work --until 6h",
    define = function(define)
        define.argument("keys", "Keys or names.", "+")
        define.option("--reason", "Why, for people.", "TEXT")
        define.option("--until", "When it ends: 6h, 7d (from now on), 2027-01-01, 2027-01-01T12:00:00Z.", "TIME",
            nil, "ends")
    end,
    run = function(call)
        local args, ends = call.args, nil
        if args.ends then
            local now = call.moonsnap.sys.now()
            local wrong
            ends, wrong = when.moment(args.ends, now)
            if ends and ends <= now then
                ends, wrong = nil, ("'%s': that is over already: such a pin holds nothing"):format(args.ends)
            end
            if not ends then
                return nil, call.moonsnap.error("invalid_argument", "--until " .. wrong)
            end
        end
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local pins = store:pins()
        local pinned, status = call:each(args.keys, function(key)
            return pins:add(key, { reason = args.reason, until_ = ends })
        end)
        if call.out.json then
            call.out:value({ pinned = json.array(pinned) })
        end
        return status
    end,
}
