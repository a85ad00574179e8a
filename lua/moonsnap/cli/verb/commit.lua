--- commit NAME KEY: an active snapshot becomes a committed one.

local json = require "moonsnap.cli.json"

---@type moonsnap.cli.Verb
return {
    summary = "make an active snapshot a parent for others",
    about = "Commits the active snapshot KEY as NAME: it can be changed no more, and can be a parent. KEY is gone.",
    more = "moonsnap commit build-1 work --label made=today",
    define = function(define)
        define.argument("name", "The committed snapshot's name.")
        define.argument("key", "An active snapshot.")
        define.options("--label", "A label; may be said again.", "NAME=VALUE")
        define.option("--parent", "Put a snapshot that has no parent on this one.", "NAME")
        define.option("--durability", "What must be on disk first: metadata, layer (the default) or full.", "LEVEL",
            { "metadata", "layer", "full" })
    end,
    run = function(call)
        local args = call.args
        local labels, wrong = call:labels(args.label)
        if wrong then
            return nil, wrong
        end
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local ok, why = store:commit(args.name, args.key, {
            labels = labels, parent = args.parent, durability = args.durability,
            progress = call.out:progress("committing"),
        })
        if not ok then
            return nil, why
        end
        if call.out.json then
            call.out:value(json.snapshot(assert(store:stat(args.name))))
        end
    end,
}
