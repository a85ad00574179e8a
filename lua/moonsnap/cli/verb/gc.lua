--- gc: collects by the store's retention rules; shows, stores, explains and does plans.

local json = require "moonsnap.cli.json"
local plans = require "moonsnap.cli.plans"
local text = require "moonsnap.cli.text"

local function invalid(call, message)
    return nil, call.moonsnap.error("invalid_argument", message)
end

--- The rules of --rules FILE; without, none of our own.
local function rules_of(call)
    local file = call.args.rules
    if not file then
        return nil
    elseif call:address() then
        return invalid(call, "--rules: a service has rules of its own: open the store itself with --root")
    end
    local policy, err = call.moonsnap.load_policy { files = { { path = file } } }
    if not policy then
        return nil, err
    end
    call.policy = policy -- its functions live as long as the rules are used
    if #policy.retention == 0 then
        return invalid(call, ("--rules '%s': it has no retention{}"):format(file))
    end
    return policy.retention
end

--- The collector of the store at hand.
local function collector(call)
    local rules, err = rules_of(call)
    if err then
        return nil, err
    end
    local store
    store, err = call:open()
    if not store then
        return nil, err
    end
    return store:gc(rules)
end

local function plan_options(call, dry)
    return { dry = dry, trigger = call.args.trigger, unseen = call.args.unseen }
end

local function show(call, plan, items, done)
    if call.out.json then
        call.out:value(plans.object(plan, items))
        return
    end
    plans.items(call.out, items, done)
    plans.summary(call.out, plan)
end

--- As the monitors of other machines want it: 0 fine, 1 a warning, 2 critical.
local function monitored(call, plan)
    local status = 0
    for _, one in ipairs(plan.monitors) do
        status = math.max(status, (one.level == "crit" or one.level == "critical") and 2 or 1)
    end
    if call.out.json then
        call.out:list(require("moonsnap.cli.output").each(plan.monitors))
    elseif status == 0 then
        call.out:say("ok: all that retention promises is there")
    end
    for _, one in ipairs(not call.out.json and plan.monitors or {}) do
        call.out:line(("%s: %s"):format(text.plain(one.level), text.plain(one.text)))
    end
    return status
end

local function apply(call, gc, id)
    local progress = call.out:progress("removing")
    local done, err = gc:apply(id, { force = call.args.force, unseen = call.args.unseen, progress = progress })
    if not done then
        return nil, err
    elseif call.out.json then
        done.skipped = json.array(done.skipped)
        done.id = id
        call.out:value(done)
    else
        plans.applied(call.out, done)
    end
    return done.failed > 0 and 1 or 0
end

--- What stands where on the line: plan and apply are options, as they are what people look for first.
local ACTIONS = {}

function ACTIONS.explain(call, gc, words)
    if #words ~= 1 then
        return invalid(call, "explain: one KEY")
    end
    local item, err = gc:explain(words[1], { trigger = call.args.trigger })
    if not item then
        return nil, err
    elseif call.out.json then
        call.out:value({ key = item.key, verdict = item.verdict, reason = item.reason, rule = item.rule,
            message = item.text, size = item.size, children = json.array(item.children), outcome = item.outcome,
            plan = item.plan, at = item.at and text.instant(item.at) })
        return
    elseif item.plan then
        call.out:line(("%s was removed: %s"):format(text.plain(item.key), text.plain(item.text)))
        call.out:say(("by plan %s of %s"):format(item.plan, text.moment(item.at)))
        return
    end
    call.out:line(("%s %s: %s"):format(text.plain(item.key), item.verdict == "keep" and "stays" or "goes",
        text.plain(item.text)))
    if #item.children > 0 then
        call.out:say(("on it stand: %s"):format(text.plain(table.concat(item.children, ", "))))
    end
end

function ACTIONS.plans(call, gc, words)
    if #words > 0 then
        return invalid(call, "plans: nothing else")
    end
    local found, err = gc:plans()
    if not found then
        return nil, err
    end
    local rows = {}
    for i, plan in ipairs(found) do
        rows[i] = { plan.id, text.moment(plan.at), ("%d of %d"):format(plan.done, plan.items),
            text.size(plan.before.size - plan.after.size), plan.trigger or "-" }
    end
    if call.out.json then
        for _, plan in ipairs(found) do
            plan.at = text.instant(plan.at)
        end
        call.out:list(require("moonsnap.cli.output").each(found))
    elseif call.out.quiet then
        for _, row in ipairs(rows) do
            call.out:line(row[1])
        end
    else
        call.out:table({ "PLAN", "MADE", "DONE", "FREES", "TRIGGER" }, rows, { [4] = true })
    end
end

function ACTIONS.show(call, gc, words)
    if #words ~= 1 then
        return invalid(call, "show: one PLAN")
    end
    local plan, err = gc:load(words[1])
    if not plan then
        return nil, err
    end
    local items
    items, err = gc:items(words[1])
    if not items then
        return nil, err
    end
    show(call, plan, items, true)
end

--- Without an action: plan, and do it.
local function collect(call, gc)
    local args = call.args
    local dry = args.dry_run or args.monitor
    local plan, err = gc:plan(plan_options(call, dry))
    if not plan then
        return nil, err
    elseif args.monitor then
        return monitored(call, plan)
    elseif args.plan or args.dry_run then
        show(call, plan, plan.items)
        if plan.id then
            call.out:say(("moonsnap gc --apply %s does exactly this"):format(plan.id))
        end
        return
    elseif not plan.id then
        return show(call, plan, {})
    end
    if not call.out.json then
        plans.summary(call.out, plan)
    end
    return apply(call, gc, plan.id)
end

---@type moonsnap.cli.Verb
return {
    summary = "collect by retention rules: plan, show, explain, apply",
    about = "Collects what the retention rules of ROOT/policy.lua let go. Every snapshot stays or goes for exactly one "
        .. "reason. --plan stores what would go; --apply PLAN does exactly that, but for what came into use since.",
    more = "moonsnap gc --plan\nmoonsnap gc --apply 1m87dbk041v-cf7c\nmoonsnap gc explain nightly-3\n"
        .. "moonsnap gc plans\nmoonsnap gc show 1m87dbk041v-cf7c\nmoonsnap gc --rules nightly.lua --dry-run\n\n"
        .. "More than half of the snapshots or bytes of a namespace go only with --force. --monitor removes nothing "
        .. "and exits with 0, 1 (a warning) or 2 (critical).",
    define = function(define)
        define.argument("action", "explain KEY, plans, or show PLAN; without: plan and apply.", "?")
        define.argument("words", "Its KEY or PLAN.", "*")
        define.flag("--plan", "Store the plan, and do nothing.")
        define.flag("--dry-run", "Show the plan; store and do nothing.")
        define.option("--apply", "Do what is left of a stored plan.", "PLAN")
        define.option("--rules", "Rules of this policy file, in place of the store's.", "FILE")
        define.option("--trigger", "As if timer, pressure, startup, commit or manual had asked: only rules on it take.",
            "TRIGGER", { "timer", "pressure", "startup", "commit", "manual" })
        define.flag("--force", "Even when it is more than half of what is there.")
        define.flag("--unseen", "Mount namespaces that cannot be looked into count as empty.")
        define.flag("--monitor", "Only say whether what the rules promise is there.")
    end,
    run = function(call)
        local args = call.args
        if args.action and not ACTIONS[args.action] then
            return invalid(call, ("'%s': it is explain, plans, show, or nothing"):format(args.action))
        elseif args.action and (args.plan or args.apply or args.dry_run) then
            return invalid(call, args.action .. ": without --plan, --dry-run and --apply")
        elseif args.apply and (args.plan or args.dry_run or args.rules) then
            return invalid(call, "--apply: a stored plan, without --plan, --dry-run and --rules")
        end
        local gc, err = collector(call)
        if not gc then
            return nil, err
        elseif args.action then
            return ACTIONS[args.action](call, gc, args.words)
        elseif args.apply then
            return apply(call, gc, args.apply)
        end
        return collect(call, gc)
    end,
}
