--- lease create|renew|release|ls|add|drop|reap: names that hold snapshots while somebody works with them.

local json = require "moonsnap.cli.json"
local text = require "moonsnap.cli.text"
local when = require "moonsnap.cli.when"

local EXPIRE = "containerd.io/gc.expire"

local function invalid(call, message)
    return nil, call.moonsnap.error("invalid_argument", message)
end

local function object(lease)
    local labels = {}
    for name, value in pairs(lease.labels) do
        labels[name] = value
    end
    return {
        id = lease.id, created = text.instant(lease.created), ttl = lease.ttl, pid = lease.pid, ended = lease.ended,
        labels = setmetatable(labels, { __jsontype = "object" }),
    }
end

--- What create and renew answer: the lease's id, or all of it.
local function show(call, lease)
    if call.out.json then
        call.out:value(object(lease))
    else
        call.out:line(text.plain(lease.id))
    end
end

local function ttl_of(call)
    if not call.args.ttl then
        return nil
    end
    local seconds, wrong = when.seconds(call.args.ttl)
    if seconds then
        return seconds
    end
    return nil, call.moonsnap.error("invalid_argument", "--ttl " .. wrong)
end

local ACTIONS = {}

function ACTIONS.create(call, leases, words)
    if #words > 1 then
        return invalid(call, "create: one ID, or none")
    end
    local pid = call.args.pid and math.tointeger(tonumber(call.args.pid))
    if call.args.pid and not pid then
        return invalid(call, ("--pid '%s': it is a process's number"):format(call.args.pid))
    end
    local ttl, bad = ttl_of(call)
    local labels, err = call:labels(call.args.label)
    err = bad or err
    if err then
        return nil, err
    end
    local lease
    lease, err = leases:create(words[1], { labels = labels, ttl = ttl, pid = pid })
    return lease and show(call, lease), err
end

function ACTIONS.renew(call, leases, words)
    if #words ~= 1 then
        return invalid(call, "renew: one ID")
    end
    local ttl, err = ttl_of(call)
    local lease
    if not err then
        lease, err = leases:renew(words[1], ttl)
    end
    return lease and show(call, lease), err
end

local function told_removed(call, leases, removed, busy)
    if call.out.json then
        call.out:value({ leases = json.array(leases), removed = json.array(removed), busy = busy and json.array(busy) })
    elseif not call.out.quiet then
        for _, key in ipairs(removed) do
            call.out:line("removed " .. text.plain(key))
        end
        for _, one in ipairs(busy or {}) do
            call.out:line(("lease '%s' stays for now: %s"):format(text.plain(one.lease), text.plain(one.text)))
        end
    end
end

function ACTIONS.release(call, leases, words)
    if #words == 0 then
        return invalid(call, "release: which? An ID")
    end
    local removed = {}
    local done, status = call:each(words, function(id)
        local keys, err = leases:delete(id)
        table.move(keys or {}, 1, #(keys or {}), #removed + 1, removed)
        return keys, err
    end)
    told_removed(call, done, removed)
    return status
end

function ACTIONS.reap(call, leases)
    local reaped, err = leases:reap()
    if not reaped then
        return nil, err
    end
    told_removed(call, reaped.leases, reaped.removed, reaped.busy)
end

function ACTIONS.ls(call, leases, words)
    local all, err = leases:list(table.unpack(words))
    if not all then
        return nil, err
    elseif call.out.json then
        local at = 0
        call.out:list(function()
            at = at + 1
            return all[at] and object(all[at])
        end)
        return
    end
    local rows = {}
    for i, lease in ipairs(all) do
        local shown = {}
        for name, value in pairs(lease.labels) do
            shown[name] = name ~= EXPIRE and value or nil
        end
        local labels = table.concat(text.labels(shown), " ")
        rows[i] = { text.plain(lease.id), text.moment(lease.created),
            lease.ended and call.out:paint("red", lease.ended) or lease.labels[EXPIRE] and
                text.plain(lease.labels[EXPIRE]) or "-",
            lease.pid and ("%d"):format(lease.pid) or "-", labels ~= "" and labels or nil }
        if call.out.quiet then
            call.out:line(rows[i][1])
        end
    end
    if not call.out.quiet then
        call.out:table({ "LEASE", "CREATED", "ENDS", "PID", "LABELS" }, rows)
    end
end

--- The name that resources of this store's snapshots have.
local function type_of(store)
    return "snapshots/" .. (store.snapshotter or store.driver == "overlay" and "overlayfs" or store.driver)
end

local function changing(verb)
    return function(call, leases, words)
        if #words < 2 then
            return invalid(call, verb .. ": an ID, then keys")
        end
        local resource = type_of(call.store)
        local done, status = call:each({ table.unpack(words, 2) }, function(key)
            return leases[verb](leases, words[1], { type = resource, id = key })
        end)
        if call.out.json then
            call.out:value({ id = words[1], keys = json.array(done) })
        end
        return status
    end
end

ACTIONS.add, ACTIONS.drop = changing "add", changing "drop"

---@type moonsnap.cli.Verb
return {
    summary = "hold snapshots while working with them",
    about = "Makes, renews, lists and ends leases. create and renew print the lease's ID; release ends leases and "
        .. "removes what was made under one and nothing else holds; add and drop change what a lease holds; reap ends "
        .. "those whose time is over or whose process is gone.",
    more = "moonsnap lease create --ttl 6h job-7\nmoonsnap lease create --pid $$\nmoonsnap lease add job-7 base\n"
        .. "moonsnap lease release job-7",
    define = function(define)
        define.argument("action", "create [ID], renew ID, release ID..., ls [FILTER]..., add ID KEY..., drop ID "
            .. "KEY..., or reap.")
        define.argument("words", "What the action needs.", "*")
        define.option("--ttl", "create, renew: it ends so long from now (90m, 6h, 7d).", "TIME")
        define.option("--pid", "create: it ends with this process.", "PID")
        define.options("--label", "create: a label.", "NAME=VALUE")
    end,
    run = function(call)
        local act = ACTIONS[call.args.action]
        if not act then
            return invalid(call, ("'%s': create, renew, release, ls, add, drop or reap"):format(call.args.action))
        end
        local store, err = call:open { create = call.args.action == "create" }
        if not store then
            return nil, err
        end
        return act(call, store:leases(), call.args.words)
    end,
}
