--- policy explain|check|ls|test: what policies would say, and what is wrong with them.

local json = require "moonsnap.cli.json"
local printed = require "moonsnap.cli.explained"
local question = require "moonsnap.policy.question"
local suggest = require "moonsnap.suggest"
local text = require "moonsnap.cli.text"

local function invalid(call, message)
    return nil, call.moonsnap.error("invalid_argument", message)
end

--- The number of a user or a group.
local function id_of(digits)
    local number = math.tointeger(tonumber(digits))
    return number and number < 0xFFFFFFFF and number or nil
end

--- --as UID or UID:GID, as numbers.
local function whom(call)
    local as = call.args.as
    if not as then
        return nil
    end
    local first, second = as:match("^(%d+):?(%d*)$")
    local uid, gid = id_of(first), id_of(second ~= "" and second or first)
    if not uid or not gid or as:sub(-1) == ":" then
        local _, err = invalid(call, ("--as '%s': it is UID or UID:GID, numbers"):format(as))
        return nil, nil, err
    end
    return uid, gid
end

--- Asks the store, or the service that has it.
local function explained(call, store, verb, words, labels)
    local uid, gid, err = whom(call)
    local request, wrong
    if not err then
        request, wrong = question.request(verb, words, labels)
    end
    if not request then
        return nil, err or call.moonsnap.error("invalid_argument", wrong)
    elseif store.ask then
        return store:ask("policy_explain", { verb = verb, words = json.array(words), labels = labels, uid = uid,
            gid = gid })
    end
    local own = store.shared.hooks and store.shared.hooks.caller
    request.caller = uid and { door = "command", uid = uid, gid = gid, pid = own and own.pid } or own
    return question.explain(store, request)
end

local function explain(call, words)
    local labels, wrong = call:labels(call.args.label)
    if wrong then
        return nil, wrong
    elseif #words == 0 then
        return invalid(call, "explain what? it is explain VERB ARGS..., as explain prepare work base")
    end
    local store, err = call:open()
    if not store then
        return nil, err
    end
    local found
    found, err = explained(call, store, table.remove(words, 1), words, labels)
    if not found then
        return nil, err
    end
    if call.out.json then
        json.array(found.hooks)
        setmetatable(found.result.labels, { __jsontype = "object" })
        call.out:value(found)
    else
        printed.print(call.out, store, found)
    end
    return found.result.verdict and 1 or 0
end

--- Loads files, or the root's own, and says what is wrong.
local function check(call, words)
    local root, err
    if #words == 0 then
        root, err = call:root()
        if not root then
            return nil, err
        end
    end
    local policy
    policy, err = call.moonsnap.load_policy { root = root, files = words }
    if err then
        return nil, err
    end
    local described = policy and policy:describe() or { files = {}, hooks = {}, labels = {}, rules = {} }
    if policy then
        policy:close()
    end
    if call.out.json then
        for _, file in ipairs(described.files) do
            file.options = file.options and setmetatable(file.options, { __jsontype = "object" })
        end
        call.out:value({ files = json.array(described.files), hooks = json.array(described.hooks),
            labels = json.array(described.labels), rules = json.array(described.rules) })
        return 0
    end
    for _, file in ipairs(described.files) do
        call.out:line("ok " .. text.plain(file.path))
    end
    call.out:say(("%s, %s, %s"):format(text.several(#described.files, "file"), text.several(#described.hooks, "hook"),
        text.several(#described.rules, "rule")))
    return 0
end

local function list(call)
    local store, err = call:open()
    if not store then
        return nil, err
    end
    local found
    if store.ask then
        found, err = store:ask("policy_list", {})
    else
        found = question.describe(store)
    end
    if not found then
        return nil, err
    elseif call.out.json then
        for _, name in ipairs { "files", "hooks", "labels", "rules" } do
            json.array(found[name])
        end
        for _, file in ipairs(found.files) do
            file.options = file.options and setmetatable(file.options, { __jsontype = "object" })
        end
        call.out:value(found)
        return 0
    end
    printed.print_policy(call.out, store, found)
    return 0
end

local ACTIONS = { explain = explain, check = check, ls = list }

function ACTIONS.test(call, words)
    return require("moonsnap.cli.policy_test").run(call, words)
end

---@type moonsnap.cli.Verb
return {
    summary = "explain, check, list and test policies",
    about = "explain VERB ARGS: asks the hooks of the store about a request, does nothing, and prints what each says "
        .. "and costs. check [FILE...]: loads files, or those of the store. ls: what is loaded. test FILE [SPEC]: runs "
        .. "a policy's tests.",
    more = "moonsnap policy explain prepare work base --label tenant=blue\nmoonsnap policy check tenants.lua\n"
        .. "moonsnap policy test tenants.lua\n\n"
        .. "explain takes prepare KEY [PARENT], view KEY [PARENT], import NAME [PARENT], commit NAME KEY, rm KEY, "
        .. "label KEY NAME=VALUE..., touch KEY, mount KEY, umount KEY, evict KEY, pin KEY [ACTION] and "
        .. "lease ID [ACTION]; it exits with 1 when the request would be denied.",
    define = function(define)
        define.argument("action", "explain, check, ls or test.")
        define.argument("words", "A verb and its arguments, or files.", "*")
        define.options("--label", "A label of the request; may be said again.", "NAME=VALUE")
        define.option("--as", "Explain for another caller: numbers.", "UID[:GID]")
    end,
    run = function(call)
        local action = ACTIONS[call.args.action]
        if not action then
            return invalid(call, suggest.unknown("action", call.args.action:sub(1, 40), ACTIONS))
        end
        return action(call, call.args.words)
    end,
}
