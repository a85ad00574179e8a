--- What a failure means to the shell, and what to do about it.

local text = require "moonsnap.cli.text"

local M = {}

M.FAILED, M.USAGE, M.NOT_STARTED, M.DAMAGED = 1, 2, 125, 8

local STATUS = {
    invalid_argument = M.USAGE,
    not_found = 3,
    already_exists = 4,
    failed_precondition = 5,
    permission_denied = 6,
    resource_exhausted = 7,
    data_loss = M.DAMAGED,
}

--- The exit status for a kind of error.
---@param kind string
---@return integer
function M.status(kind)
    return STATUS[kind] or M.FAILED
end

local function names_of(iterator, ...)
    local names = {}
    for info in iterator, ... do
        names[#names + 1] = text.shell(info.name)
    end
    return names
end

local function of_children(store, key)
    local names = names_of(store:walk("parent==" .. text.filter_value(key)))
    local more = #names > 8 and (" (and %s more)"):format(text.count(#names - 8)) or ""
    return #names > 0 and "moonsnap rm " .. table.concat(names, " ", 1, math.min(#names, 8)) .. more or nil
end

--- Where key is mounted by this store, so that it can be unmounted.
local function of_mounts(store, key)
    for _, mounted in ipairs(store:mounted() or {}) do
        if mounted.key == key and mounted.namespace == store.name_space then
            if mounted.here then
                return "moonsnap umount " .. text.shell(mounted.target)
            end
            return ("wait for process %d, which has it mounted"):format(mounted.pid)
        end
    end
end

local HINTS = {}

function HINTS.not_found(call, err)
    if call.verb == "import" and call.args.name == "-" then
        return ("moonsnap import %s -, the name comes first"):format(text.shell(call.args.source))
    elseif not call.store then
        return err.message:find("^open store") and "moonsnap import NAME SOURCE, which makes one, or another --root"
            or nil
    elseif call.verb == "umount" then
        return "moonsnap mount, which lists what is mounted"
    end
    if err.message:find("no collection whose plan is kept", 1, true) then
        return ("moonsnap watch --once --filter %s, which tells what happened to it"):format(
            text.shell("key==" .. text.filter_value(call.args.words[1])))
    elseif not err.message:find("does not exist", 1, true) then
        return nil
    end
    local lists = err.message:find("lease '[^']*' does not exist$") and "moonsnap lease ls" or "moonsnap ls"
    return lists .. ", which lists what is there"
end

function HINTS.already_exists()
    return "another name, or moonsnap rm first"
end

function HINTS.failed_precondition(call, err, key)
    local plan = call.verb == "gc" and err.message:match("^apply (%S+): .*: force it")
    if plan then
        return ("moonsnap gc show %s, and if that is meant: moonsnap gc --apply %s --force"):format(plan, plan)
    elseif not call.store or not key then
        return nil
    elseif err.message:find("; unpin it first", 1, true) then
        return "moonsnap unpin " .. text.shell(key)
    elseif err.message:find("children", 1, true) then
        return of_children(call.store, key)
    elseif err.message:find("mounted", 1, true) then
        return of_mounts(call.store, key)
    end
end

--- Did the store not open, or could it not be made?
local function is_about_root(call, err)
    return not call.store and (err.message:find("^open ") or err.message:find("^make ")) ~= nil
end

--- A policy that cannot be loaded stands before every verb.
local function without_policy(call)
    return ("moonsnap policy check, or for once without: moonsnap --no-policy %s ..."):format(call.verb)
end

function HINTS.invalid_argument(call, err)
    if not call.store and err.message:find("^load policy") then
        return call.verb ~= "policy" and without_policy(call) or nil
    elseif call.verb == "reload" and err.message:find("^load policy") then
        return "moonsnap policy check FILE"
    elseif err.message:find("^configuration: ") then
        return "moonsnap config check " .. (call.args.config and text.shell(call.args.config) or "FILE")
    end
    if is_about_root(call, err) then
        return "another --root (or MOONSNAP_ROOT)"
    end
    local parent = err.message:match("parent '(.*)' is active")
    if parent then
        return ("moonsnap commit NAME %s first"):format(text.shell(parent))
    end
    return call.verb == "help" and "moonsnap help" or "moonsnap help " .. call.verb
end

function HINTS.permission_denied(call, err)
    if not call.store and err.message:find("^policy ") then
        return call.verb ~= "policy" and without_policy(call) or nil
    end
    if not call.store and err.message:find("^connect ") then
        return "as the user whom the service runs as, or as root"
    end
    if call.ordinary and is_about_root(call, err) then
        return ("a root that is yours (--root DIR), or as root: sudo moonsnap %s ..."):format(call.verb)
    end
end

function HINTS.resource_exhausted(_, err)
    if err.message:find("database or disk is full", 1, true) then -- a removal is written down before it frees anything
        return "moonsnap cleanup, which frees what removals left; else make a megabyte of room beside the store first"
    end
    return err.message:find("No space left", 1, true) and "moonsnap cleanup, which frees what removals left" or nil
end

function HINTS.data_loss(call, err)
    if err.message:find("--repair", 1, true) or call.args.repair or err.message:find("archive", 1, true) then
        return nil
    elseif not call.store then
        return "moonsnap check --repair, which makes a new database from the layers"
    end
    return call.verb ~= "check" and "moonsnap check" or nil
end

function HINTS.unimplemented(call, err)
    if not call.store then
        return nil
    elseif err.message:find("moonsnap.v1.Control", 1, true) then -- a proxy's socket
        local way = call.verb == "reload" and "systemctl reload, or kill -HUP"
            or "--root DIR --namespace containerd instead of --address"
        return way .. ": a proxy's socket has no more than containerd needs"
    end
    return err.message:find("open the store itself", 1, true)
        and "--root DIR, where the store is at hand, instead of --address" or nil
end

function HINTS.unavailable(call, err)
    if not call.store and call:address() then
        return "moonsnap serve --mode direct, which makes the socket"
    end
    for _, gone in ipairs { "the service ends", "the connection ", "the server ends", "the server takes no more" } do
        if err.message:find(gone, 1, true) then
            return call.verb == "watch" and "again with --since and the last cursor, once the service is back"
                or "again, once the service is back"
        end
    end
    local busy = err.message:find("is being written", 1, true) or err.message:find("database is locked", 1, true)
    return busy and "again, when the other writer is done" or nil
end

--- The engine's words for a verb, where they are others than the command's.
local WORDS = { rm = "remove", umount = "unmount", usage = "usage of", diff = "diff of", label = "update" }

--- What to try next, or nil.
---@param call moonsnap.cli.Call
---@param err moonsnap.Error
---@param key? string  the snapshot that it is about
---@return string?
function M.hint(call, err, key)
    if err.policy or call.store and err.message:find("^%l+ '.-': policy [^:]+: ") then -- a service's error is words
        local verb = err.message:match("^(%l+) '") or WORDS[call.verb] or call.verb -- run commits, program does it all
        return ("moonsnap policy explain %s ..., which shows what every hook says"):format(verb)
    end
    local hint = HINTS[err.kind]
    return hint and hint(call, err, key) or nil
end

--- The message without the verb that will stand before it anyway.
---@param verb string
---@param message string
---@return string
function M.message(verb, message)
    local word = WORDS[verb] or verb
    for _, start in ipairs { word .. ": ", word .. " " } do
        if message:sub(1, #start) == start then
            return message:sub(#start + 1)
        end
    end
    return message
end

return M
