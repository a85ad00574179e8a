--- import NAME SOURCE: a tree becomes a committed snapshot.

local text = require "moonsnap.cli.text"
local unistd = require "posix.unistd"

local function object(args, done)
    return {
        name = args.name, parent = args.parent or "", entries = done.entries, bytes = done.bytes,
        whiteouts = done.whiteouts, squashed_owners = done.squashed_owners, skipped_devices = done.skipped_devices,
        skipped_xattrs = done.skipped_xattrs, skipped_mounts = done.skipped_mounts, note = done.note,
    }
end

local function print_done(call, done)
    local hidden = done.whiteouts > 0 and ", " .. text.several(done.whiteouts, "name") .. " hidden" or ""
    call.out:say(("imported %s: %s, %s%s"):format(text.plain(call.args.name),
        text.several(done.entries, "entry", "entries"), text.size(done.bytes), hidden))
    local lost = {}
    for field, noun in pairs { squashed_owners = "owner", skipped_devices = "device", skipped_xattrs = "attribute",
        skipped_mounts = "mount" } do
        if done[field] > 0 then
            lost[#lost + 1] = text.several(done[field], noun)
        end
    end
    if #lost > 0 and not call.out.quiet then
        table.sort(lost)
        local note = done.note ~= "" and ("; first: " .. text.plain(done.note)) or ""
        call.out.errors:write(("moonsnap: import: not kept: %s%s\n"):format(table.concat(lost, ", "), note))
    end
end

---@type moonsnap.cli.Verb
return {
    summary = "make a committed snapshot of a directory or tar",
    about = "Imports a directory or a tar (compressed or not) as the committed snapshot NAME, with owners, modes, "
        .. "times, extended attributes, hard links, devices and whiteouts.",
    more = "moonsnap import base rootfs.tar\ncurl -s https://example.org/rootfs.tar.gz | moonsnap import base -",
    define = function(define)
        define.argument("name", "The new snapshot's name.")
        define.argument("source", "A directory, a tar, or - for standard input.")
        define.option("--parent", "Put the tree on this committed snapshot.", "NAME")
        define.options("--label", "A label; may be said again.", "NAME=VALUE")
        define.flag("--strict", "Refuse what cannot be kept, such as owners when there is one uid only.")
    end,
    run = function(call)
        local args = call.args
        local labels, wrong = call:labels(args.label)
        if wrong then
            return nil, wrong
        elseif args.source == "-" and unistd.isatty(0) == 1 then
            return nil, call.moonsnap.error("invalid_argument", "standard input is a terminal: a tar is expected")
        end
        local store, err = call:open { create = args.parent == nil }
        if not store then
            return nil, err
        end
        local done, why = store:import(args.name, args.source == "-" and io.stdin or args.source, {
            parent = args.parent, labels = labels, strict = args.strict, progress = call.out:progress("importing"),
        })
        if not done then
            return nil, why
        elseif call.out.json then
            call.out:value(object(args, done))
        else
            print_done(call, done)
        end
    end,
}
