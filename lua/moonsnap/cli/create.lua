--- What prepare and view have in common, and how mounts are printed.

local json = require "moonsnap.cli.json"
local text = require "moonsnap.cli.text"

local M = {}

--- Prints mounts as `mount` commands, or as the object {name, mounts}.
---@param call moonsnap.cli.Call
---@param key string
---@param mounts moonsnap.Mount[]
---@param target? string  where to mount; nil prints nothing but JSON
function M.print(call, key, mounts, target)
    if call.out.json then
        local list = {}
        for number, mount in ipairs(mounts) do
            list[number] = json.mount(mount)
        end
        call.out:value({ name = key, mounts = json.array(list) })
        return
    end
    for _, mount in ipairs(target and mounts or {}) do
        local at = (target .. mount.target):gsub("(.)/+$", "%1")
        call.out:line(("mount -t %s %s %s -o %s"):format(mount.type, text.shell(text.plain(mount.source)),
            text.shell(text.plain(at)), text.shell(text.plain(table.concat(mount.options, ",")))))
    end
end

---@param verb {verb: "prepare" | "view", summary: string, about: string, more: string}
---@return moonsnap.cli.Verb
function M.verb(verb)
    return {
        summary = verb.summary,
        about = verb.about,
        more = verb.more,
        define = function(define)
            define.argument("key", "The new snapshot's key.")
            define.argument("parent", "A committed snapshot.", "?")
            define.options("--label", "A label; may be said again.", "NAME=VALUE")
            define.option("--owner", "A process: once it is gone, cleanup removes the snapshot.", "PID")
            define.option("--lease", "A lease that holds it from now on, and that it goes with.", "ID")
            define.option("--target", "Print the commands that mount it on DIR.", "DIR")
        end,
        run = function(call)
            local args = call.args
            local labels, wrong = call:labels(args.label)
            if wrong then
                return nil, wrong
            end
            local owner = args.owner and math.tointeger(tonumber(args.owner))
            if args.owner and not (owner and owner > 0) then
                return nil, call.moonsnap.error("invalid_argument", ("--owner '%s': it is a process's number")
                    :format(args.owner))
            end
            local store, err = call:open { create = args.parent == nil }
            if not store then
                return nil, err
            end
            local mounts, why = store[verb.verb](store, args.key, args.parent,
                { labels = labels, owner = owner, lease = args.lease })
            if not mounts then
                return nil, why
            end
            M.print(call, args.key, mounts, args.target)
        end,
    }
end

return M
