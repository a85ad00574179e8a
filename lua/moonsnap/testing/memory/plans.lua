--- Stored plans of retention, in memory; and who else collects a namespace: nobody, unless a test says so.

local M = {}

local function plan_of(self, ns, id)
    local plan = self.state.plans[id]
    if not plan or plan.namespace ~= ns then
        return self:fail("not_found", "there is no plan '%s': the newest 50 are kept, of each namespace", id)
    end
    return plan
end

local function shown(plan)
    local done = 0
    for _, item in ipairs(plan.items) do
        done = done + (item.outcome and 1 or 0)
    end
    return { id = plan.id, namespace = plan.namespace, created = plan.created, header = plan.header,
        items = #plan.items, done = done }
end

local function copies(items, from)
    local list = {}
    for i, item in ipairs(items) do
        list[i] = { place = from + i }
        for name, value in pairs(item) do
            list[i][name] = value
        end
    end
    return list
end

--- Stores a plan; its id.
function M:plan_save(ns, header, items)
    self:open()
    return self:write("save a plan", function()
        local counters = self.state.counters
        self:set(counters, "plan", (counters.plan or 0) + 1)
        local id = ("plan%08d"):format(counters.plan)
        self:set(self.state.plans, id,
            { id = id, namespace = ns, created = self:now(), header = header, items = copies(items, 0) })
        return id
    end)
end

--- Puts items behind those of a plan.
function M:plan_append(ns, id, items)
    self:open()
    return self:write("save a plan", function()
        local plan, err = plan_of(self, ns, id)
        for _, item in ipairs(plan and copies(items, #plan.items) or {}) do
            self:set(plan.items, #plan.items + 1, item)
        end
        return plan and true, err
    end)
end

function M:plan_load(ns, id)
    self:open()
    local plan, err = plan_of(self, ns, id)
    if not plan then
        return nil, err
    end
    return shown(plan)
end

--- Those of a namespace, newest first.
function M:plan_list(ns)
    self:open()
    local list = {}
    for _, plan in pairs(self.state.plans) do
        list[#list + 1] = plan.namespace == ns and shown(plan) or nil
    end
    table.sort(list, function(a, b) return a.id > b.id end)
    return list
end

--- Items of a plan behind a place: all, those with an outcome, or with "" those that have none yet.
function M:plan_items(ns, id, outcome, after, count)
    self:open()
    local plan, err = plan_of(self, ns, id)
    if not plan then
        return nil, err
    end
    local list = {}
    for at = (after or 0) + 1, #plan.items do
        local item = plan.items[at]
        if #list < (count or math.huge) and (outcome == nil or (item.outcome or "") == outcome) then
            list[#list + 1] = copies({ item }, at - 1)[1]
        end
    end
    return list
end

--- The items up to a place are done: removed, but for those whose outcomes are given.
function M:plan_done(ns, id, place, outcomes)
    self:open()
    return self:write(nil, function()
        local plan, err = plan_of(self, ns, id)
        if not plan then
            return nil, err
        elseif not plan.items[place] then
            return self:fail("not_found", "plan '%s' has no item %d", id, place)
        end
        for at = 1, place do
            if not plan.items[at].outcome then
                self:set(plan.items[at], "outcome", "removed")
                self:set(plan.items[at], "outcome_text", "")
            end
        end
        for _, other in ipairs(outcomes) do
            self:set(plan.items[other.place], "outcome", other.outcome)
            self:set(plan.items[other.place], "outcome_text", other.text or "")
        end
        return true
    end)
end

--- Whose collector removes the snapshots of a namespace: false for nobody else's.
function M:tenant(ns)
    self:open()
    return self.state.tenants[ns] or false
end

function M:set_tenant(ns, name)
    self:open()
    return self:write(nil, function()
        self:set(self.state.tenants, ns, name)
        return true
    end)
end

return M
