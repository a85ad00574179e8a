--- What a row would be mounted as, in the words of the overlay driver.

local M = {}

local function layer(self, number)
    return ("%s/layers/%d"):format(self.root, number)
end

local function bound(self, number, word)
    return { { type = "bind", source = layer(self, number), target = "", options = { word, "rbind" } } }
end

---@param self moonsnap.testing.Engine
---@param row moonsnap.testing.Row
---@return moonsnap.Mount[]
function M.of(self, row)
    local lowers, below = {}, row.parent
    while below do
        lowers[#lowers + 1] = layer(self, below.number)
        below = below.parent
    end
    if #lowers == 0 then
        return bound(self, row.number, row.kind == "active" and "rw" or "ro")
    elseif row.kind ~= "active" and #lowers == 1 then
        return bound(self, row.parent.number, "ro")
    end
    local options = row.kind == "active"
        and { ("workdir=%s/work/%d"):format(self.root, row.number), "upperdir=" .. layer(self, row.number) } or {}
    options[#options + 1] = "lowerdir=" .. table.concat(lowers, ":")
    return { { type = "overlay", source = "overlay", target = "", options = options } }
end

return M
