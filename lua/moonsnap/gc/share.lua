--- More of a namespace than anybody means by accident goes only when it is forced.

local units = require "moonsnap.units"

local M = {}

--- More than this share of a namespace's snapshots or bytes.
M.MOST = 0.5

local PAGE = 1000

--- What is wrong with taking count snapshots of size bytes from what is there; nil: nothing.
local function wrong(count, size, there, share, name_space)
    if count == 0 then
        return nil
    elseif count >= there.count then
        return ("it would remove all %d snapshots of namespace '%s'"):format(there.count, name_space)
    elseif count > share * there.count or size > share * there.size then
        return ("it would remove %d of %d snapshots, %s of %s, more than %g %%"):format(count, there.count,
            units.show_size(size), units.show_size(there.size), share * 100)
    end
end

--- Count and bytes of what a plan is about and that is still there.
local function left_of(engine, plan)
    local count, size, place = 0, 0, 0
    repeat
        local items, err = engine:plan_items(plan.namespace, plan.id, "", place, PAGE)
        if not items then
            return nil, err
        end
        for _, item in ipairs(items) do
            local info = engine:stat(plan.namespace, item.key)
            if info and info.number == item.number then
                count, size = count + 1, size + item.size
            end
            place = item.place
        end
    until #items < PAGE
    return count, size
end

--- Says whether a plan takes too much: of what was there when it was made, and of what is there by now.
---@param door moonsnap.gc.Door
---@param plan table  its header, as load answers it
---@param share number
---@return true? ok
---@return moonsnap.Error? err  failed_precondition: it is to be forced
function M.check(door, plan, share)
    local function refused(why)
        return nil, door.core.error("failed_precondition", ("apply %s: %s: force it if that is meant"):format(plan.id,
            why))
    end
    local count, size = plan.before.count - plan.after.count, plan.before.size - plan.after.size
    local why = wrong(count, size, plan.before, share, plan.namespace)
    if why then
        return refused(why)
    end
    local there, bytes = door.engine:sum(plan.namespace)
    if not there then
        return nil, bytes
    end
    local now = { count = there, size = bytes }
    if not wrong(count, size, now, share, plan.namespace) then
        return true
    end
    count, size = left_of(door.engine, plan)
    if not count then
        return nil, size
    end
    why = wrong(count, size, now, share, plan.namespace)
    if why then
        return refused("by now " .. why)
    end
    return true
end

return M
