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

--- Says what came of an item.
function M:plan_item_done(ns, id, number, outcome, text)
    self:open()
    return self:write(nil, function()
        local plan, err = plan_of(self, ns, id)
        for _, item in ipairs(plan and plan.items or {}) do
            if item.number == number then
                self:set(item, "outcome", outcome)
                self:set(item, "outcome_text", text or "")
                return true
            end
        end
        if not plan then
            return nil, err
        end
        return self:fail("not_found", "plan '%s' has no item of number %d", id, number)
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

--- Whether an overlay writes to the layer of an active.
function M:probe(ns, key)
    self:open()
    local number = (self.state.names[ns] or {})[key]
    local row = self.state.rows[number]
    return row and self:mounted_on(row) and "busy" or "free"
end

return M
