--- policy explain|check|ls|test: what policies would say, and what is wrong with them.

local json = require "moonsnap.cli.json"
local question = require "moonsnap.policy.question"
local suggest = require "moonsnap.suggest"
local text = require "moonsnap.cli.text"

local function invalid(call, message)
    return nil, call.moonsnap.error("invalid_argument", message)
end

--- --as UID or UID:GID, as numbers.
local function whom(call)
    local as = call.args.as
    if not as then
        return nil
    end
    local uid, gid = as:match("^(%d+):?(%d*)$")
    if not uid or as:sub(-1) == ":" then
        local _, err = invalid(call, ("--as '%s': it is UID or UID:GID, numbers"):format(as))
        return nil, nil, err
    end
    return math.tointeger(tonumber(uid)), math.tointeger(tonumber(gid ~= "" and gid or uid))
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

local function opinion(row)
    if row.breaker == "off" then
        return "off: it failed too often"
    elseif not row.matched then
        return "does not match"
    elseif row.failed then
        return "failed: " .. row.failed
    elseif row.verdict == "deny" then
        return ("deny %s: %s"):format(row.kind, row.text)
    elseif row.verdict == "defer" then
        return ("defer %g s"):format(row.seconds_asked)
    elseif row.verdict == "exists" then
        return "exists: " .. row.text
    elseif row.verdict == "rewrite" then
        local changes = {}
        for name, value in pairs(row.labels or {}) do
            changes[#changes + 1] = value and ("%s=%s"):format(name, value) or name .. "="
        end
        table.sort(changes)
        if row.parent then
            table.insert(changes, 1, "parent " .. row.parent)
        end
        return "rewrite " .. table.concat(changes, " ")
    end
    return row.phase == "around" and "not asked" or "no opinion"
end

--- What asking cost. Instructions are counted where there is a sandbox, in hundreds.
local function cost(row)
    if not row.seconds then
        return "", "", ""
    end
    local instructions = row.bytes and (row.instructions or 0)
    return instructions and (instructions < 100 and "<100" or text.count(instructions)) or "",
        ("%.0f"):format(row.seconds * 1e6), row.bytes and text.count(row.bytes) or ""
end

--- A file, below the store's root without it.
local function file_of(store, path)
    local root = not store.ask and store.root
    path = path or ""
    return text.plain(root and path:sub(1, #root + 1) == root .. "/" and path:sub(#root + 2) or path)
end

local function result_line(result)
    if not result.verdict then
        local labels = {}
        for name, value in pairs(result.labels or {}) do
            labels[#labels + 1] = ("%s=%s"):format(name, value)
        end
        table.sort(labels)
        return "allowed" .. (#labels > 0 and ", with " .. table.concat(labels, " ") or "")
    end
    return ("%s by '%s': %s"):format(result.verdict == "deny" and "denied" or result.verdict, result.hook,
        result.verdict == "defer" and ("come again in %g s"):format(result.seconds)
        or ("%s: %s"):format(result.kind, result.text))
end

local function print_explained(call, store, found)
    local out, rows = call.out, {}
    for i, row in ipairs(found.hooks) do
        local instructions, us, bytes = cost(row)
        rows[i] = { row.phase, text.plain(row.name), file_of(store, row.file), instructions, us, bytes,
            text.plain(opinion(row)) }
    end
    if #rows > 0 then
        out:table({ "PHASE", "HOOK", "FILE", "INSTR", "US", "BYTES", "VERDICT" }, rows,
            { [4] = true, [5] = true, [6] = true })
    end
    out:line(text.plain(result_line(found.result)))
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
        print_explained(call, store, found)
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

local function options_of(file)
    local words = {}
    for name, option in pairs(file.options or {}) do
        words[#words + 1] = ("%s=%s"):format(name, tostring(option.value))
    end
    table.sort(words)
    return table.concat(words, " ")
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
        call.out:value(found)
        return 0
    end
    local rows = {}
    for _, file in ipairs(found.files) do
        rows[#rows + 1] = { "file", "", file_of(store, file.path), text.plain(options_of(file)) }
    end
    for _, hook in ipairs(found.hooks) do
        rows[#rows + 1] = { hook.phase, text.plain(hook.name), file_of(store, hook.file), table.concat(hook.on, " ") }
    end
    for _, rule in ipairs(found.rules) do
        rows[#rows + 1] = { "rule", text.plain(rule.name), file_of(store, rule.file), "" }
    end
    call.out:table({ "WHAT", "NAME", "FILE", "ON" }, rows)
    return 0
end

local ACTIONS = { explain = explain, check = check, ls = list }

function ACTIONS.test(call, words)
    return require("moonsnap.cli.policy_test").run(call, words)
end

---@type moonsnap.cli.Verb
return {
    summary = "explain, check, list and test policies",
    about = "explain VERB ARGS: asks the hooks about a request, does nothing, and prints what each says and costs. "
        .. "check [FILE...]: loads files, or those of the store. ls: what is loaded. test FILE: runs a policy's tests.",
    more = "moonsnap policy explain prepare work base --label tenant=blue\nmoonsnap policy check tenants.lua",
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
