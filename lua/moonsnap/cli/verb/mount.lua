--- mount KEY TARGET, and mount alone: what is mounted.

local json = require "moonsnap.cli.json"
local output = require "moonsnap.cli.output"
local text = require "moonsnap.cli.text"
local unistd = require "posix.unistd"

local function object(mounted)
    return {
        key = mounted.key, namespace = mounted.namespace, target = mounted.target, pid = mounted.pid,
        here = mounted.here, readonly = mounted.readonly,
    }
end

local function list(call, store)
    local mounted, err = store:mounted()
    if not mounted then
        return nil, err
    end
    if call.out.json then
        local objects = {}
        for number, one in ipairs(mounted) do
            objects[number] = object(one)
        end
        call.out:list(output.each(objects))
        return
    end
    local rows = {}
    for number, one in ipairs(mounted) do
        rows[number] = {
            text.plain(one.key), text.plain(one.target), one.readonly and "ro" or "rw", one.namespace,
            one.here and "here" or ("process %d"):format(one.pid),
        }
    end
    call.out:table({ "KEY", "TARGET", "MODE", "NAMESPACE", "SEEN" }, rows)
end

local function absolute(path)
    return path:sub(1, 1) == "/" and path or unistd.getcwd() .. "/" .. path
end

local function attach(call, store)
    local args = call.args
    local ok, err = store:mount(args.key, absolute(args.target), { readonly = args.readonly })
    if not ok then
        return nil, err
    end
    if call.out.json then
        call.out:value(json.snapshot(assert(store:stat(args.key))))
    end
end

---@type moonsnap.cli.Verb
return {
    summary = "mount a snapshot, or list what is mounted",
    about = "Mounts snapshot KEY on the directory TARGET. Without arguments, lists what this store has mounted.",
    more = "moonsnap mount work /mnt",
    define = function(define)
        define.argument("key", "An active snapshot or a view.", "?")
        define.argument("target", "An existing directory.", "?")
        define.flag("--readonly", "Mount an active snapshot so that it cannot be changed.")
    end,
    run = function(call)
        local args = call.args
        if args.key and not args.target then
            return nil, call.moonsnap.error("invalid_argument", ("mount '%s': on which directory?"):format(args.key))
        elseif args.key and call.ordinary then
            return nil, call.moonsnap.error("permission_denied",
                "an ordinary user's mount would end with this command: use moonsnap run, or `unshare -Urm` first")
        end
        local store, err = call:open()
        if not store then
            return nil, err
        end
        if args.key then
            return attach(call, store)
        end
        return list(call, store)
    end,
}
